//! Owns the swarm: takes calls, verdicts and the swarm's events one at a time, and decides nothing that a
//! pure neighbour (`book`, `bootstrap`, `offences`, `flood`, `quota`) can decide.

mod inbound;
mod lines;
mod listen;
mod lookups;
mod peers;
mod reach;
mod requests;
mod share;

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{PeerId, key::NodeKey};
use futures::StreamExt;
use libp2p::{
    Swarm,
    swarm::{ConnectionId, SwarmEvent},
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};

use crate::{
    Config, Event, StartError,
    behaviour::{Behaviour, BehaviourEvent},
    book::Book,
    event::Verdict,
    flood::Flood,
    gossip,
    lines::Outlets,
    mesh::{Ask, Listening},
    offences::Offences,
    rooms::Rooms,
    swarm,
};
use inbound::{Suspect, VERDICTS};
use listen::Listeners;
use lookups::Lookups;
use reach::Reach;
use requests::Requests;
use share::Share;

/// How often the book, the blocks and the connections are looked at.
const TICK: Duration = Duration::from_secs(1);

/// How long the swarm's tasks may take to end; what is left is dropped with the runtime.
const STOP_MAX: Duration = Duration::from_secs(2);

/// Events that stay free for connections and discoveries when requests, gossip and records fill the queue.
const EVENTS_RESERVED: usize = 128;

/// The state behind a [`crate::Mesh`].
pub struct Actor {
    me: PeerId,
    swarm: Swarm<Behaviour>,
    tasks: TaskTracker,
    events: mpsc::Sender<Event>,
    verdicts: mpsc::Sender<Verdict>,
    verdicts_in: mpsc::Receiver<Verdict>,
    listeners: Listeners,
    book: Book,
    offences: Offences,
    /// Requests that came lately.
    flood: Flood,
    rooms: Rooms,
    /// Requests that were sent lately.
    pace: Flood,
    requests: Requests,
    lookups: Lookups,
    share: Share,
    /// Peers that requests wait for; at most as many as open requests.
    reaching: BTreeMap<PeerId, Reach>,
    /// Established connections; bounded by the limits.
    connections: BTreeMap<ConnectionId, PeerId>,
    suspects: Vec<Suspect>,
    ticked_at: Instant,
}

impl Actor {
    pub fn new(
        config: &Config,
        key: &NodeKey,
        events: mpsc::Sender<Event>,
        told: watch::Sender<Listening>,
        outlets: Outlets,
    ) -> Result<Self, StartError> {
        let now = Instant::now();
        let tasks = TaskTracker::new();
        let mut swarm = swarm::build(config, key, outlets, &tasks)?;
        let listeners = Listeners::open(config, &mut swarm, key.peer_id(), told)?;
        if let Some(gossip) = swarm.behaviour_mut().gossip.as_mut() {
            for topic in &config.subscriptions {
                gossip::subscribe(gossip, topic);
            }
        }
        let (verdicts, verdicts_in) = mpsc::channel(VERDICTS);
        let mut actor = Self {
            me: key.peer_id(),
            swarm,
            tasks,
            events,
            verdicts,
            verdicts_in,
            listeners,
            book: Book::default(),
            offences: Offences::default(),
            flood: Flood::incoming(),
            rooms: Rooms::default(),
            pace: Flood::outgoing(),
            requests: Requests::default(),
            lookups: Lookups::default(),
            share: Share::new(now),
            reaching: BTreeMap::new(),
            connections: BTreeMap::new(),
            suspects: Vec::new(),
            ticked_at: now,
        };
        actor.learn_bootstrap(config)?;
        Ok(actor)
    }

    /// Runs until `stop` or until every handle is dropped. Local work comes before the swarm, so that peers
    /// cannot keep the node from its own; within it, time comes first.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Ask>, stop: CancellationToken) {
        info!(peer = %self.me, "mesh started");
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = self.next_deadline();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = until(due) => self.on_deadline(),
                _ = tick.tick() => self.on_tick(),
                Some(verdict) = self.verdicts_in.recv() => self.on_verdict(verdict),
                ask = inbox.recv() => match ask {
                    Some(ask) => self.on_ask(ask),
                    None => break,
                },
                event = self.swarm.select_next_some() => self.on_swarm(event),
            }
        }
        self.stop(inbox).await;
    }

    async fn stop(self, inbox: mpsc::Receiver<Ask>) {
        let Self {
            swarm,
            tasks,
            requests,
            lookups,
            ..
        } = self;
        // Their callers see that nobody answers any more.
        drop((inbox, requests, lookups));
        drop(swarm);
        tasks.close();
        if timeout(STOP_MAX, tasks.wait()).await.is_err() {
            debug!(left = tasks.len(), "connections did not end in time");
        }
        info!(peer = %self.me, "mesh stopped");
    }

    fn on_ask(&mut self, ask: Ask) {
        match ask {
            Ask::Request(request) => self.on_request(request),
            Ask::KeepLines { peers } => self.keep_lines(peers),
            Ask::OpenLine { peer, line } => self.open_line(&peer, line),
            Ask::Dial { peer, addresses } => self.dial(peer, &addresses),
            Ask::Learn {
                peer,
                addresses,
                how,
            } => self.learn_texts(peer, &addresses, how),
            Ask::Find { peer, reply } => self.find(peer, reply),
            Ask::Subscribe { topic } => self.subscribe(&topic),
            Ask::Unsubscribe { topic } => self.unsubscribe(&topic),
            Ask::Publish { topic, body, reply } => {
                // The caller may have gone.
                reply.send(self.publish(&topic, body)).ok();
            }
            Ask::Provide { key } => self.provide(key),
            Ask::StopProviding { key } => self.stop_providing(&key),
            Ask::Providers {
                key,
                deadline,
                reply,
            } => self.find_providers(key, deadline, reply),
            Ask::PutRecord { key, value } => self.put_record(key, value),
            Ask::GetRecords {
                key,
                deadline,
                reply,
            } => self.find_records(key, deadline, reply),
            Ask::Peers { reply } => {
                // The caller may have gone.
                reply.send(self.views()).ok();
            }
            Ask::Penalise { peer, offence } => self.penalise(peer, offence),
            Ask::Block { peer } => self.block(peer),
            Ask::Unblock { peer } => self.unblock(peer),
            Ask::Guard { door } => self.swarm.behaviour_mut().gate.door = Some(door),
            Ask::Sift => self.sift(),
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                num_established,
                ..
            } => {
                self.on_connected(peer_id, connection_id, &endpoint, num_established.get());
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                num_established,
                cause,
                ..
            } => {
                self.on_closed(peer_id, connection_id, num_established, cause.as_ref());
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer_id),
                error,
                ..
            } => {
                self.on_dial_error(&peer_id, &error);
            }
            SwarmEvent::IncomingConnectionError { error, .. } => {
                debug!(%error, "incoming connection failed");
            }
            event => self.listeners.on_event(&self.swarm, event),
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Identify(event) => self.on_identify(event),
            BehaviourEvent::Ping(event) => self.on_ping(event),
            BehaviourEvent::Mdns(event) => self.on_mdns(event),
            BehaviourEvent::Kademlia(event) => self.on_kademlia(event),
            BehaviourEvent::Gossip(event) => self.on_gossip(event),
            BehaviourEvent::Control(event) => self.on_exchange(crate::Service::Control, event),
            BehaviourEvent::Inference(event) => self.on_exchange(crate::Service::Inference, event),
            BehaviourEvent::Council(event) => self.on_exchange(crate::Service::Council, event),
            BehaviourEvent::Chunk(event) => self.on_exchange(crate::Service::Chunk, event),
            BehaviourEvent::Lines(event) => self.on_line(event),
            BehaviourEvent::Blocked(never)
            | BehaviourEvent::Limits(never)
            | BehaviourEvent::Memory(never)
            | BehaviourEvent::Gate(never) => match never {},
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        [self.requests.next_deadline(), self.lookups.next_deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    fn on_deadline(&mut self) {
        let now = Instant::now();
        self.requests.expire(now);
        self.send_paced(now);
        self.expire_lookups(now);
    }

    fn on_tick(&mut self) {
        let now = Instant::now();
        self.lift_blocks(now);
        self.close_silent(now);
        self.judge_suspects(now);
        self.dial_wanted(now);
        self.renew(now);
        self.forget_unreached();
        self.ticked_at = now;
    }

    /// Tells the daemon, if it still has room for what it can do without.
    fn tell(&self, event: Event) {
        if let Err(error) = self.events.try_send(event) {
            debug!(%error, "event lost");
        }
    }

    fn has_room(&self) -> bool {
        self.events.capacity() > EVENTS_RESERVED
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
