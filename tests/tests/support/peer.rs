//! A node of an adversary: it speaks the protocol as any other, joins by an invite, registers as a worker, takes
//! leases and opens what it committed to. What it says and signs is the test's to choose; no honest worker runs here.

mod draft;
mod lent;
mod scene;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use edgecoder_mesh::{
    Config, Event, KademliaMode, Mesh, PublishError, RequestError, Service, Started,
};
use edgecoder_protocol::{
    Hash, Millis, NetworkId, PeerId, ProfileId, Signed,
    key::NodeKey,
    network::{Invite, InviteLine},
    operator::{ErrorKind, ErrorObject},
    record::{LIFE_MAX_MS, PeerRecord, Role},
    sealing::OpenKey,
    wire::{
        self, CONTROL_MAX, Commit, Held, INFERENCE_MAX, ModelAnswer, ModelAsk, Opening, Request,
        Response, Sealed, WhyBack,
    },
    work::LeaseKey,
};
use tokio::{
    runtime::Runtime,
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

#[allow(unused_imports, reason = "each test file uses its own part")]
pub use draft::{Draft, draft, records, submit};
#[allow(unused_imports, reason = "each test file uses its own part")]
pub use lent::{Lent, forge, run_of};
#[allow(unused_imports, reason = "each test file uses its own part")]
pub use scene::{SOLUTION, Scene, id, seen};

use super::network::Network;

/// Where all adversaries of a test process run.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
});

/// How often leases are held on to: as an honest worker does.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// A record is renewed after so many heartbeats.
const RENEW_AFTER: u32 = 10;
/// How long any answer may take.
const ANSWER: Duration = Duration::from_secs(30);

/// What comes of a message.
type Answer = Result<Vec<u8>, RequestError>;

/// What its own tasks share with it.
struct Shared {
    key: NodeKey,
    invite: Invite,
    profile: ProfileId,
    mesh: Mesh,
    /// What it answers when it is asked to open.
    openings: Mutex<BTreeMap<Held, Opening>>,
    /// What it says that it works on.
    held: Mutex<BTreeSet<Held>>,
    /// Makes every nonce, salt and key another one.
    count: AtomicU64,
}

/// An adversary's node; it leaves when it is dropped.
pub struct Peer {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Now, by this machine's clock.
#[allow(
    clippy::disallowed_methods,
    reason = "it signs moments as a real node does"
)]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Millis(since.unwrap().as_millis() as u64)
}

/// The key of the adversary of this name.
pub fn key(name: &str) -> NodeKey {
    NodeKey::from_seed(&mut Hash::of(name.as_bytes()).0.clone())
}

/// What the network's founder was founded with.
pub fn invite(network: &Network) -> Invite {
    let line: InviteLine = network.line.parse().unwrap();
    line.open(now()).unwrap().clone()
}

impl Peer {
    /// A worker that the coordinator has taken for one.
    pub fn join(network: &Network, name: &str) -> Self {
        let peer = Self::connect(network, name, invite(network).genesis.id());
        let registered = peer.ask(Request::Register(Box::new(peer.signed_record())));
        assert!(
            matches!(registered, Response::Done { .. }),
            "{registered:?}"
        );
        peer
    }

    /// A node that has not said anything yet; `spoken` is the network that its frames name.
    pub fn connect(network: &Network, name: &str, spoken: NetworkId) -> Self {
        Self::start(network, name, spoken, false)
    }

    /// A node of the network that gossips, and listens to nothing.
    pub fn gossip(network: &Network, name: &str) -> Self {
        Self::start(network, name, invite(network).genesis.id(), true)
    }

    fn start(network: &Network, name: &str, spoken: NetworkId, gossip: bool) -> Self {
        let _inside = RUNTIME.enter();
        let invite = invite(network);
        let config = Config {
            listen: vec!["/ip4/127.0.0.1/tcp/0".into()],
            bootstrap: invite.addresses.clone(),
            mdns: false,
            kademlia: KademliaMode::Off,
            gossip,
            ..Config::new(spoken)
        };
        let stop = CancellationToken::new();
        let key = key(name);
        // Its actor ends with the token.
        let Started { mesh, events, .. } = Mesh::start(config, &key, stop.clone()).unwrap();
        let status = network.founder.home.status();
        let shared = Arc::new(Shared {
            key,
            invite,
            profile: serde_json::from_value(status["profile"].clone()).unwrap(),
            mesh,
            openings: Mutex::default(),
            held: Mutex::default(),
            count: AtomicU64::new(1),
        });
        RUNTIME.spawn(answer(shared.clone(), events));
        RUNTIME.spawn(stay(shared.clone(), stop.clone()));
        Self { shared, stop }
    }

    /// Who it is.
    pub fn id(&self) -> PeerId {
        self.shared.key.peer_id()
    }

    /// What it signs with.
    pub fn key(&self) -> &NodeKey {
        &self.shared.key
    }

    /// The network's id.
    pub fn network(&self) -> NetworkId {
        self.shared.invite.genesis.id()
    }

    /// Who coordinates.
    pub fn coordinator(&self) -> PeerId {
        self.shared.invite.genesis.members.members()[0]
    }

    /// A record as an honest worker's.
    pub fn record(&self) -> PeerRecord {
        RUNTIME.block_on(self.shared.record())
    }

    /// The same, signed.
    pub fn signed_record(&self) -> Signed<PeerRecord> {
        Signed::new(self.record(), self.key())
    }

    /// 32 bytes that nobody had before.
    pub fn fresh(&self) -> [u8; 32] {
        self.shared.fresh()
    }

    /// A fresh key to be lent something under.
    pub fn lease_key(&self) -> (OpenKey, LeaseKey) {
        let open = OpenKey::from_seed(&mut self.fresh());
        let (network, key) = (self.network(), open.public().unwrap());
        (open, LeaseKey { network, key })
    }

    /// Bytes on a service, whatever they are.
    ///
    /// # Errors
    /// As the mesh says.
    pub fn send(
        &self,
        to: PeerId,
        service: Service,
        body: Vec<u8>,
    ) -> Result<Vec<u8>, RequestError> {
        let mesh = &self.shared.mesh;
        RUNTIME.block_on(mesh.request(to, service, body, ANSWER))
    }

    /// Many messages on the control service at once, to the coordinator; how many went out, whatever came of them.
    pub fn pour(&self, bodies: Vec<Vec<u8>>) -> usize {
        let (to, all) = (self.coordinator(), bodies.len());
        let sent = self.shared.send_all(to, Service::Control, bodies, all);
        let went_out = |answer: &Answer| {
            let stayed = |error: &RequestError| {
                use RequestError::{Blocked, Busy, TooLarge, Unreachable};
                matches!(error, Blocked | Busy | TooLarge { .. } | Unreachable { .. })
            };
            !answer.as_ref().is_err_and(stayed)
        };
        RUNTIME
            .block_on(sent)
            .iter()
            .filter(|a| went_out(a))
            .count()
    }

    /// Many messages as fast as its own mesh lets them out; what came of each, in the order in which they ended.
    pub fn flood(&self, to: PeerId, service: Service, bodies: Vec<Vec<u8>>) -> Vec<Answer> {
        // Some of the window is left for what it says beside.
        let at_once = service.in_flight_max() * 3 / 4;
        RUNTIME.block_on(self.shared.send_all(to, service, bodies, at_once))
    }

    /// Says something by gossip, if it gossips.
    ///
    /// # Errors
    /// As the mesh says.
    pub fn say(&self, topic: &str, body: Vec<u8>) -> Result<(), PublishError> {
        RUNTIME.block_on(self.shared.mesh.publish(topic, body))
    }

    /// Asks the coordinator.
    #[track_caller]
    pub fn ask(&self, request: Request) -> Response {
        RUNTIME.block_on(self.shared.ask(request)).unwrap()
    }

    /// The same, unless it is blocked or has left.
    pub fn try_ask(&self, request: Request) -> Option<Response> {
        RUNTIME.block_on(self.shared.ask(request)).ok()
    }

    /// Asks the model of `slot`.
    #[track_caller]
    pub fn ask_model(&self, slot: PeerId, ask: &ModelAsk) -> ModelAnswer {
        let body = wire::encode::<_, INFERENCE_MAX>(ask).unwrap();
        let bytes = self.send(slot, Service::Inference, body).unwrap();
        wire::decode::<ModelAnswer, INFERENCE_MAX>(&bytes).unwrap()
    }

    /// Teaches it where `peer` is.
    pub fn learn(&self, peer: PeerId, addresses: Vec<String>) {
        RUNTIME.block_on(self.shared.mesh.dial(peer, addresses));
    }

    /// Asks for work once, and waits `wait_ms` for it. What is lent is held on to from then on.
    pub fn take(&self, wait_ms: u32) -> Option<Lent> {
        let (open, key) = self.lease_key();
        let key = Signed::new(key, self.key());
        let keys = vec![key.clone()];
        let answer = self.try_ask(Request::Take { keys, wait_ms })?;
        let Response::Granted { mut grants, .. } = answer else {
            return None;
        };
        let lent = Lent::open(self, grants.pop()?, &open, key);
        lock(&self.shared.held).insert(lent.held);
        RUNTIME.block_on(self.shared.heartbeat());
        Some(lent)
    }

    /// Hands a lease back.
    pub fn hand_back(&self, lent: &Lent, why: WhyBack) {
        let held = lent.held;
        lock(&self.shared.held).remove(&held);
        let sentence = "so says an adversary".into();
        // One that has left hands nothing back.
        self.try_ask(Request::GiveBack {
            held,
            why,
            sentence,
        });
    }

    /// What it answers when it is asked to open `held`.
    pub fn will_open(&self, held: Held, opening: Opening) {
        lock(&self.shared.openings).insert(held, opening);
    }

    /// Fixes a result.
    #[track_caller]
    pub fn commit(&self, held: Held, commitment: Hash, answer: Option<Sealed>) -> Response {
        self.ask(Request::Commit(Box::new(Commit {
            held,
            commitment,
            answer,
        })))
    }

    /// Whether it has left.
    pub fn has_left(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Leaves.
    pub fn leave(&self) {
        self.stop.cancel();
    }
}

impl Shared {
    fn fresh(&self) -> [u8; 32] {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        Hash::of(&[&self.key.to_stored()[..], &count.to_le_bytes()].concat()).0
    }

    async fn record(&self) -> PeerRecord {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        PeerRecord {
            network: self.invite.genesis.id(),
            peer: self.key.peer_id(),
            seal: OpenKey::from_seed(&mut [7; 32]).public().unwrap(),
            owner: None,
            roles: vec![Role::Agent, Role::Worker],
            languages: vec!["python".into()],
            models: Vec::new(),
            slots: 1,
            hours: None,
            profile: self.profile,
            build: "0.1.0 x86_64".into(),
            addresses: self.mesh.listening().await,
            sequence: now().0 + count,
            life_ms: LIFE_MAX_MS,
        }
    }

    /// At most so many at once.
    async fn send_all(
        &self,
        to: PeerId,
        service: Service,
        bodies: Vec<Vec<u8>>,
        at_once: usize,
    ) -> Vec<Answer> {
        let places = Arc::new(Semaphore::new(at_once));
        let mut sent = JoinSet::new();
        for body in bodies {
            let (mesh, places) = (self.mesh.clone(), places.clone());
            sent.spawn(async move {
                // Never closed.
                let _place = places.acquire_owned().await;
                mesh.request(to, service, body, ANSWER).await
            });
        }
        sent.join_all().await
    }

    async fn ask(&self, request: Request) -> Result<Response, RequestError> {
        let body = wire::encode::<_, CONTROL_MAX>(&request).unwrap();
        let to = self.invite.genesis.members.members()[0];
        let bytes = self
            .mesh
            .request(to, Service::Control, body, ANSWER)
            .await?;
        Ok(wire::decode::<Response, CONTROL_MAX>(&bytes).unwrap())
    }

    async fn heartbeat(&self) {
        let held: Vec<Held> = lock(&self.held).iter().copied().collect();
        if held.is_empty() {
            return;
        }
        // A coordinator that blocks it, or has gone, does not answer.
        if let Ok(Response::Lost { held: lost, .. }) = self.ask(Request::Heartbeat { held }).await {
            let mut held = lock(&self.held);
            lost.iter().for_each(|one| {
                held.remove(one);
            });
        }
    }
}

/// Holds on to leases and membership.
async fn stay(shared: Arc<Shared>, stop: CancellationToken) {
    let mut beats = interval(HEARTBEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let work = async {
        for beat in 0_u32.. {
            beats.tick().await;
            shared.heartbeat().await;
            if beat % RENEW_AFTER == RENEW_AFTER - 1 {
                let record = Signed::new(shared.record().await, &shared.key);
                shared.ask(Request::Register(Box::new(record))).await.ok();
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

/// Answers what it is asked, until the mesh ends.
async fn answer(shared: Arc<Shared>, mut events: mpsc::Receiver<Event>) {
    while let Some(event) = events.recv().await {
        let Event::Request {
            service: Service::Control,
            body,
            reply,
            ..
        } = event
        else {
            continue;
        };
        let response = match wire::decode::<Request, CONTROL_MAX>(&body) {
            Ok(Request::Open { held }) => match lock(&shared.openings).get(&held) {
                Some(opening) => Response::Opened(Box::new(opening.clone())),
                None => no(),
            },
            Ok(Request::Stop { held }) => {
                lock(&shared.held).remove(&held);
                Response::Done { now: now() }
            }
            _ => no(),
        };
        let bytes = wire::encode::<_, CONTROL_MAX>(&response).unwrap();
        // Who has gone needs no answer.
        reply.send(bytes).ok();
    }
}

fn no() -> Response {
    Response::Refused(ErrorObject::new(ErrorKind::Policy, "no", "none"))
}
