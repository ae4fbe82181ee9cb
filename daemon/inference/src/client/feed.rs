//! Text on its way to one caller. A slow caller gets fewer, longer pieces and holds up nobody else; what
//! waits is bounded by the request's own budget of tokens.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, mpsc};

use crate::Delta;

/// Text of one request, written and not yet delivered.
#[derive(Debug, Default)]
pub struct Feed {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    texts: BTreeMap<u32, String>,
    has_begun: bool,
    is_closed: bool,
}

impl Feed {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds pieces, each to its candidate's text.
    pub fn push(&self, pieces: Vec<(u32, String)>) {
        let mut state = self.state();
        state.has_begun = true;
        for (candidate, piece) in pieces {
            state.texts.entry(candidate).or_default().push_str(&piece);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Whether any text was added: then the request cannot be begun again.
    pub fn has_begun(&self) -> bool {
        self.state().has_begun
    }

    /// Says that no more text comes.
    pub fn close(&self) {
        self.state().is_closed = true;
        self.changed.notify_one();
    }

    /// Delivers text until the feed is closed and empty; false when the caller stopped reading.
    pub async fn pour(&self, sink: &mpsc::Sender<Delta>) -> bool {
        loop {
            let (texts, is_closed) = {
                let mut state = self.state();
                (std::mem::take(&mut state.texts), state.is_closed)
            };
            if texts.is_empty() && is_closed {
                return true;
            }
            for (candidate, text) in texts {
                if sink.send(Delta { candidate, text }).await.is_err() {
                    return false;
                }
            }
            if !is_closed {
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = sink.closed() => return false,
                }
            }
        }
    }
}
