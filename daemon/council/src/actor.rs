//! Performs what the machine wants: records durably before anything is said, writes blocks, asks others, waits, and tells
//! whoever submitted an entry where it stands.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use edgecoder_node_store::{Faults, Journal, JournalError, LedgerError, LedgerLog};
use edgecoder_protocol::{
    Hash, PeerId, Signed,
    key::NodeKey,
    ledger::{
        block::Vote,
        consensus::Said,
        entry::{Body, Entry},
        light::Anchor,
        merkle::TileWriter,
    },
    network::Genesis,
    signed::Checked,
    wire::{CouncilAnswer, CouncilAsk, Willing},
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    Machine, NotTaken, Output, Part, Timer,
    engine::Malachite,
    ports::Ports,
    store::{
        self, Opened, Place, StartError,
        epoch::{Adopted, Keeping},
    },
};

mod answers;
mod disk;
mod duties;
mod entries;
mod handle;
mod joining;
mod links;
mod outgoing;
mod past;

pub use duties::Held;
pub use handle::{Council, Placed, SubmitError, View};
use links::Links;

/// What waits for the actor. When it is full, callers wait.
const MAILBOX: usize = 256;
/// What is taken from the mailbox before the outputs are performed: one sync serves all of it.
const BATCH: usize = 256;
/// Questions that are under way beside those of the links. With more, an entry is not given to members: whoever wants it
/// in the log is told to try again.
const JOBS_MAX: usize = 1_024;
/// A ledger that has not grown for so long is synced, and then nothing is until it grows again.
const SETTLED: Duration = Duration::from_millis(200);
/// Bytes of the vote log at which it is begun anew, once the ledger has its blocks: for [`Settings::votes_max`].
pub const VOTES_MAX: u64 = 8 << 20;

/// What a council is started with.
pub struct Settings {
    /// Who this node is.
    pub key: Arc<NodeKey>,
    /// The network.
    pub genesis: Genesis,
    /// Where things are kept.
    pub place: Place,
    /// Faults on purpose.
    pub faults: Faults,
    /// Which duties this node is ready to hold.
    pub willing: Willing,
    /// Whether a coordinator's duty that is held at the start is given back first: what its holder knew is gone.
    pub gives_back: bool,
    /// Bytes of the vote log at which it is begun anew.
    pub votes_max: u64,
    /// What is kept of the past.
    pub keeping: Keeping,
    /// What is believed without having followed the ledger there, by the invite.
    pub anchor: Option<Anchor>,
}

type Answered<T> = oneshot::Sender<Result<T, SubmitError>>;

/// What the actor is told.
enum Mail {
    Said(PeerId, Vec<Said>),
    Relayed(Vec<Checked<Entry>>),
    /// Answered when it waits.
    Take(Box<Checked<Entry>>, Answered<Hash>),
    /// Answered when it is in the log.
    Submit(Box<Checked<Entry>>, Answered<Placed>),
    /// To be signed by this node, and as before.
    Originate(Box<Body>, Answered<Placed>),
    /// To be signed by this node, in this order and together; answered with those that do not wait, and why the first
    /// of them does not.
    Enter(Vec<Body>, oneshot::Sender<(Vec<Body>, Option<NotTaken>)>),
    Recall(PeerId, oneshot::Sender<Option<Signed<Vote>>>),
    IsAt(PeerId, u64),
    /// Answered with whether the peer was reached.
    Look(PeerId, oneshot::Sender<bool>),
}

/// A question that has come to an end.
enum Done {
    Told(PeerId, Option<CouncilAnswer>),
    Recalled(PeerId, Option<CouncilAnswer>),
    Fetched(PeerId, Option<CouncilAnswer>),
    Joined(PeerId, Result<Box<Adopted>, String>),
    Looked(PeerId, Option<CouncilAnswer>, oneshot::Sender<bool>),
    Penalised,
    EpochEnded,
    Forwarded(PeerId, Hash, Option<CouncilAnswer>),
}

struct Actor<P> {
    machine: Machine<Malachite>,
    ports: Arc<P>,
    key: Arc<NodeKey>,
    ledger: LedgerLog,
    tiles: TileWriter,
    /// Away only while it syncs.
    votes: Option<Journal>,
    /// Something of this member's own is in the vote log and not synced.
    is_promised: bool,
    /// A block that the vote log does not lead to is not synced.
    is_due: bool,
    /// Blocks are in the ledger and not synced; since when none came.
    unsynced: Option<Instant>,
    timers: BTreeMap<Timer, Instant>,
    links: Links,
    waiting: BTreeMap<Hash, Vec<Answered<Placed>>>,
    /// Entries whose place is to be told once what leads to it is durable.
    placed: Vec<(Answered<Placed>, Placed)>,
    jobs: JoinSet<Done>,
    view: watch::Sender<View>,
    ledger_syncs: u64,
    guilty: BTreeSet<PeerId>,
    settings: Settings,
    /// The state of a later height, which has been proved.
    adopted: Option<Box<Adopted>>,
}

/// Why the actor ends.
#[derive(Debug, thiserror::Error)]
enum Fatal {
    #[error(transparent)]
    Votes(#[from] JournalError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{0}")]
    Other(String),
}

/// Starts the council's part of a node. It runs until `stop`; the caller joins the task.
///
/// # Errors
/// [`StartError`].
pub async fn start<P: Ports>(
    settings: Settings,
    ports: Arc<P>,
    stop: CancellationToken,
) -> Result<(Council, JoinHandle<()>), StartError> {
    let opened = opened(&settings).await?;
    let Opened {
        chain,
        ledger,
        tiles,
        votes,
        logged,
        is_whole,
        known,
        mended,
    } = opened;
    let engine = Malachite::new(settings.key.clone(), chain.id());
    let me = settings.key.peer_id();
    let mut machine = Machine::new(me, chain, known, engine, logged, is_whole);
    if let Some(head) = settings.anchor.as_ref().and_then(|one| one.head.as_ref()) {
        store::is_past_of(&ledger, head)?;
        machine.believe(head.height, head.id());
    }
    let (mailbox, inbox) = mpsc::channel(MAILBOX);
    let (view, seen) = watch::channel(View::of(&machine, &mended));
    let (handle, duty_inbox, held) = duties::channel();
    let council = Council::new(
        me,
        settings.genesis.clone(),
        mailbox,
        seen,
        ledger.clone(),
        handle,
    );
    let (on_duty, bodies) = duties::Actor::new(
        settings.key.clone(),
        settings.willing,
        ports.clone(),
        council.clone(),
        held,
        settings.gives_back,
    );
    let actor = Actor {
        machine,
        ports,
        key: settings.key.clone(),
        ledger,
        tiles,
        votes: Some(votes),
        is_promised: false,
        is_due: false,
        unsynced: None,
        timers: BTreeMap::new(),
        links: Links::default(),
        waiting: BTreeMap::new(),
        placed: Vec::new(),
        jobs: JoinSet::new(),
        view,
        ledger_syncs: 0,
        guilty: BTreeSet::new(),
        adopted: None,
        settings,
    };
    let task = tokio::spawn(async move {
        // The duties end with the council, whose handle they have.
        let ended = CancellationToken::new();
        let duties = on_duty.run(duty_inbox, bodies, ended.clone());
        let deciding = async {
            actor.run(inbox, stop).await;
            ended.cancel();
        };
        tokio::join!(deciding, duties);
    });
    Ok((council, task))
}

/// Opens what is kept, off the async threads, and says what was mended.
async fn opened(settings: &Settings) -> Result<Opened, StartError> {
    let (place, genesis) = (settings.place.clone(), settings.genesis.clone());
    let faults = settings.faults.clone();
    let opening = tokio::task::spawn_blocking(move || store::open(&place, &genesis, &faults));
    let opened = opening
        .await
        .map_err(|error| StartError::Failed(error.to_string()))??;
    for what in &opened.mended {
        tracing::warn!(what, "mended");
    }
    Ok(opened)
}

impl<P: Ports> Actor<P> {
    async fn run(mut self, mut inbox: mpsc::Receiver<Mail>, stop: CancellationToken) {
        self.machine.begin(self.ports.now());
        let result = self.serve(&mut inbox, &stop).await;
        if let Err(error) = result {
            tracing::error!(%error, "the council's part of this node has stopped; look at the disk (`edgecoder doctor`) and restart the node");
            let why =
                format!("{error}; look at the disk (`edgecoder doctor`) and restart the node");
            self.view.send_modify(|view| view.part = Part::Broken(why));
            return;
        }
        if let Err(error) = self.sync_ledger().await {
            tracing::error!(%error, "the ledger was not synced; its last blocks are in the vote log");
        }
    }

    async fn serve(
        &mut self,
        inbox: &mut mpsc::Receiver<Mail>,
        stop: &CancellationToken,
    ) -> Result<(), Fatal> {
        loop {
            self.perform().await?;
            let settled = self.unsynced.map(|since| since + SETTLED);
            let due = self.timers.values().copied().chain(settled).min();
            let asleep =
                sleep_until(due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600)));
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                // Before what comes in: no flood of words keeps a timeout from running out.
                () = asleep => self.ring().await?,
                Some(done) = self.jobs.join_next() => {
                    if let Ok(done) = done {
                        self.done(done);
                    }
                }
                mail = inbox.recv() => {
                    let Some(mail) = mail else { return Ok(()) };
                    self.take(mail);
                    for _ in 1..BATCH {
                        match inbox.try_recv() {
                            Ok(mail) => self.take(mail),
                            Err(_) => break,
                        }
                    }
                }
            }
        }
    }

    /// Timers that are due.
    async fn ring(&mut self) -> Result<(), Fatal> {
        let now = Instant::now();
        let due: Vec<Timer> = self
            .timers
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(timer, _)| *timer)
            .collect();
        for timer in due {
            self.timers.remove(&timer);
            self.machine.timer(self.ports.now(), timer);
        }
        if self.unsynced.is_some_and(|since| since + SETTLED <= now) {
            self.sync_ledger().await?;
        }
        Ok(())
    }

    fn take(&mut self, mail: Mail) {
        let now = self.ports.now();
        match mail {
            Mail::Said(from, said) => {
                for one in said {
                    self.machine.hear(now, from, one);
                }
            }
            Mail::Relayed(entries) => self.machine.relayed(now, entries),
            Mail::Take(entry, reply) => {
                let taken = self.machine.submit(now, *entry);
                // Whoever asked may be gone; the entry waits all the same.
                reply.send(taken.map_err(SubmitError::from)).ok();
            }
            Mail::Submit(entry, reply) => self.submit(*entry, reply),
            Mail::Originate(body, reply) => {
                let entry = self.entry(*body);
                self.submit(entry, reply);
            }
            Mail::Enter(bodies, reply) => {
                let left = self.enter(bodies);
                // Whoever asked may be gone.
                reply.send(left).ok();
            }
            Mail::Recall(from, reply) => {
                reply.send(self.machine.holds_of(&from)).ok();
            }
            Mail::IsAt(peer, height) => self.machine.is_at(peer, height),
            Mail::Look(peer, reply) => {
                let ports = self.ports.clone();
                self.jobs.spawn(async move {
                    let answer = ports.ask(peer, CouncilAsk::Recall).await;
                    Done::Looked(peer, answer, reply)
                });
            }
        }
    }

    /// Performs all outputs, in order, but for words: those of one pass are said together, so that one sync serves all
    /// that was signed before any of them.
    async fn perform(&mut self) -> Result<(), Fatal> {
        let mut has_grown = self.adopt().await?;
        let mut has_words = false;
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Record(logged) => {
                    if self.is_due {
                        self.sync_ledger().await?;
                    }
                    self.record(&logged)?;
                }
                Output::Say(said, to) => {
                    has_words = true;
                    self.links.say(&said, &to);
                }
                Output::Relay(entries, to) => self.links.relay(&entries, &to),
                Output::Forward(leaf, entry, members) => self.forward(leaf, &entry, &members),
                Output::Recall(peers) => peers.into_iter().for_each(|peer| {
                    self.spawn(peer, CouncilAsk::Recall, Done::Recalled);
                }),
                Output::Fetch(peer, after) => {
                    self.spawn(peer, CouncilAsk::Blocks { after }, Done::Fetched);
                }
                Output::Join(peer, height) => self.join(peer, height),
                Output::After(timer, span) => {
                    self.timers.insert(timer, Instant::now() + span);
                }
                Output::Cancel(timer) => {
                    self.timers.remove(&timer);
                }
                Output::CancelEngine => self
                    .timers
                    .retain(|timer, _| !matches!(timer, Timer::Engine(_))),
                Output::Commit {
                    executed,
                    certificate,
                    in_log,
                } => {
                    has_grown = true;
                    // Who decides alone is the only one who has what was decided: it is durable before anybody may
                    // see the block. Where others vote, they wait for the words, and for nothing written down now.
                    if has_words || self.is_promised {
                        self.keep_promises().await?;
                    }
                    if std::mem::take(&mut has_words) {
                        self.send();
                    }
                    self.commit(&executed, &certificate, in_log).await?;
                }
                Output::Dropped(leaf, why) => self.dropped(leaf, why),
                Output::Guilty(peer, proof) => self.guilty(peer, &proof)?,
                Output::Offence(peer, what) => self.offence(peer, what),
                Output::Stopped(why) => {
                    tracing::error!(why, "this member takes part no more");
                }
            }
        }
        if has_words || !self.placed.is_empty() {
            self.keep_promises().await?;
            for (reply, place) in self.placed.drain(..) {
                reply.send(Ok(place)).ok();
            }
        }
        self.send();
        if has_grown {
            self.begin_anew().await?;
        }
        self.publish();
        Ok(())
    }

    fn publish(&mut self) {
        let votes = self.votes.as_ref().map_or(0, Journal::syncs);
        self.view.send_if_modified(|view| {
            view.waiting = self.machine.waiting();
            view.vote_syncs = votes;
            view.ledger_syncs = self.ledger_syncs;
            let is_new = view.chain.height() != self.machine.chain().height()
                || view.part != *self.machine.part()
                || view.guilty.len() != self.guilty.len();
            if is_new {
                view.chain = self.machine.chain().clone();
                view.part = self.machine.part().clone();
                view.guilty = Arc::new(self.guilty.clone());
            }
            // Counts wake nobody: they change many times a height.
            is_new
        });
    }
}
