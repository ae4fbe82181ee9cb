//! What a node is told of its part in a network: the settings that have an effect outside local mode only.

use edgecoder_protocol::{
    Bytes,
    network::ADDRESSES_MAX,
    operator::WorkingHours,
    record::{Hours, Role, SLOTS_MAX},
    task::PrivacyClass,
};
use edgecoder_sandbox::MEMORY_MIN;

use super::{
    Config, ConfigError, Mode, Settings,
    address::{ends_in_peer, is_address},
};

/// The roles that there are, by the names they have in settings.
pub const ROLES: [(&str, Role); 5] = [
    ("agent", Role::Agent),
    ("inference", Role::Inference),
    ("worker", Role::Worker),
    ("coordinator", Role::Coordinator),
    ("bootstrap", Role::Bootstrap),
];

/// Classes from the least open to the most: who may read a task grows from each to the next.
const CLASSES: [(&str, PrivacyClass); 4] = [
    ("local", PrivacyClass::Local),
    ("sealed", PrivacyClass::Sealed),
    ("enterprise", PrivacyClass::Enterprise),
    ("mesh", PrivacyClass::Mesh),
];

/// MiB that a worker may be bound to: 16 TiB, above any machine and far from overflow.
const MEMORY_MAX: u64 = 16 << 20;
const LISTEN: &str = "at most 16 multiaddresses such as /ip4/192.0.2.1/tcp/4001 or \
                      /ip4/192.0.2.1/udp/4001/quic-v1, comma-separated";
const BOOTSTRAP: &str = "at most 16 multiaddresses that end in a peer id, such as \
                         /ip4/192.0.2.1/tcp/4001/p2p/12D3Koo…, comma-separated";

/// A node's part in the DHT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KademliaMode {
    /// Stores records and answers lookups.
    Server,
    /// Only asks: for nodes that cannot be dialled.
    Client,
    /// Takes no part.
    Off,
}

/// How a node takes part in its network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshConfig {
    /// Multiaddresses to listen on, at most 16; none: it only dials.
    pub listen: Vec<String>,
    /// Multiaddresses by which others reach it, where they differ, at most 16.
    pub external: Vec<String>,
    /// Multiaddresses with `/p2p/ID` to join by, at most 16; none: those of the invite.
    pub bootstrap: Vec<String>,
    /// Whether to find nodes of the local network.
    pub mdns: bool,
    /// Whether to take part in gossip.
    pub gossip: bool,
    /// Its part in the DHT.
    pub kademlia: KademliaMode,
    /// The most open class that its own tasks may have.
    pub privacy: PrivacyClass,
    /// What its worker may use.
    pub worker: WorkerConfig,
}

/// What a worker may use of its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerConfig {
    /// Subtasks at once; 0 for one a core.
    pub slots: u32,
    /// When it works; absent: always.
    pub hours: Option<Hours>,
    /// Whether it works only while nobody uses the machine.
    pub idle_only: bool,
    /// Percent of this machine's processors that executions for others may use together, 1 to 100; 100 bounds nothing.
    pub cpu_percent: u32,
    /// Memory that executions for others may use together, at least [`MEMORY_MIN`]; absent: no bound of its own.
    pub memory: Option<Bytes>,
}

impl Config {
    /// The roles as a record states them, in rising order.
    pub fn network_roles(&self) -> Vec<Role> {
        let has = |name: &str| self.roles.iter().any(|role| role == name);
        let roles = ROLES.iter().filter(|(name, _)| has(name));
        roles.map(|(_, role)| *role).collect()
    }

    /// Whether a task of `class` may be worked on: at home always, elsewhere only as far as mode and ceiling both
    /// allow it. `enterprise` promises an overlay, which mode `mesh` has not.
    pub fn allows(&self, class: PrivacyClass) -> bool {
        let place = |class| CLASSES.iter().position(|(_, one)| *one == class);
        let is_below = place(class) <= place(self.mesh.privacy);
        match (self.mode, class) {
            (_, PrivacyClass::Local) => true,
            (Mode::Local, _) | (Mode::Mesh, PrivacyClass::Enterprise) => false,
            (Mode::Mesh | Mode::Enterprise, _) => is_below,
        }
    }
}

impl Settings {
    /// The roles, each once.
    pub(super) fn roles(&self) -> Result<Vec<String>, ConfigError> {
        let expected =
            "a comma-separated list of: agent, inference, worker, coordinator, bootstrap";
        self.parse("roles", expected, |text| {
            let roles: Vec<String> = text.split(',').map(|role| role.trim().to_owned()).collect();
            let fits = |(at, role): (usize, &String)| {
                ROLES.iter().any(|(name, _)| name == role) && !roles[..at].contains(role)
            };
            let all = roles.iter().enumerate().all(fits);
            all.then_some(roles)
        })
    }

    /// The settings of the mesh. They are checked in local mode too: a mistake is told when it is made.
    pub(super) fn mesh(&self) -> Result<MeshConfig, ConfigError> {
        let plain = |text: &str| is_address(text) && !ends_in_peer(text);
        let kademlia = |text: &str| match text {
            "server" => Some(KademliaMode::Server),
            "client" => Some(KademliaMode::Client),
            "off" => Some(KademliaMode::Off),
            _ => None,
        };
        let class = |text: &str| {
            let found = CLASSES.iter().find(|(name, _)| *name == text);
            found.map(|(_, class)| *class)
        };
        Ok(MeshConfig {
            listen: self.addresses("listen", LISTEN, plain)?,
            external: self.addresses("external", LISTEN, plain)?,
            bootstrap: self.addresses("bootstrap", BOOTSTRAP, ends_in_peer)?,
            mdns: self.truth("mdns")?,
            gossip: self.truth("gossip")?,
            kademlia: self.parse("kademlia", "server, client or off", kademlia)?,
            privacy: self.parse("privacy", "local, sealed, enterprise or mesh", class)?,
            worker: self.worker()?,
        })
    }

    fn worker(&self) -> Result<WorkerConfig, ConfigError> {
        let hours = |text: &str| match text {
            "" => Some(None),
            text => text.parse().ok().map(|WorkingHours(hours)| hours),
        };
        let enough = |memory: &Option<Bytes>| memory.is_none_or(|memory| memory >= MEMORY_MIN);
        let memory = |text: &str| match text.parse::<u64>().ok()? {
            0 => Some(None),
            mib if mib <= MEMORY_MAX => Some(Some(Bytes(mib << 20))).filter(enough),
            _ => None,
        };
        Ok(WorkerConfig {
            slots: self.parse("worker_slots", "a number from 0 to 1024", |text| {
                text.parse().ok().filter(|slots| *slots <= SLOTS_MAX)
            })?,
            hours: self.parse(
                "worker_hours",
                "HH:MM-HH:MM (UTC) with two different times, `always`, or nothing",
                hours,
            )?,
            idle_only: self.truth("worker_idle_only")?,
            cpu_percent: self.parse("worker_cpu", "a percentage from 1 to 100", |text| {
                text.parse().ok().filter(|cpu| (1..=100).contains(cpu))
            })?,
            memory: self.parse("worker_memory", "0, or MiB from 128 to 16777216", memory)?,
        })
    }

    fn truth(&self, key: &'static str) -> Result<bool, ConfigError> {
        self.parse(key, "true or false", |text| text.parse().ok())
    }

    fn addresses(
        &self,
        key: &'static str,
        expected: &'static str,
        fits: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, ConfigError> {
        self.parse(key, expected, |text| {
            let parts = text.split(',').map(str::trim);
            let found: Vec<String> = match text.trim() {
                "" => Vec::new(),
                _ => parts.map(str::to_owned).collect(),
            };
            let all = found.len() <= ADDRESSES_MAX && found.iter().all(|one| fits(one));
            all.then_some(found)
        })
    }
}
