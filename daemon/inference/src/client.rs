//! The daemon's side of llama.cpp: a handle that any number of tasks share, and its actor.

mod actor;
mod child;
mod feed;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use edgecoder_protocol::generation::{GenerateRequest, Generation, ModelCard};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

use crate::{Boxed, Config, Delta, InferenceError, Provider, wire::IN_FLIGHT_MAX};
use actor::Actor;
use feed::Feed;

/// Asks the actor has not taken yet. Each of [`IN_FLIGHT_MAX`] requests makes at most two; when it is
/// full, requests wait and a cancellation is lost: that request then runs to its deadline or budget.
const MAILBOX: usize = 4 * IN_FLIGHT_MAX;

/// What the handle asks of the actor.
enum Ask {
    Generate(Box<InFlight>),
    Cancel {
        id: u64,
    },
    Card {
        reply: oneshot::Sender<Result<ModelCard, InferenceError>>,
    },
}

/// A request from its acceptance to its answer.
struct InFlight {
    id: u64,
    request: GenerateRequest,
    deadline: Instant,
    feed: Option<Arc<Feed>>,
    reply: oneshot::Sender<Result<Generation, InferenceError>>,
    /// Whether the present child has it.
    is_sent: bool,
    /// Children that died with it.
    deaths: u32,
    /// Its place among [`IN_FLIGHT_MAX`], free for the next when this is dropped.
    _place: OwnedSemaphorePermit,
}

impl InFlight {
    fn answer(self, answer: Result<Generation, InferenceError>) {
        if let Some(feed) = &self.feed {
            feed.close();
        }
        // The caller may have gone; then nobody needs the answer.
        self.reply.send(answer).ok();
    }
}

/// llama.cpp in a child process, which starts with the first request and starts again when it dies.
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Llama {
    mailbox: mpsc::Sender<Ask>,
    places: Arc<Semaphore>,
    last_id: Arc<AtomicU64>,
    child: watch::Receiver<Option<u32>>,
}

impl Llama {
    /// Starts the actor, which runs until `stop` is cancelled or the last handle is dropped; the caller
    /// joins the task. No child is started and no file opened until something is asked.
    pub fn spawn(config: Config, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        let (mailbox, inbox) = mpsc::channel(MAILBOX);
        let (pid, child) = watch::channel(None);
        let task = tokio::spawn(Actor::new(config, pid).run(inbox, stop));
        let handle = Self {
            mailbox,
            places: Arc::new(Semaphore::new(IN_FLIGHT_MAX)),
            last_id: Arc::default(),
            child,
        };
        (handle, task)
    }

    /// The process id of the child, while there is one.
    pub fn child_pid(&self) -> Option<u32> {
        *self.child.borrow()
    }

    async fn submit(
        &self,
        request: GenerateRequest,
        sink: Option<mpsc::Sender<Delta>>,
        cancel: CancellationToken,
    ) -> Result<Generation, InferenceError> {
        if request.deadline_ms == 0 {
            return Err(InferenceError::Late);
        }
        // A deadline beyond the clock's end is as good as a year.
        let span =
            Duration::from_millis(request.deadline_ms).min(Duration::from_secs(365 * 24 * 3_600));
        let deadline = Instant::now() + span;
        let feed = sink.as_ref().map(|_| Arc::<Feed>::default());
        let (reply, answer) = oneshot::channel();
        let id = self.last_id.fetch_add(1, Ordering::Relaxed);
        let enter = async {
            let closed = |_| InferenceError::Stopped;
            let place = self.places.clone().acquire_owned().await.map_err(closed)?;
            let (feed, is_sent, deaths) = (feed.clone(), false, 0);
            let flight = InFlight {
                id,
                request,
                deadline,
                feed,
                reply,
                is_sent,
                deaths,
                _place: place,
            };
            let ask = Ask::Generate(Box::new(flight));
            self.mailbox
                .send(ask)
                .await
                .map_err(|_| InferenceError::Stopped)
        };
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(InferenceError::Cancelled),
            entered = enter => entered?,
            () = tokio::time::sleep_until(deadline) => return Err(InferenceError::Late),
        }
        let guard = CancelOnDrop {
            mailbox: &self.mailbox,
            id,
        };
        let answer = follow(&guard, answer, feed.zip(sink), cancel).await;
        std::mem::forget(guard);
        answer
    }

    async fn ask_card(&self) -> Result<ModelCard, InferenceError> {
        let (reply, card) = oneshot::channel();
        self.mailbox
            .send(Ask::Card { reply })
            .await
            .map_err(|_| InferenceError::Stopped)?;
        card.await.map_err(|_| InferenceError::Stopped)?
    }
}

impl Provider for Llama {
    fn generate(
        &self,
        request: GenerateRequest,
        sink: Option<mpsc::Sender<Delta>>,
        cancel: CancellationToken,
    ) -> Boxed<'_, Generation> {
        Box::pin(self.submit(request, sink, cancel))
    }

    fn card(&self) -> Boxed<'_, ModelCard> {
        Box::pin(self.ask_card())
    }
}

/// Cancels a request whose caller dropped the future.
struct CancelOnDrop<'handle> {
    mailbox: &'handle mpsc::Sender<Ask>,
    id: u64,
}

impl CancelOnDrop<'_> {
    fn cancel(&self) {
        // Full or closed: see MAILBOX.
        self.mailbox.try_send(Ask::Cancel { id: self.id }).ok();
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// Passes text on until the answer is there and all text delivered.
async fn follow(
    guard: &CancelOnDrop<'_>,
    mut reply: oneshot::Receiver<Result<Generation, InferenceError>>,
    stream: Option<(Arc<Feed>, mpsc::Sender<Delta>)>,
    cancel: CancellationToken,
) -> Result<Generation, InferenceError> {
    let mut is_streaming = stream.is_some();
    let mut is_cancelled = false;
    let mut answer = None;
    let pump = async {
        match stream {
            Some((feed, sink)) => feed.pour(&sink).await,
            None => true,
        }
    };
    tokio::pin!(pump);
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled(), if !is_cancelled => {
                is_cancelled = true;
                guard.cancel();
            }
            result = &mut reply, if answer.is_none() => {
                answer = Some(result.unwrap_or(Err(InferenceError::Stopped)));
            }
            delivered = &mut pump, if is_streaming => {
                is_streaming = false;
                if !delivered {
                    guard.cancel();
                }
            }
        }
        // Someone who cancelled may no longer read, so the rest of the text is not waited for.
        if (!is_streaming || is_cancelled)
            && let Some(answer) = answer
        {
            return answer;
        }
    }
}
