//! Performs what the machine decides: hears nodes, signs leases, wraps keys, opens results, keeps records.
//!
//! One loop owns machine and contents. Whatever takes time (a disk, a peer, a sandbox) is a task of its own that comes
//! back as an [`Event`]; a promise is given when its record is durable.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use edgecoder_protocol::{
    Millis, NetworkId, PeerId, Signed, TaskId,
    key::NodeKey,
    ledger::entry::{Body, Fenced},
    network::Genesis,
    operator::{ErrorKind, ErrorObject},
    sealing::OpenKey,
    wire::{Held, Kept, Listed, Opening, Request, Response},
    work::{AttemptId, ResultSummary, TaskSpec},
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{Judge, Machine, Need, Ports, Ruling};

mod admission;
mod disputes;
mod grants;
mod outputs;
mod record;
mod requests;

use admission::Admitted;
use record::Matter;
pub use record::{Inspected, inspect};
use requests::{Take, Watch};

/// Requests that the loop has not taken yet. It takes each within microseconds; when it is full, askers wait.
const MAILBOX: usize = 1_024;
/// Tasks admitted at a time: each may run a sandbox and ask a model.
const ADMISSIONS: usize = 4;
/// How often time is let pass: a tenth of the shortest span that the machine goes by.
const TICK: Duration = Duration::from_millis(200);
/// Announcements are said at most this often, together.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(1);

/// Who coordinates, and for which network.
pub struct Settings {
    /// The network.
    pub genesis: Genesis,
    /// Signs leases and tokens.
    pub key: Arc<NodeKey>,
    /// Opens what is wrapped for this node as a coordinator.
    pub open: OpenKey,
    /// The shard of task ids whose duty it has, and by which grant.
    pub shard: u16,
    /// See there. What was lent by another counts for nothing.
    pub term: u64,
    /// Whether another may have coordinated before, with whom nodes are registered that are not known here.
    pub takes_over: bool,
    /// Whether the lease of that grant stands. While it does not, nothing is heard, lent or decided.
    pub holds: watch::Receiver<bool>,
    /// Tasks that were coordinated before, here or by another.
    pub stored: Vec<Kept>,
    /// Nodes that are known; each says within seconds that it is there.
    pub nodes: Vec<Listed>,
}

/// Talks to a coordinator. Cheap to clone; gives no answers once it has stopped.
#[derive(Clone, Debug)]
pub struct Coordinator {
    mailbox: mpsc::Sender<Ask>,
}

#[derive(Debug)]
enum Ask {
    Request {
        from: PeerId,
        request: Box<Request>,
        reply: oneshot::Sender<Response>,
    },
    Disconnected(PeerId),
    /// Who may work has changed.
    Review,
    /// Another member kept this.
    Restore(Box<Kept>),
}

/// What a task of the loop came to.
enum Event {
    /// A submission is durable, or could not be made so.
    Stored(TaskId, Result<(), ErrorObject>),
    /// A task was admitted or not, and which slots could not be asked meanwhile.
    Admitted(TaskId, Result<Admitted, ErrorObject>, Vec<PeerId>),
    /// A commitment was opened, verified; or it was not.
    Opened(PeerId, Held, Option<(Box<Opening>, ResultSummary)>),
    Ruled(AttemptId, Ruling, Option<Box<Opening>>),
    /// A record was written, or could not be.
    Saved(TaskId),
    /// It needs nothing more.
    Over,
}

impl Coordinator {
    /// Starts a coordinator; it runs until `stop` is cancelled, and the caller joins the handle.
    pub fn start<P: Ports>(
        settings: Settings,
        ports: P,
        stop: CancellationToken,
    ) -> (Self, JoinHandle<()>) {
        let (mailbox, inbox) = mpsc::channel(MAILBOX);
        let actor = Actor::new(settings, ports);
        (Self { mailbox }, tokio::spawn(actor.run(inbox, stop)))
    }

    /// Another member kept this of a task: it is gone on with here, unless it is known.
    pub async fn restore(&self, kept: Kept) {
        // A stopped coordinator goes on with nothing.
        self.mailbox.send(Ask::Restore(Box::new(kept))).await.ok();
    }

    /// Answers a request of `from`, whose identity the connection has proved; not at all once it stops. Dropping the
    /// future withdraws a poll.
    pub async fn ask(&self, from: PeerId, request: Request) -> Option<Response> {
        let (reply, answer) = oneshot::channel();
        let request = Box::new(request);
        let sent = self
            .mailbox
            .send(Ask::Request {
                from,
                request,
                reply,
            })
            .await;
        sent.ok()?;
        answer.await.ok()
    }

    /// Who may work has changed.
    pub async fn review(&self) {
        // As above.
        self.mailbox.send(Ask::Review).await.ok();
    }

    /// A node's last connection is closed.
    pub async fn disconnected(&self, peer: PeerId) {
        // A stopped coordinator has no use for it.
        self.mailbox.send(Ask::Disconnected(peer)).await.ok();
    }
}

struct Actor<P> {
    ports: Arc<P>,
    genesis: Genesis,
    network: NetworkId,
    key: Arc<NodeKey>,
    open: OpenKey,
    shard: u16,
    term: u64,
    holds: watch::Receiver<bool>,
    machine: Machine,
    matters: BTreeMap<TaskId, Matter>,
    /// Submissions that are being made durable, with who waits for that.
    /// Tasks that a member alone says there are, until they were admitted. No more than tasks.
    gathered: BTreeSet<TaskId>,
    incoming: BTreeMap<TaskId, (Matter, Vec<oneshot::Sender<Response>>)>,
    /// Records that are being written, and whether there is something newer to write: one write a task at a time.
    saving: BTreeMap<TaskId, bool>,
    takes: BTreeMap<u64, Take>,
    watches: Vec<Watch>,
    number: u64,
    work: JoinSet<Event>,
    admissions: Arc<Semaphore>,
    announcements: Vec<Need>,
    /// Which slot the next token is for.
    turn: usize,
    /// Slots that workers could not ask, with the end of the time in which nobody is sent there. No more than nodes.
    shunned: BTreeMap<PeerId, Millis>,
}

impl<P: Ports> Actor<P> {
    fn new(settings: Settings, ports: P) -> Self {
        let machine = match settings.takes_over {
            true => Machine::taking_over(settings.term, ports.now()),
            false => Machine::new(settings.term),
        };
        let mut actor = Self {
            ports: Arc::new(ports),
            network: settings.genesis.id(),
            genesis: settings.genesis,
            key: settings.key,
            open: settings.open,
            shard: settings.shard,
            term: settings.term,
            holds: settings.holds,
            machine,
            matters: BTreeMap::new(),
            gathered: BTreeSet::new(),
            incoming: BTreeMap::new(),
            saving: BTreeMap::new(),
            takes: BTreeMap::new(),
            watches: Vec::new(),
            number: 0,
            work: JoinSet::new(),
            admissions: Arc::new(Semaphore::new(ADMISSIONS)),
            announcements: Vec::new(),
            turn: 0,
            shunned: BTreeMap::new(),
        };
        let now = actor.ports.now();
        for node in &settings.nodes {
            actor.known(now, node);
        }
        let stored = settings.stored.iter();
        let mut matters: Vec<Matter> = stored.filter_map(|kept| actor.read(kept)).collect();
        // In the order in which they came.
        matters.sort_by_key(|matter| (matter.accepted, matter.id));
        for matter in matters {
            actor.restore(matter);
        }
        actor
    }

    async fn run(mut self, mut inbox: mpsc::Receiver<Ask>, stop: CancellationToken) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut announce = interval(ANNOUNCE_EVERY);
        announce.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Tasks that a restart left begin again.
        self.perform();
        loop {
            if !*self.holds.borrow_and_update() {
                // What is under way comes to its end unheard; what has come of it is heard if the lease is renewed.
                tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    changed = self.holds.changed() => match changed {
                        Ok(()) => continue,
                        Err(_) => break,
                    },
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                changed = self.holds.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => break,
                },
                Some(event) = self.work.join_next() => self.event(event),
                _ = ticks.tick() => self.tick(),
                _ = announce.tick(), if !self.announcements.is_empty() => self.announce(),
                ask = inbox.recv() => match ask {
                    Some(Ask::Request { from, request, reply }) => self.request(from, *request, reply),
                    Some(Ask::Disconnected(peer)) => self.machine.disconnected(self.ports.now(), peer),
                    Some(Ask::Review) => {
                        let ports = self.ports.clone();
                        self.machine.review(ports.now(), |peer| ports.refuses(*peer).is_none());
                    }
                    Some(Ask::Restore(kept)) => self.take_over(&kept),
                    None => break,
                },
            }
            self.perform();
        }
        // Whoever is asked something right now asks again elsewhere; nothing here is the only copy.
        self.work.shutdown().await;
    }

    fn event(&mut self, event: Result<Event, tokio::task::JoinError>) {
        let now = self.ports.now();
        match event {
            Ok(Event::Stored(task, result)) => self.stored(task, result),
            Ok(Event::Admitted(task, result, silent)) => {
                self.admission_ended(task, result, silent);
            }
            Ok(Event::Opened(peer, held, opening)) => self.opening_came(peer, held, opening),
            Ok(Event::Ruled(attempt, ruling, own)) => {
                if let Some(sides) = self.sides(attempt) {
                    sides.own = own.map(|own| *own);
                }
                let judge = Judge::Coordinator(self.key.peer_id());
                self.machine.ruled(now, attempt, ruling, judge);
            }
            Ok(Event::Saved(task)) => self.saved(task),
            Ok(Event::Over) => {}
            Err(error) => {
                tracing::error!(%error, "a part of the coordinator's work did not end well")
            }
        }
    }

    fn tick(&mut self) {
        let gone: Vec<u64> = self
            .takes
            .iter()
            .filter(|(_, take)| take.reply.is_closed())
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.takes.remove(&number);
            self.machine.poll_gone(number);
        }
        self.machine.tick(self.ports.now());
        self.answer_watches(None);
    }

    fn announce(&mut self) {
        let needs = std::mem::take(&mut self.announcements);
        let ports = self.ports.clone();
        self.work.spawn(async move {
            ports.announce(needs).await;
            Event::Over
        });
    }

    /// Puts something about a task into the log.
    fn log(&self, spec: &Signed<TaskSpec>, body: impl FnOnce(Fenced) -> Body) {
        let (task, shard, term) = (spec.commitment(), self.shard, self.term);
        self.ports.log(body(Fenced { task, shard, term }));
    }

    fn sides(&mut self, attempt: AttemptId) -> Option<&mut record::Sides> {
        let matter = self.matters.get_mut(&attempt.task)?;
        Some(
            matter
                .tries
                .entry((attempt.subtask, attempt.attempt))
                .or_default(),
        )
    }
}

fn refusal(kind: ErrorKind, message: impl Into<String>, next: &str) -> Response {
    Response::Refused(ErrorObject::new(kind, message, next))
}
