//! The state of a height as a whole: whoever trusts the height's header goes on from here without what came before.

use super::{block::Header, merkle::TileWriter, state::Value};
use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::Hash,
};

/// Heights of an epoch. At the end of each a node keeps a snapshot, and may drop the entries of those before the last.
pub const EPOCH: u64 = 4_096;

/// What a chain goes on from. It proves nothing by itself: [`Chain::resume`](super::chain::Chain::resume) compares it
/// with the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last block's.
    pub header: Header,
    /// The log up to it.
    pub log: TileWriter,
    /// All values by the hashes of their keys, which rise.
    pub values: Vec<(Hash, Value)>,
}

impl Canonical for Snapshot {
    const DOMAIN: &'static str = "edgecoder/epoch/1";

    fn encode(&self, to: &mut Encoder) {
        self.header.encode(to);
        self.log.encode(to);
        to.list(&self.values, |to, (key, value)| {
            to.fixed(&key.0);
            value.encode(to);
        });
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let header = Header::decode(from)?;
        let log = TileWriter::decode(from)?;
        let values = from.list(|from| Ok((from.hash()?, Value::decode(from)?)))?;
        if !values.windows(2).all(|pair| pair[0].0 < pair[1].0) {
            return Err(DecodeError::Invalid("a snapshot's keys"));
        }
        Ok(Self {
            header,
            log,
            values,
        })
    }
}
