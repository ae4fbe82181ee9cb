//! Tasks that wait for their turn, in order. A withdrawn one leaves at once, so that it keeps nobody out.
//!
//! It has no bound of its own: nobody is let in while as many tasks are open as a node takes.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use edgecoder_protocol::TaskId;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<VecDeque<TaskId>>,
    filled: Notify,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, VecDeque<TaskId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts `id` at the end.
    pub fn push(&self, id: TaskId) {
        self.lock().push_back(id);
        self.filled.notify_one();
    }

    /// Takes `id` out, wherever it stands.
    pub fn remove(&self, id: TaskId) {
        self.lock().retain(|waiting| *waiting != id);
    }

    /// The first, once there is one. For a single reader. Cancel-safe.
    pub async fn next(&self) -> TaskId {
        loop {
            let filled = self.filled.notified();
            if let Some(id) = self.lock().pop_front() {
                return id;
            }
            filled.await;
        }
    }
}
