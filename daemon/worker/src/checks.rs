//! What is looked at before it is believed: a lease from the coordinator, a result from the workshop. The rest of a
//! grant is the workshop's to check.

use edgecoder_protocol::{
    NetworkId, PeerId, Signed,
    key::NodeKey,
    ledger::duty::Seat,
    sealing::SealKey,
    wire::{Held, INLINE_MAX, Opening, Sealed},
    work::{ResultSummary, SubtaskLease},
};

use crate::{Fixed, GrantError, Made, ResultError};

/// Who a lease must be for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parties {
    pub(crate) network: NetworkId,
    pub(crate) worker: PeerId,
}

impl Parties {
    /// What `lease` lends, and the key that it is for, if it is from whoever has the `seat`. Whether that key was offered, the caller knows.
    pub(crate) fn check(
        &self,
        lease: &Signed<SubtaskLease>,
        seat: Option<Seat>,
    ) -> Result<(Held, SealKey), GrantError> {
        let seat = seat.ok_or(GrantError::Vacant)?;
        let lease = lease.open_by(seat.holder)?;
        if lease.term != seat.term {
            let (found, current) = (lease.term, seat.term);
            return Err(GrantError::Term { found, current });
        }
        if lease.network != self.network {
            return Err(GrantError::Network);
        }
        if lease.worker != self.worker {
            return Err(GrantError::Worker);
        }
        let held = Held {
            attempt: lease.attempt,
            part: lease.part,
            term: lease.term,
        };
        Ok((held, lease.key))
    }

    /// Signs what was made under `held` and commits to it. A wrong summary would be evidence against this node, so it
    /// is never signed. `salt` is random: with it nobody can guess what the commitment hides.
    pub(crate) fn fix(
        &self,
        held: Held,
        made: Made,
        key: &NodeKey,
        salt: [u8; 32],
    ) -> Result<Fixed, ResultError> {
        let Made {
            summary,
            answer,
            report,
            tokens,
        } = made;
        let ResultSummary {
            network,
            attempt,
            part,
            term,
            ..
        } = summary;
        let of = Held {
            attempt,
            part,
            term,
        };
        if (network, of) != (self.network, held) {
            return Err(ResultError::Lease);
        }
        if answer
            .as_ref()
            .is_some_and(|answer| answer.reference() != summary.answer)
        {
            return Err(ResultError::Answer);
        }
        if answer.iter().chain([&report]).any(is_too_large) {
            return Err(ResultError::TooLarge);
        }
        Ok(Fixed {
            commitment: summary.commitment(self.worker, &salt),
            opening: Opening {
                salt,
                summary: Signed::new(summary, key),
                report,
                tokens,
            },
            answer,
        })
    }
}

/// Whether no peer would read it.
fn is_too_large(sealed: &Sealed) -> bool {
    match sealed {
        Sealed::Inline(bytes) => bytes.len() > INLINE_MAX,
        Sealed::Fetch(_) => false,
    }
}
