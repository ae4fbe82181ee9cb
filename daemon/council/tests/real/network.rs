//! Council members as they really run, in one process: the real actors over real files, with memory for a network, and
//! with tokio's clock, which goes on when nobody has anything to do. It hears all that members say, over all their lives.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use edgecoder_council::{
    Council, Keeping, Place, Placed, Ports, Settings, StartError, SubmitError, duties::Willing,
    start,
};
use edgecoder_node_store::Faults;
use edgecoder_protocol::{
    Credits, Hash, Millis, PeerId, Signed,
    key::NodeKey,
    ledger::{
        block::Vote,
        consensus::{Decided, Said},
        decree::{Approved, Decree, Order},
        entry::{Body, Entry},
        light::Anchor,
        members::MemberSet,
        merkle,
    },
    network::Genesis,
    wire::{CouncilAnswer, CouncilAsk, CouncilReply, CouncilWord},
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// What the clock says when a network begins.
const START: u64 = 1_000_000;
/// A message's way.
const WAY: Duration = Duration::from_micros(200);
/// As over a real network: what members say is old after this.
const ANSWER: Duration = Duration::from_secs(2);
const OPERATOR: u8 = 200;

pub fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

pub fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A block of a member's own ledger.
pub fn block(council: &Council, height: u64) -> Option<Decided> {
    edgecoder_council::read_block(council.ledger(), height).unwrap()
}

pub fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::SeqCst)
}

/// Where a word is said: who, height, round, and whether it proposes, prevotes or precommits.
type Where = (PeerId, u64, u32, u8);

/// One who is reached, until it is dead.
type Reached = (Council, Arc<AtomicBool>);

/// What all members of a network share.
pub struct Network {
    pub genesis: Genesis,
    pub keys: Vec<Arc<NodeKey>>,
    votes_max: u64,
    keeping: Keeping,
    /// What whoever starts from now on knows by its invite.
    pub anchor: Mutex<Option<Anchor>>,
    began: Instant,
    reached: Mutex<BTreeMap<PeerId, Reached>>,
    said: Mutex<BTreeMap<Where, Option<Hash>>>,
    /// What was said twice and differently.
    twice: Mutex<Vec<String>>,
}

impl Network {
    /// A network of so many members, whose vote logs are begun anew at `votes_max` bytes.
    pub fn new(count: u8, votes_max: u64) -> Arc<Self> {
        let keeping = Keeping {
            epoch: 8,
            prunes: false,
        };
        Self::keeping(count, votes_max, keeping)
    }

    /// The same, where that is kept of the past.
    pub fn keeping(count: u8, votes_max: u64, keeping: Keeping) -> Arc<Self> {
        let keys: Vec<_> = (1..=count).map(|one| Arc::new(key(one))).collect();
        let genesis = Genesis {
            name: "lab".into(),
            operators: vec![key(OPERATOR).peer_id()],
            members: MemberSet::new(keys.iter().map(|key| key.peer_id())).unwrap(),
            founded: Millis(0),
            salt: [0; 16],
        };
        Arc::new(Self {
            genesis,
            keys,
            votes_max,
            keeping,
            anchor: Mutex::default(),
            began: Instant::now(),
            reached: Mutex::default(),
            said: Mutex::default(),
            twice: Mutex::default(),
        })
    }

    pub fn now(&self) -> Millis {
        Millis(START).after(self.began.elapsed())
    }

    /// Words heard, and that no key ever signed two for one place.
    #[track_caller]
    pub fn assert_nobody_said_two_things(&self) -> usize {
        let twice = lock(&self.twice);
        assert!(twice.is_empty(), "{twice:?}");
        lock(&self.said).len()
    }

    fn hear(&self, place: Where, what: Option<Hash>) {
        let first = *lock(&self.said).entry(place).or_insert(what);
        if first != what {
            let (by, height, round, kind) = place;
            let word = ["proposal", "prevote", "precommit"][usize::from(kind)];
            lock(&self.twice).push(format!(
                "{by} signed two {word}s of height {height}, round {round}: {first:?} and {what:?}"
            ));
        }
    }

    fn hear_vote(&self, vote: &Signed<Vote>) {
        let (said, by) = vote.open().unwrap();
        let place = (by, said.height, said.round, 1 + said.stage as u8);
        self.hear(place, said.block);
    }

    fn hear_ask(&self, ask: &CouncilAsk) {
        let CouncilAsk::Say(words) = ask else {
            return;
        };
        for word in words {
            match word {
                Said::Proposal { proposal, .. } => {
                    let (said, by) = proposal.open().unwrap();
                    self.hear((by, said.height, said.round, 0), Some(said.block));
                }
                Said::Vote(vote) => self.hear_vote(vote),
                Said::Votes { votes, .. } => votes.iter().for_each(|vote| self.hear_vote(vote)),
            }
        }
    }

    fn reach(&self, peer: PeerId) -> Option<Council> {
        let reached = lock(&self.reached);
        let (council, is_dead) = reached.get(&peer)?;
        (!is_set(is_dead)).then(|| council.clone())
    }
}

/// One member's way to the others, in one life.
struct Link {
    me: PeerId,
    network: Arc<Network>,
    is_dead: Arc<AtomicBool>,
}

impl Link {
    /// What comes of a question; nothing to or from the dead.
    async fn answer(&self, peer: PeerId, ask: CouncilAsk) -> Option<CouncilAnswer> {
        let alive = || (!is_set(&self.is_dead)).then_some(());
        alive()?;
        self.network.hear_ask(&ask);
        sleep(WAY).await;
        let answer = self.network.reach(peer)?.answer(self.me, ask).await;
        self.network.reach(peer)?;
        if let CouncilReply::Held(Some(vote)) = &answer.reply {
            self.network.hear_vote(vote);
        }
        sleep(WAY).await;
        alive()?;
        Some(answer)
    }
}

impl Ports for Link {
    fn now(&self) -> Millis {
        self.network.now()
    }

    fn uptime(&self) -> Duration {
        self.network.began.elapsed()
    }

    async fn ask(&self, peer: PeerId, ask: CouncilAsk) -> Option<CouncilAnswer> {
        // Leases are another test's.
        if matches!(ask, CouncilAsk::Duty(_) | CouncilAsk::Tell(_)) {
            return None;
        }
        timeout(ANSWER, self.answer(peer, ask)).await.ok()?
    }

    /// There are no lines here: words are asked one by one.
    fn say(&self, _: PeerId, _: &CouncilWord) -> bool {
        false
    }

    async fn penalise(&self, peer: PeerId) {
        let me = self.me;
        lock(&self.network.twice).push(format!("{me} accuses {peer}"));
    }
}

/// A member in one of its lives.
pub struct Member {
    pub council: Council,
    network: Arc<Network>,
    key: Arc<NodeKey>,
    pub is_dead: Arc<AtomicBool>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Member {
    /// Starts the member of this number; it is dead to all others as soon as `is_dead`.
    pub async fn start(
        network: &Arc<Network>,
        number: usize,
        place: Place,
        faults: Faults,
        is_dead: Arc<AtomicBool>,
    ) -> Result<Self, StartError> {
        let key = network.keys[number].clone();
        let settings = Settings {
            key: key.clone(),
            genesis: network.genesis.clone(),
            place,
            faults,
            willing: Willing::NOTHING,
            gives_back: false,
            votes_max: network.votes_max,
            keeping: network.keeping,
            anchor: lock(&network.anchor).clone(),
        };
        let link = Link {
            me: key.peer_id(),
            network: network.clone(),
            is_dead: is_dead.clone(),
        };
        let stop = CancellationToken::new();
        let (council, task) = start(settings, Arc::new(link), stop.clone()).await?;
        lock(&network.reached).insert(key.peer_id(), (council.clone(), is_dead.clone()));
        Ok(Self {
            council,
            network: network.clone(),
            key,
            is_dead,
            stop,
            task,
        })
    }

    /// Ends it; nobody hears anything of it from the beginning of this on.
    pub async fn end(self) {
        self.is_dead.store(true, Ordering::SeqCst);
        lock(&self.network.reached).remove(&self.key.peer_id());
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// As a user does it: everything is finished first.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
        lock(&self.network.reached).remove(&self.key.peer_id());
    }

    pub fn is_dead(&self) -> bool {
        is_set(&self.is_dead)
    }

    /// The operator gives every member credits to pay with, unless it has some.
    pub async fn fund(&self) {
        let mut keys = self.network.keys.iter().peekable();
        while let Some(key_of) = keys.peek() {
            let to = key_of.peer_id();
            let chain = self.council.view().chain;
            if chain.state().account(&to).balance > Credits(0) {
                keys.next();
                continue;
            }
            let order = Order::Issue {
                to,
                amount: Credits(1_000_000),
            };
            let decree = Decree {
                chain: chain.id(),
                version: chain.state().version_of(&order),
                expires: self.network.now().after(Duration::from_secs(86_400)),
                order,
            };
            let operator = key(OPERATOR);
            let approvals = vec![decree.approve(&operator)];
            let entry = Entry {
                chain: chain.id(),
                nonce: chain.state().account(&operator.peer_id()).nonce,
                expires: self.network.now().after(Duration::from_secs(600)),
                body: Body::Decree(Approved { decree, approvals }),
            };
            // An order of an earlier life may come first: then look again.
            self.council
                .submit(Signed::new(entry, &operator))
                .await
                .ok();
            sleep(WAY).await;
        }
    }

    /// Waits until the chain here is so high.
    pub async fn reaches(&self, height: u64) -> bool {
        let mut view = self.council.watch();
        let there = view.wait_for(|view| view.chain.height() >= height);
        // By the tests' clock: far more than it takes to ask everybody in turn.
        let there = timeout(Duration::from_secs(120), there).await;
        there.is_ok_and(|view| view.is_ok())
    }

    /// Pays one credit to nobody in particular; where that is in the log.
    pub fn pay(&self) -> impl Future<Output = Result<Placed, SubmitError>> + Send + 'static {
        let council = self.council.clone();
        let body = Body::Transfer {
            to: key(250).peer_id(),
            amount: Credits(1),
        };
        async move { council.say(body).await }
    }

    /// A block of this member's own ledger.
    pub fn block(&self, height: u64) -> Option<Decided> {
        block(&self.council, height)
    }

    /// What this member's ledger has at a place.
    pub fn leaf(&self, height: u64, index: u64) -> Option<Hash> {
        let block = self.block(height)?.block.0;
        let first = block.header.log.size - block.entries.len() as u64;
        let at = usize::try_from(index.checked_sub(first)?).unwrap();
        Some(merkle::leaf(&block.entries.get(at)?.to_bytes()))
    }
}
