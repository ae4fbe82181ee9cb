//! Performs what the duties machine wants: asks and tells members, puts its words into the log, and says to the node
//! which duties it has. On its own, so that no sync of the log delays a lease.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use edgecoder_protocol::{
    PeerId, Signed,
    ledger::{
        duty::{Duty, Renewal},
        entry::Body,
    },
    wire::{
        CouncilAnswer, CouncilAsk, CouncilReply, CouncilWord, DutyAnswer, DutyAsk, DutyTell,
        Willing,
    },
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{Council, View};
use crate::{
    duties::{Config, Duties, Moment, Output, Scene},
    ports::Ports,
};

/// What waits for the actor. When it is full, callers wait: a member that asks has asked others too.
const MAILBOX: usize = 256;
/// Questions and words that are under way. With more, the next are left out: they come again within a second.
const UNDER_WAY_MAX: usize = 512;
/// A question on a line that was not answered for so long is lost: a lease is renewed four times before it runs out.
const ANSWER_MAX: Duration = Duration::from_millis(1_500);
/// The longest sleep; the chain's changes wake it anyway.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Which duties this node has, with the terms that it has them by.
pub type Held = BTreeMap<Duty, u64>;

/// What the actor is told.
pub enum Mail {
    Ask(PeerId, DutyAsk, oneshot::Sender<DutyAnswer>),
    Tell(PeerId, Box<DutyTell>),
    /// To the question of this number.
    Answer(PeerId, u64, Box<DutyAnswer>),
    Proof(Duty, oneshot::Sender<Option<Vec<Signed<Renewal>>>>),
    /// Answered when the log names this node for nothing any more.
    Drain(oneshot::Sender<()>),
}

/// The handle's half.
#[derive(Clone)]
pub struct Handle {
    pub mailbox: mpsc::Sender<Mail>,
    pub held: watch::Receiver<Held>,
}

/// What a question came to: who was asked, since when it was under way, the answer.
type Done = (PeerId, Duration, Option<CouncilAnswer>);

pub struct Actor<P> {
    machine: Duties,
    me: PeerId,
    ports: Arc<P>,
    council: Council,
    view: watch::Receiver<View>,
    held: watch::Sender<Held>,
    jobs: JoinSet<Option<Done>>,
    /// Questions on lines, oldest first, with when they were sent; at most [`UNDER_WAY_MAX`].
    asked: BTreeMap<u64, (PeerId, Duration)>,
    last: u64,
    /// Of the chain, when it was last looked at.
    height: Option<u64>,
    /// What is to be in the log, in this order.
    bodies: mpsc::Sender<Body>,
    /// What a holder that was restarted does not know any more is given back first.
    is_fresh: bool,
    draining: Vec<oneshot::Sender<()>>,
}

/// A handle and its mailbox, before the actor runs.
pub fn channel() -> (Handle, mpsc::Receiver<Mail>, watch::Sender<Held>) {
    let (mailbox, inbox) = mpsc::channel(MAILBOX);
    let (told, held) = watch::channel(Held::new());
    (Handle { mailbox, held }, inbox, told)
}

/// Bodies that wait to be submitted.
const BODIES: usize = 64;

impl<P: Ports> Actor<P> {
    pub fn new(
        key: Arc<edgecoder_protocol::key::NodeKey>,
        willing: Willing,
        ports: Arc<P>,
        council: Council,
        held: watch::Sender<Held>,
        gives_back: bool,
    ) -> (Self, mpsc::Receiver<Body>) {
        let view = council.watch();
        let chain = view.borrow().chain.id();
        let config = Config {
            shards: 1,
            slots: 1,
            willing,
        };
        let (bodies, due) = mpsc::channel(BODIES);
        let actor = Self {
            me: key.peer_id(),
            machine: Duties::new(key, chain, config),
            ports,
            council,
            view,
            held,
            jobs: JoinSet::new(),
            asked: BTreeMap::new(),
            last: 0,
            height: None,
            bodies,
            is_fresh: gives_back,
            draining: Vec::new(),
        };
        (actor, due)
    }

    pub async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Mail>,
        mut due: mpsc::Receiver<Body>,
        stop: CancellationToken,
    ) {
        let council = self.council.clone();
        // One after the other: bodies that come together have nonces in their order.
        let saying = async move {
            let mut bodies = Vec::new();
            while due.recv_many(&mut bodies, BODIES).await > 0 {
                while !bodies.is_empty() {
                    let (left, why) = council.enter_all(std::mem::take(&mut bodies)).await;
                    // The first of what is left is what cannot be said; the others may be.
                    bodies = left.into_iter().skip(1).collect();
                    if let Some(error) = why {
                        tracing::debug!(%error, "a word about a duty is not in the log");
                    }
                }
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = saying => {}
            () = self.serve(&mut inbox) => {}
        }
        self.held.send_replace(Held::new());
    }

    async fn serve(&mut self, inbox: &mut mpsc::Receiver<Mail>) {
        loop {
            self.give_up();
            self.perform();
            let wait = self.wait();
            tokio::select! {
                biased;
                Some(done) = self.jobs.join_next() => {
                    if let Ok(Some(done)) = done {
                        self.done(done);
                    }
                }
                mail = inbox.recv() => match mail {
                    Some(mail) => self.take(mail),
                    None => return,
                },
                changed = self.view.changed() => match changed {
                    Ok(()) => self.follow(),
                    // The council has stopped.
                    Err(_) => return,
                },
                () = sleep(wait) => self.tick(),
            }
        }
    }

    /// Until the next tick, or a question is lost.
    fn wait(&self) -> Duration {
        let now = self.ports.uptime();
        let oldest = self.asked.values().next();
        let lost = oldest.map_or(SLEEP_MAX, |(_, sent)| {
            (*sent + ANSWER_MAX).saturating_sub(now)
        });
        self.machine.next(now).min(lost).min(SLEEP_MAX)
    }

    /// Questions on lines that are not answered any more.
    fn give_up(&mut self) {
        let now = self.ports.uptime();
        while let Some(oldest) = self.asked.first_entry()
            && oldest.get().1 + ANSWER_MAX <= now
        {
            let (peer, _) = oldest.remove();
            self.machine.unreached(now, peer);
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.ports.uptime(),
            wall: self.ports.now(),
        }
    }

    /// Has the machine do something with the chain as it is now.
    fn with<T>(&mut self, work: impl FnOnce(&mut Duties, Moment, &Scene<'_>) -> T) -> Option<T> {
        let at = self.moment();
        let view = self.view.borrow_and_update().clone();
        let members = view.chain.deciders()?;
        let scene = Scene {
            state: view.chain.state(),
            members,
            height: view.chain.height(),
        };
        Some(work(&mut self.machine, at, &scene))
    }

    /// Most of what changes in a view is nothing to a duty.
    fn follow(&mut self) {
        let height = self.view.borrow_and_update().chain.height();
        if self.height != Some(height) {
            self.height = Some(height);
            self.tick();
        }
    }

    fn tick(&mut self) {
        if self.is_fresh {
            self.give_back();
        }
        self.with(|machine, at, scene| machine.tick(at, scene));
    }

    /// What the log says that this node coordinates was lent by a process that is no more: a new grant has a new term.
    fn give_back(&mut self) {
        self.is_fresh = false;
        let view = self.view.borrow().clone();
        let duty = Duty::Coordinator(0);
        let named = view.chain.state().duty(duty);
        if named.holder == Some(self.me) {
            let term = named.term;
            self.submit(Body::Release { duty, term });
        }
    }

    fn take(&mut self, mail: Mail) {
        match mail {
            Mail::Ask(from, ask, reply) => {
                let answer = self.with(|machine, at, scene| machine.ask(at, scene, from, ask));
                if let Some(answer) = answer {
                    // Whoever asked may be gone.
                    reply.send(answer).ok();
                }
            }
            Mail::Tell(from, tell) => {
                self.with(|machine, at, scene| machine.told(at, scene, from, *tell));
            }
            Mail::Answer(from, id, answer) => {
                // One that is late, or that nobody was asked for, says nothing.
                if self.asked.get(&id).is_some_and(|(asked, _)| *asked == from)
                    && let Some((_, sent)) = self.asked.remove(&id)
                {
                    self.with(|machine, at, scene| {
                        machine.answered(at, scene, from, *answer, sent)
                    });
                }
            }
            Mail::Proof(duty, reply) => {
                let proof = self.machine.lease_proof(duty, self.ports.uptime());
                reply.send(proof).ok();
            }
            Mail::Drain(reply) => {
                self.with(|machine, at, scene| machine.drain(at, scene));
                self.draining.push(reply);
            }
        }
    }

    fn done(&mut self, (peer, sent, answer): Done) {
        match answer.map(|answer| answer.reply) {
            Some(CouncilReply::Duty(answer)) => {
                self.with(|machine, at, scene| machine.answered(at, scene, peer, *answer, sent));
            }
            Some(_) | None => {
                let now = self.ports.uptime();
                self.machine.unreached(now, peer);
            }
        }
    }

    fn perform(&mut self) {
        while let Some(output) = self.machine.poll() {
            match output {
                Output::Ask(peer, ask) => self.ask(peer, ask),
                Output::Tell(peers, tell) => {
                    for peer in peers {
                        self.tell(peer, &tell);
                    }
                }
                Output::Submit(body) => {
                    tracing::debug!(%body, "a word about a duty");
                    self.submit(body);
                }
                Output::Began { duty, term } => {
                    tracing::info!(%duty, term, "this node has a duty");
                    self.held.send_modify(|held| {
                        held.insert(duty, term);
                    });
                }
                Output::Ended { duty, term, why } => {
                    tracing::info!(%duty, term, ?why, "this node has a duty no more");
                    self.held.send_modify(|held| {
                        held.remove(&duty);
                    });
                }
            }
        }
        if !self.draining.is_empty() && !self.machine.is_named() {
            for reply in self.draining.drain(..) {
                reply.send(()).ok();
            }
        }
    }

    fn ask(&mut self, peer: PeerId, ask: DutyAsk) {
        let sent = self.ports.uptime();
        self.last += 1;
        let word = CouncilWord::Ask(self.last, CouncilAsk::Duty(ask));
        if self.asked.len() < UNDER_WAY_MAX && self.ports.say(peer, &word) {
            self.asked.insert(self.last, (peer, sent));
            return;
        }
        let ports = self.ports.clone();
        self.spawn(async move { Some((peer, sent, ports.ask(peer, CouncilAsk::Duty(ask)).await)) });
    }

    fn tell(&mut self, peer: PeerId, tell: &DutyTell) {
        let ask = CouncilAsk::Tell(Box::new(tell.clone()));
        let word = CouncilWord::Tell(ask.clone());
        if self.ports.say(peer, &word) {
            return;
        }
        let ports = self.ports.clone();
        self.spawn(async move {
            // It is told again, or others tell it.
            ports.ask(peer, ask).await;
            None
        });
    }

    fn submit(&self, body: Body) {
        // A log that takes nothing for so long is not helped by more: the machine asks again.
        self.bodies.try_send(body).ok();
    }

    fn spawn(&mut self, work: impl Future<Output = Option<Done>> + Send + 'static) {
        if self.jobs.len() < UNDER_WAY_MAX {
            self.jobs.spawn(work);
        }
    }
}
