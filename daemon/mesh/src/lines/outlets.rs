//! Where words wait until their line's stream takes them: for each peer and line so many, and so many bytes. Whoever
//! does not read keeps nothing waiting but its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use edgecoder_protocol::PeerId;
use tokio::sync::{Semaphore, mpsc};

use super::frames::{Line, Word};

/// Words that wait for one line's stream.
const WAITING_MAX: usize = 256;
/// Their bytes: two of the longest words.
const LONGEST: usize = 2;

/// Why a word is not on its way. Whoever said it may send it as a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SayError {
    /// No line is kept with this peer, or it is not open. In the latter case it will be, if the peer is connected and
    /// will have it.
    #[error("there is no line to this peer")]
    NoLine,
    /// The peer does not take what waits for it.
    #[error("too much waits for this peer")]
    Full,
    /// Longer than the line carries.
    #[error("{bytes} bytes are more than the {max} that a word may have")]
    TooLarge {
        /// Of the word.
        bytes: usize,
        /// The line's cap.
        max: usize,
    },
}

/// The way into one line.
#[derive(Clone, Debug)]
pub struct Outlet {
    words: mpsc::Sender<Word>,
    places: Arc<Semaphore>,
}

/// An outlet, and what it takes.
pub(super) fn outlet(line: Line) -> (Outlet, mpsc::Receiver<Word>) {
    let (words, taken) = mpsc::channel(WAITING_MAX);
    let places = Arc::new(Semaphore::new(LONGEST * line.word_max()));
    (Outlet { words, places }, taken)
}

impl Outlet {
    fn say(&self, body: Vec<u8>) -> Result<(), SayError> {
        let permits = u32::try_from(body.len().max(1)).unwrap_or(u32::MAX);
        let place = self.places.clone().try_acquire_many_owned(permits);
        let place = place.map_err(|_| SayError::Full)?;
        self.words
            .try_send(Word::new(body, place))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => SayError::Full,
                mpsc::error::TrySendError::Closed(_) => SayError::NoLine,
            })
    }
}

/// The outlets of all kept peers, shared by the actor and every handle, so that a word needs nobody's turn.
#[derive(Clone, Debug, Default)]
pub struct Outlets(Arc<Mutex<BTreeMap<PeerId, [Option<Outlet>; Line::ALL.len()]>>>);

impl Outlets {
    /// Puts a word on its way, and says whether there is a line; whether one is kept at all is `true` in the error.
    pub fn say(&self, to: PeerId, line: Line, body: Vec<u8>) -> Result<(), (SayError, bool)> {
        let (bytes, max) = (body.len(), line.word_max());
        if bytes > max {
            return Err((SayError::TooLarge { bytes, max }, false));
        }
        let outlet = match self.lock().get(&to) {
            None => return Err((SayError::NoLine, false)),
            Some(lines) => lines[line as usize].clone(),
        };
        let outlet = outlet.ok_or((SayError::NoLine, true))?;
        outlet
            .say(body)
            .map_err(|error| (error, error == SayError::NoLine))
    }

    /// Only these are kept.
    pub(super) fn keep(&self, peers: &BTreeSet<PeerId>) {
        let mut outlets = self.lock();
        outlets.retain(|peer, _| peers.contains(peer));
        for peer in peers {
            outlets.entry(*peer).or_default();
        }
    }

    pub(super) fn put(&self, peer: PeerId, line: Line, outlet: Outlet) {
        if let Some(lines) = self.lock().get_mut(&peer) {
            lines[line as usize] = Some(outlet);
        }
    }

    pub(super) fn remove(&self, peer: PeerId, line: Line) {
        if let Some(lines) = self.lock().get_mut(&peer) {
            lines[line as usize] = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PeerId, [Option<Outlet>; Line::ALL.len()]>> {
        // A panic while it was held left whole values: each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
