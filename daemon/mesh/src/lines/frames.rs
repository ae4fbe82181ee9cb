//! What is on a line's stream: `version (1 byte) | network (32)` once, then any number of `length (u32, little-endian) |
//! body`, in one direction.
//!
//! A length is compared with the line's cap before anything is allocated, and a word is not read before there is room
//! for it: whoever does not take its words stops this reader, then the stream's window, then the writer at the other
//! end, and nobody else.

use std::{io, sync::Arc};

use edgecoder_protocol::NetworkId;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, io::BufReader};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{Duration, Instant, sleep, timeout},
};

use crate::{
    flood::Bucket,
    frame::{Fault, VERSION, read_body},
};

/// Words of a line that have come and were not taken: their number, and their bytes.
const WAITING_MAX: usize = 256;
const WAITING_BYTES_MAX: usize = 2 << 20;
/// The longest that a word may take to come once its length is there, and that a batch may take to be written: 1 MiB at
/// 140 kbit/s.
const PASSAGE_MAX: Duration = Duration::from_secs(60);
/// A line without a word for so long is closed.
const IDLE_MAX: Duration = Duration::from_secs(120);
/// Words that are waiting go together up to so many bytes, beside the last of them.
const TOGETHER: usize = 64 << 10;
/// What is read at once: a few votes.
const READ_AHEAD: usize = 4 << 10;
/// Words a second that are read of a line for good, and at once: what a council of a thousand heights a second says.
/// With more, reading waits.
const RATE: f64 = 4_000.0;
const BURST: f64 = 8_000.0;

/// Which line. Each has its own streams, so that a vote that waits for a disk never holds up a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// Consensus and entries: words of at most 1 MiB.
    Deciding,
    /// Leases and signs of life: words of at most 64 KiB.
    Duties,
}

impl Line {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Deciding, Self::Duties];

    /// The longest word, in bytes.
    pub const fn word_max(self) -> usize {
        match self {
            Self::Deciding => 1 << 20,
            Self::Duties => 64 << 10,
        }
    }
}

impl AsRef<str> for Line {
    /// Its protocol.
    fn as_ref(&self) -> &str {
        match self {
            Self::Deciding => "/edgecoder/line/deciding/1",
            Self::Duties => "/edgecoder/line/duties/1",
        }
    }
}

/// A word that came, and its place among those that wait.
#[derive(Debug)]
pub struct Word {
    /// At most [`Line::word_max`] bytes, not looked at.
    pub body: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

/// The words of a peer on one line, in their order. They end with the line; dropping this closes it.
#[derive(Debug)]
pub struct Words(mpsc::Receiver<Word>);

impl Words {
    /// The next word; none when the line is closed. While nobody asks, the peer has to wait. Cancel-safe.
    pub async fn next(&mut self) -> Option<Word> {
        self.0.recv().await
    }
}

/// A reader of a stream, to be driven until it says why it has ended, and what it reads.
pub(super) fn read(
    stream: impl AsyncRead + Unpin,
    network: NetworkId,
    line: Line,
) -> (impl Future<Output = Fault>, Words) {
    let (sender, words) = mpsc::channel(WAITING_MAX);
    let reading = async move {
        let io = BufReader::with_capacity(READ_AHEAD, stream);
        tokio::select! {
            biased;
            () = sender.closed() => Fault::Closed,
            end = read_all(io, &network, line, &sender) => match end {
                Ok(()) => Fault::Closed,
                Err(fault) => fault,
            },
        }
    };
    (reading, Words(words))
}

/// Reads until the stream ends between two words, or nobody takes them any more.
async fn read_all(
    mut io: impl AsyncRead + Unpin,
    network: &NetworkId,
    line: Line,
    words: &mpsc::Sender<Word>,
) -> Result<(), Fault> {
    let mut opening = [0; 33];
    let read = timeout(PASSAGE_MAX, io.read_exact(&mut opening)).await;
    read.map_err(|_| Fault::Late)??;
    match opening.split_first() {
        Some((&VERSION, found)) if found == network.0 => {}
        Some((&VERSION, _)) => return Err(Fault::Network),
        found => return Err(Fault::Version(found.map_or(0, |(version, _)| *version))),
    }
    let places = Arc::new(Semaphore::new(WAITING_BYTES_MAX));
    let mut pace = Bucket::new(BURST, Instant::now());
    while let Some(length) = read_length(&mut io).await? {
        if length as usize > line.word_max() {
            let length = length.into();
            return Err(Fault::Oversized { length });
        }
        while !pace.take(Instant::now(), RATE, BURST) {
            sleep(pace.wait(RATE)).await;
        }
        // An empty word takes a place as well. Nobody closes the semaphore.
        let place = places.clone().acquire_many_owned(length.max(1)).await;
        let place = place.map_err(|_| Fault::Closed)?;
        let body = timeout(PASSAGE_MAX, read_body(&mut io, length as usize)).await;
        let body = body.map_err(|_| Fault::Late)??;
        let word = Word {
            body,
            _place: place,
        };
        if words.send(word).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The next word's length; none when the stream ends before it.
async fn read_length(io: &mut (impl AsyncRead + Unpin)) -> Result<Option<u32>, Fault> {
    let mut length = [0; 4];
    let begun = io.read(&mut length).await?;
    if begun == 0 {
        return Ok(None);
    }
    io.read_exact(&mut length[begun..]).await?;
    Ok(Some(u32::from_le_bytes(length)))
}

/// Writes words as they come, what waits together, until the stream is lost or nothing has come for long.
pub(super) async fn write(
    mut io: impl AsyncWrite + Unpin,
    network: NetworkId,
    mut words: mpsc::Receiver<Word>,
) {
    let mut batch = Vec::from([VERSION]);
    batch.extend(network.0);
    while let Ok(Some(word)) = timeout(IDLE_MAX, words.recv()).await {
        put(&mut batch, &word);
        while batch.len() < TOGETHER
            && let Ok(word) = words.try_recv()
        {
            put(&mut batch, &word);
        }
        let passing = async {
            io.write_all(&batch).await?;
            io.flush().await
        };
        match timeout(PASSAGE_MAX, passing).await {
            Ok(Ok(())) => batch = Vec::new(),
            // Whoever has something to say finds no line, and opens another.
            Ok(Err(_)) | Err(_) => return,
        }
    }
    words.close();
    // The other side sees the stream's end either way.
    let _: Result<io::Result<()>, _> = timeout(PASSAGE_MAX, io.close()).await;
}

fn put(batch: &mut Vec<u8>, word: &Word) {
    // No word is longer than its line's cap.
    let length = u32::try_from(word.body.len()).unwrap_or(u32::MAX);
    batch.extend(length.to_le_bytes());
    batch.extend(&word.body);
}

impl Word {
    pub(super) fn new(body: Vec<u8>, place: OwnedSemaphorePermit) -> Self {
        Self {
            body,
            _place: place,
        }
    }
}
