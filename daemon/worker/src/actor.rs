//! The IO half: owns the machine, the keys of fresh leases, and all that is under way. Decides nothing.

mod ask;
#[cfg(test)]
mod tests;
mod work;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use edgecoder_protocol::{
    key::NodeKey,
    ledger::duty::Seat,
    sealing::OpenKey,
    wire::{Grant, Held, WhyBack},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::{Id, JoinError, JoinSet},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{debug, info, warn};

use crate::{
    Answer, Coordinator, Errand, Forgotten, Host, Input, Machine, Output, Policy, Ports, Seen,
    Status, Workshop, checks::Parties, handle::Command,
};

/// How long the actor sleeps when the machine names no time.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// How others reach the actor.
pub(crate) struct Calls {
    pub(crate) inbox: mpsc::Receiver<Command>,
    pub(crate) wake: Arc<Notify>,
}

/// Granted leases with the key of each, as they came.
type Fresh = BTreeMap<Held, (Box<Grant>, OpenKey)>;

/// What something that was under way came to.
struct Came {
    input: Input,
    /// Only for a request for work.
    fresh: Fresh,
}

impl From<Input> for Came {
    fn from(input: Input) -> Self {
        let fresh = Fresh::new();
        Self { input, fresh }
    }
}

/// Something that is under way.
#[derive(Clone, Copy, Debug)]
enum Job {
    Ask(Errand),
    Work(Held),
}

impl Job {
    /// What the machine hears when it broke off.
    fn broken(self) -> Input {
        match self {
            Self::Ask(errand) => Input::Answered(errand, Answer::Nothing),
            Self::Work(held) => Input::NotMade {
                held,
                why: WhyBack::Unable,
                sentence: "The node's workshop broke off.".to_owned(),
            },
        }
    }
}

/// The state behind a [`crate::Worker`].
pub(crate) struct Actor<C, W, H> {
    machine: Machine,
    coordinator: Arc<C>,
    workshop: Arc<W>,
    host: Arc<H>,
    key: Arc<NodeKey>,
    parties: Parties,
    /// Bounded by the machine, which counts what it starts.
    under_way: JoinSet<Came>,
    /// What each of them is: a panic says only its id.
    jobs: HashMap<Id, Job>,
    /// What cancels each piece of work, by being dropped.
    working: BTreeMap<Held, DropGuard>,
    status: watch::Sender<Status>,
}

impl<C, W, H> Actor<C, W, H>
where
    C: Coordinator + 'static,
    W: Workshop + 'static,
    H: Host + 'static,
{
    pub(crate) fn new(
        policy: Policy,
        ports: Ports<C, W, H>,
        key: Arc<NodeKey>,
        parties: Parties,
    ) -> (Self, watch::Receiver<Status>) {
        let mut seed = [0; 8];
        ports.host.random(&mut seed);
        let machine = Machine::new(policy, u64::from_le_bytes(seed));
        let (status, told) = watch::channel(machine.status());
        let actor = Self {
            machine,
            coordinator: Arc::new(ports.coordinator),
            workshop: Arc::new(ports.workshop),
            host: Arc::new(ports.host),
            key,
            parties,
            under_way: JoinSet::new(),
            jobs: HashMap::new(),
            working: BTreeMap::new(),
            status,
        };
        (actor, told)
    }

    pub(crate) async fn run(mut self, mut calls: Calls, stop: CancellationToken) {
        info!(slots = self.machine.status().slots, "worker started");
        let mut stopping = false;
        let mut seat = self.coordinator.seat();
        let mut is_followed = true;
        self.sit(&mut seat);
        while !self.machine.finished() {
            let deadline = self.machine.next_deadline();
            let now = self.host.now();
            let wait = deadline.map_or(SLEEP_MAX, |at| at.since(now).min(SLEEP_MAX));
            tokio::select! {
                biased;
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.feed(Input::Stop);
                }
                changed = seat.changed(), if is_followed => match changed {
                    Ok(()) => self.sit(&mut seat),
                    // The node stops; who coordinates is not told any more.
                    Err(_) => is_followed = false,
                },
                Some(ended) = self.under_way.join_next_with_id() => self.ended(ended),
                Some(command) = calls.inbox.recv() => self.command(command),
                () = calls.wake.notified() => self.feed(Input::Wake),
                () = tokio::time::sleep(wait) => self.feed(Input::Tick),
            }
        }
        self.working.clear();
        self.under_way.shutdown().await;
        info!(counters = ?self.machine.status().counters, "worker stopped");
    }

    fn sit(&mut self, seat: &mut watch::Receiver<Option<Seat>>) {
        let seat = *seat.borrow_and_update();
        self.feed(Input::Seat(seat));
    }

    fn feed(&mut self, input: Input) {
        self.feed_fresh(input, Fresh::new());
    }

    /// Hands `input` to the machine and does what it wants; what it does not take of `fresh` is wiped.
    fn feed_fresh(&mut self, input: Input, mut fresh: Fresh) {
        let seen = Seen {
            minute: self.host.minute_of_day_utc(),
            idle: self.host.is_idle(),
        };
        self.machine.handle(self.host.now(), seen, input);
        self.perform(&mut fresh);
    }

    fn perform(&mut self, fresh: &mut Fresh) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Take { keys } => self.take(keys),
                Output::Heartbeat { held } => self.beat(held),
                Output::Commit(commit) => self.commit(commit),
                Output::GiveBack {
                    held,
                    why,
                    sentence,
                } => self.give_back(held, why, sentence),
                Output::Work(held) => match fresh.remove(&held) {
                    Some((grant, key)) => self.work(held, grant, key),
                    // The machine is told of no other leases.
                    None => debug!(?held, "a lease without its grant"),
                },
                Output::Forget { held, why } => {
                    self.working.remove(&held);
                    log_forgotten(held, why);
                }
            }
        }
        self.tell();
    }

    fn tell(&mut self) {
        let now = self.machine.status();
        self.status.send_if_modified(|told| {
            if told.state != now.state {
                info!(state = %now.state, "worker's state changed");
            }
            let changed = *told != now;
            *told = now;
            changed
        });
    }

    fn ended(&mut self, ended: Result<(Id, Came), JoinError>) {
        let (id, came) = match ended {
            Ok((id, came)) => (id, Some(came)),
            Err(error) => {
                // Nothing aborts them while the actor runs: it was a panic.
                warn!(%error, "something under way broke off");
                (error.id(), None)
            }
        };
        let Some(job) = self.jobs.remove(&id) else {
            return;
        };
        if let Job::Work(held) = job {
            self.working.remove(&held);
        }
        let Came { input, fresh } = came.unwrap_or_else(|| job.broken().into());
        if matches!(&input, Input::Answered(_, Answer::Granted(granted)) if granted.is_empty()) {
            debug!("no work");
        }
        self.feed_fresh(input, fresh);
    }

    fn command(&mut self, command: Command) {
        // Done before it is said; whoever asked may be gone, and then nobody needs the reply.
        match command {
            Command::Owner(input, reply) => {
                self.feed(input);
                reply.send(()).ok();
            }
            Command::Open(from, held, reply) => {
                let answer = self.machine.open(self.host.now(), from, held);
                self.perform(&mut Fresh::new());
                reply.send(answer).ok();
            }
            Command::Stop(from, held, reply) => {
                let answer = self.machine.stopped(self.host.now(), from, held);
                self.perform(&mut Fresh::new());
                reply.send(answer).ok();
            }
        }
    }

    fn start(&mut self, job: Job, task: impl Future<Output = Came> + Send + 'static) {
        let id = self.under_way.spawn(task).id();
        self.jobs.insert(id, job);
    }
}

fn log_forgotten(held: Held, why: Forgotten) {
    match why {
        Forgotten::Lost | Forgotten::Stopped | Forgotten::Deposed | Forgotten::Drained => {
            debug!(?held, ?why, "lease ended without a result");
        }
        Forgotten::Refused | Forgotten::Silent | Forgotten::Full => {
            warn!(?held, ?why, "work was in vain");
        }
    }
}
