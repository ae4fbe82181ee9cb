//! The grammar of what has to do with other nodes.

use clap::{Args, Subcommand, ValueEnum};
use edgecoder_protocol::{PeerId, operator::WorkingHours, record::SLOTS_MAX, task::PrivacyClass};

/// Days that an invite may hold.
const DAYS_MAX: i64 = 365;

/// A privacy class.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ClassFlag {
    /// Never leaves this machine.
    Local,
    /// Read by the workers and checkers that you are told of; the coordinator has no key.
    Sealed,
    /// As `mesh`, inside your organisation's private network.
    Enterprise,
    /// Read by coordinator, workers and checkers, all named to you.
    Mesh,
}

/// Who may see a task.
#[derive(Debug, Args)]
pub struct PrivacyFlags {
    /// Have it done by nodes of your network: `--privacy mesh`, unless a class is given.
    #[arg(long)]
    pub mesh: bool,
    /// Who may read it.
    #[arg(long, value_name = "CLASS")]
    pub privacy: Option<ClassFlag>,
}

impl PrivacyFlags {
    /// The class asked for: without any flag, nothing leaves the machine.
    pub fn class(&self) -> PrivacyClass {
        match (self.privacy, self.mesh) {
            (Some(ClassFlag::Local), _) | (None, false) => PrivacyClass::Local,
            (Some(ClassFlag::Sealed), _) => PrivacyClass::Sealed,
            (Some(ClassFlag::Enterprise), _) => PrivacyClass::Enterprise,
            (Some(ClassFlag::Mesh), _) | (None, true) => PrivacyClass::Mesh,
        }
    }
}

/// `edgecoder network`.
#[derive(Debug, Subcommand)]
pub enum NetworkAction {
    /// Found a network and put this node into it.
    Create {
        /// Its name, for people.
        name: String,
        /// Only those who have an invite can connect.
        #[arg(long)]
        private: bool,
        /// The first trusted peer, instead of this node.
        #[arg(long, value_name = "PEER_ID")]
        member: Option<PeerId>,
        /// Another owner of nodes, who vouches for them; may be given several times. `edgecoder network operator`
        /// prints it there.
        #[arg(long = "operator", value_name = "PEER_ID")]
        operators: Vec<PeerId>,
    },
    /// Print the id of this folder's operator key, which is made unless it is there.
    Operator,
    /// Print the line that says that a node is this operator's.
    Vouch {
        /// The node: `edgecoder network show` says it there.
        peer: PeerId,
    },
    /// Take the line of the operator whose this node is.
    Own {
        /// The line; `-` for standard input.
        line: String,
    },
    /// Print the line that brings a node into this network.
    Invite(Invite),
    /// Join the network that an invite names.
    Join {
        /// The line; `-` reads it from standard input, where no other user of the machine sees it.
        line: String,
        /// Leave the network that this node is in.
        #[arg(long)]
        replace: bool,
    },
    /// The network that this node is in.
    Show {
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
}

/// `edgecoder network invite`.
#[derive(Debug, Args)]
pub struct Invite {
    /// Where to begin, instead of this node's own addresses; may be given several times. One that names no peer
    /// is this node's.
    #[arg(long = "address", value_name = "MULTIADDR")]
    pub addresses: Vec<String>,
    /// Days that it holds.
    #[arg(long, value_name = "N", default_value_t = 7,
        value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
    pub days: u32,
}

/// `edgecoder worker`.
#[derive(Debug, Subcommand)]
pub enum WorkerAction {
    /// What it does at the moment.
    Status {
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// Take no more work; what it holds goes on.
    Pause,
    /// Take work again.
    Resume,
    /// Take no more work and finish what it holds.
    Drain,
    /// Change when and how much it works.
    Policy(Policy),
}

/// `edgecoder worker policy`: what is not named stays as it is.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct Policy {
    /// Subtasks at once; 0 for one a core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(SLOTS_MAX)))]
    pub slots: Option<u32>,
    /// Hours of each day in UTC, as HH:MM-HH:MM, or `always`.
    #[arg(long, value_name = "HOURS")]
    pub hours: Option<WorkingHours>,
    /// Whether to work only while nobody uses the machine.
    #[arg(long, value_name = "BOOL")]
    pub idle_only: Option<bool>,
}
