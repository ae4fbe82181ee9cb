//! Performs what the duties machine wants: asks and tells members, puts its words into the log, and says to the node
//! which duties it has. On its own, so that no sync of the log delays a lease.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use edgecoder_protocol::{
    PeerId, Signed,
    ledger::{
        duty::{Duty, Renewal},
        entry::Body,
    },
    wire::{CouncilAnswer, CouncilAsk, CouncilReply, DutyAnswer, DutyAsk, DutyTell, Willing},
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
/// The longest sleep; the chain's changes wake it anyway.
const SLEEP_MAX: Duration = Duration::from_secs(60);

/// Which duties this node has, with the terms that it has them by.
pub type Held = BTreeMap<Duty, u64>;

/// What the actor is told.
pub enum Mail {
    Ask(PeerId, DutyAsk, oneshot::Sender<DutyAnswer>),
    Tell(PeerId, Box<DutyTell>),
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
            while let Some(body) = due.recv().await {
                if let Err(error) = council.enter(body).await {
                    tracing::debug!(%error, "a word about a duty is not in the log");
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
            self.perform();
            let wait = self.machine.next(self.ports.uptime()).min(SLEEP_MAX);
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
                    Ok(()) => self.tick(),
                    // The council has stopped.
                    Err(_) => return,
                },
                () = sleep(wait) => self.tick(),
            }
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
                Output::Ask(peer, ask) => {
                    let ports = self.ports.clone();
                    let sent = ports.uptime();
                    self.spawn(async move {
                        Some((peer, sent, ports.ask(peer, CouncilAsk::Duty(ask)).await))
                    });
                }
                Output::Tell(peers, tell) => {
                    for peer in peers {
                        let (ports, tell) = (self.ports.clone(), Box::new(tell.clone()));
                        self.spawn(async move {
                            // It is told again, or others tell it.
                            ports.ask(peer, CouncilAsk::Tell(tell)).await;
                            None
                        });
                    }
                }
                Output::Submit(body) => self.submit(body),
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
