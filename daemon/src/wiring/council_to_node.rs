//! The council's outside is this node: its mesh where it is in a network, nobody where it is alone, and its data folder.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use edgecoder_council::{Council, Keeping, Place, Ports, Settings, StartError, VOTES_MAX};
use edgecoder_node_store::{Faults, LedgerLog, MemoryDisk};
use edgecoder_protocol::{
    Millis, NetworkId, PeerId,
    key::NodeKey,
    ledger::{light::Anchor, members::MemberSet, snapshot::EPOCH},
    network::Genesis,
    wire::{CouncilAnswer, CouncilAsk, CouncilWord, Willing},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::node::Clock;

/// The folder of what the council keeps, in the data folder.
const FOLDER: &str = "council";

/// A running part in a council, and the task to join after its end was asked for.
pub type Running = (Council, JoinHandle<()>);

/// Where the ledger's past is kept, and what of it.
#[derive(Clone, Debug)]
pub struct Past<'a> {
    /// The data folder; none for a ledger in memory.
    pub folder: Option<&'a Path>,
    /// Whether entries from before the last two epochs are dropped.
    pub prunes: bool,
    /// What is known of it by the invite.
    pub anchor: Option<Anchor>,
}

/// Starts the council of this node alone: the same code with one member, who has nobody to ask.
///
/// # Errors
/// [`StartError`].
pub async fn start_alone(
    past: Past<'_>,
    key: Arc<NodeKey>,
    clock: Clock,
    stop: CancellationToken,
) -> Result<Running, StartError> {
    let genesis = local_genesis(key.peer_id());
    let settings = Settings {
        willing: Willing::ALL,
        ..settings(past, key, genesis)
    };
    edgecoder_council::start(settings, Arc::new(Alone(clock)), stop).await
}

/// Starts this node's part in its network's council.
///
/// # Errors
/// [`StartError`].
#[cfg(feature = "mesh")]
pub async fn start_council(
    past: Past<'_>,
    key: Arc<NodeKey>,
    genesis: Genesis,
    mesh: edgecoder_mesh::Mesh,
    willing: Willing,
    clock: Clock,
    stop: CancellationToken,
) -> Result<Running, StartError> {
    let settings = Settings {
        willing,
        gives_back: true,
        ..settings(past, key, genesis)
    };
    let ports = meshed::Meshed { mesh, clock };
    edgecoder_council::start(settings, Arc::new(ports), stop).await
}

/// The founding of the network of a node that is in none: always the same.
pub fn local_genesis(me: PeerId) -> Genesis {
    Genesis {
        name: "local".into(),
        operators: vec![me],
        members: MemberSet::one(me),
        founded: Millis(0),
        salt: [0; 16],
    }
}

/// Where a node keeps what it has of a network's council.
pub fn council_folder(data_dir: &Path, network: NetworkId) -> PathBuf {
    let digits = network.0[..8].iter();
    let name: String = digits.map(|byte| format!("{byte:02x}")).collect();
    data_dir.join(FOLDER).join(name)
}

/// Each network has a folder of its own: a node that changes networks mixes nothing up.
fn settings(past: Past<'_>, key: Arc<NodeKey>, genesis: Genesis) -> Settings {
    let place = match past.folder {
        Some(data_dir) => Place::Folder(council_folder(data_dir, genesis.id())),
        None => Place::Memory(MemoryDisk::default(), LedgerLog::memory()),
    };
    Settings {
        key,
        genesis,
        place,
        faults: Faults::default(),
        willing: Willing::NOTHING,
        gives_back: false,
        votes_max: VOTES_MAX,
        keeping: Keeping {
            epoch: EPOCH,
            prunes: past.prunes,
        },
        anchor: past.anchor,
    }
}

/// Time since the machine was started, suspended or not.
fn boottime() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let (seconds, nanoseconds) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

struct Alone(Clock);

impl Ports for Alone {
    fn now(&self) -> Millis {
        (self.0)()
    }

    fn uptime(&self) -> Duration {
        boottime()
    }

    async fn ask(&self, _: PeerId, _: CouncilAsk) -> Option<CouncilAnswer> {
        None
    }

    fn say(&self, _: PeerId, _: &CouncilWord) -> bool {
        false
    }

    async fn penalise(&self, _: PeerId) {}
}

#[cfg(feature = "mesh")]
pub use meshed::{hear, members_with};

#[cfg(feature = "mesh")]
mod meshed {
    use std::time::Duration;

    use edgecoder_council::Council;
    use edgecoder_mesh::{Line, Mesh, Offence, SayError, Service, Words};
    use edgecoder_protocol::{
        ledger::members::MemberSet,
        wire::{self, COUNCIL_MAX},
    };
    use tokio::time::sleep;

    use super::{Clock, CouncilAnswer, CouncilAsk, CouncilWord, Millis, PeerId, Ports, boottime};

    /// What members say is old after this.
    const SAYING: Duration = Duration::from_secs(2);
    /// A lease is renewed four times before it runs out.
    const LEASING: Duration = Duration::from_millis(1_500);
    /// A megabyte of blocks over a slow link; the council asks another after that.
    const FETCHING: Duration = Duration::from_secs(10);

    /// An answer waits for its line at most so often for so long: a peer that asks on its own opens this one too.
    const OPENING: Duration = Duration::from_millis(25);
    const OPENINGS: u32 = 20;

    /// The members among whom this node is, with whom it keeps lines; nobody while it is none.
    pub fn members_with(council: &Council) -> Vec<PeerId> {
        let view = council.view();
        let members = view.chain.deciders().map(MemberSet::members);
        let members = members.filter(|all| all.contains(&council.me()));
        members.unwrap_or_default().to_vec()
    }

    /// Hears what a member says on a line, until it ends or what comes is no word of that line.
    pub async fn hear(council: Council, mesh: Mesh, from: PeerId, line: Line, mut words: Words) {
        while let Some(word) = words.next().await {
            let said = match wire::decode::<CouncilWord, COUNCIL_MAX>(&word.body) {
                Ok(said) if line_of(&said) == Some(line) => said,
                found => {
                    tracing::debug!(%from, error = ?found.err(), "no word of this line");
                    return mesh.penalise(from, Offence::Malformed).await;
                }
            };
            if let Some(answer) = council.hear(from, said).await {
                answer_on_line(&mesh, from, &answer).await;
            }
        }
    }

    /// Says an answer, as soon as its line is open. Whoever does not take it asks again.
    async fn answer_on_line(mesh: &Mesh, to: PeerId, answer: &CouncilWord) {
        for _ in 0..OPENINGS {
            match say(mesh, to, answer) {
                Err(SayError::NoLine) => sleep(OPENING).await,
                Ok(()) | Err(_) => return,
            }
        }
    }

    /// Which line a word goes on; none for what goes by request.
    fn line_of(word: &CouncilWord) -> Option<Line> {
        match word {
            CouncilWord::Tell(CouncilAsk::Say(_) | CouncilAsk::Relay(_)) => Some(Line::Deciding),
            CouncilWord::Tell(CouncilAsk::Tell(_))
            | CouncilWord::Ask(_, CouncilAsk::Duty(_))
            | CouncilWord::Answer(..) => Some(Line::Duties),
            CouncilWord::Tell(_) | CouncilWord::Ask(..) => None,
        }
    }

    fn say(mesh: &Mesh, to: PeerId, word: &CouncilWord) -> Result<(), SayError> {
        let line = line_of(word).ok_or(SayError::NoLine)?;
        match wire::encode::<_, COUNCIL_MAX>(word) {
            Ok(body) => mesh.say(to, line, body),
            Err(error) => {
                tracing::debug!(%error, "a word is too long for a line");
                Err(SayError::Full)
            }
        }
    }

    pub struct Meshed {
        pub mesh: Mesh,
        pub clock: Clock,
    }

    impl Ports for Meshed {
        fn now(&self) -> Millis {
            (self.clock)()
        }

        fn uptime(&self) -> Duration {
            boottime()
        }

        async fn ask(&self, peer: PeerId, ask: CouncilAsk) -> Option<CouncilAnswer> {
            let within = match &ask {
                CouncilAsk::Blocks { .. }
                | CouncilAsk::Way { .. }
                | CouncilAsk::Headers { .. }
                | CouncilAsk::Epoch { .. } => FETCHING,
                CouncilAsk::Duty(_) | CouncilAsk::Tell(_) => LEASING,
                CouncilAsk::Say(_)
                | CouncilAsk::Relay(_)
                | CouncilAsk::Submit(_)
                | CouncilAsk::Recall => SAYING,
            };
            let body = match wire::encode::<_, COUNCIL_MAX>(&ask) {
                Ok(body) => body,
                Err(error) => {
                    tracing::error!(%error, "words of the council cannot be sent");
                    return None;
                }
            };
            let answer = self
                .mesh
                .request(peer, Service::Council, body, within)
                .await;
            let bytes = answer
                .inspect_err(|error| tracing::debug!(%peer, %error, "a member was not reached"))
                .ok()?;
            match wire::decode::<_, COUNCIL_MAX>(&bytes) {
                Ok(answer) => Some(answer),
                Err(error) => {
                    tracing::debug!(%peer, %error, "bad answer");
                    self.mesh.penalise(peer, Offence::Malformed).await;
                    None
                }
            }
        }

        fn say(&self, peer: PeerId, word: &CouncilWord) -> bool {
            say(&self.mesh, peer, word).is_ok()
        }

        async fn penalise(&self, peer: PeerId) {
            self.mesh.penalise(peer, Offence::Malformed).await;
        }
    }
}
