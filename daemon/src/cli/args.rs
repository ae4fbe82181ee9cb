//! The command line's grammar.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use edgecoder_protocol::generation::CANDIDATES_MAX;

mod ledger;
mod mesh;

pub use ledger::{CouncilAction, LedgerAction, OrderFlag, Prove, StandingFlag};
pub use mesh::{Invite, NetworkAction, Policy, PrivacyFlags, WorkerAction};

/// Coding tasks in, tested code out, on your own machine.
#[derive(Debug, Parser)]
#[command(name = "edgecoder", version, max_term_width = 100)]
pub struct Arguments {
    /// Read settings from FILE instead of the usual config.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of keys, database and bundles.
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Folder of compiled guests.
    #[arg(long, global = true, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Unix socket of the daemon.
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// The settings that flags give.
    pub fn flags(&self) -> Vec<(String, String)> {
        [
            ("data_dir", &self.data_dir),
            ("cache_dir", &self.cache_dir),
            ("socket", &self.socket),
        ]
        .into_iter()
        .filter_map(|(key, value)| {
            let path = std::path::absolute(value.as_ref()?).ok()?;
            Some((key.to_owned(), path.to_string_lossy().into_owned()))
        })
        .collect()
    }

    /// Flags for a daemon that this command starts: it reads the same file, wherever it runs.
    pub fn handed_on(&self) -> Vec<(String, String)> {
        let file = self.config.as_ref();
        let file = file.and_then(|path| std::path::absolute(path).ok());
        let config = file.map(|path| ("config".to_owned(), path.to_string_lossy().into_owned()));
        config.into_iter().chain(self.flags()).collect()
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write code for PROMPT that passes your tests.
    Solve(Solve),
    /// Run a file once in the sandbox.
    Exec(Exec),
    /// Judge a given solution by tests or cases.
    Test(Test),
    /// Run a bundle again and compare it with its receipt.
    Replay(Replay),
    /// Run a task set in HumanEval's format.
    Eval(Eval),
    /// Measure, with the peer in the same run.
    Bench(Bench),
    /// Look at tasks, or withdraw one.
    Task {
        /// What to do.
        #[command(subcommand)]
        action: TaskAction,
    },
    /// Look at models, or choose one.
    Model {
        /// What to do.
        #[command(subcommand)]
        action: ModelAction,
    },
    /// Check this installation; each failure names its remedy.
    Doctor {
        /// One JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Show the settings in force.
    Config {
        /// What to do.
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Look at the daemon, or stop it.
    Daemon {
        /// What to do.
        #[command(subcommand)]
        action: DaemonAction,
    },
    /// Found a network, invite to one, join one, or look at it.
    Network {
        /// What to do.
        #[command(subcommand)]
        action: NetworkAction,
    },
    /// The ledger: check it, prove parts of it, watch it grow.
    Ledger {
        /// What to do.
        #[command(subcommand)]
        action: LedgerAction,
    },
    /// Who decides the ledger, and what operators decree.
    Council {
        /// What to do.
        #[command(subcommand)]
        action: CouncilAction,
    },
    /// The nodes that this one knows.
    Peers {
        /// A JSON array instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// This node in its network.
    Node {
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// Look at what this node does for others, or change it.
    Worker {
        /// What to do.
        #[command(subcommand)]
        action: WorkerAction,
    },
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write man pages into a folder.
    Man {
        /// The folder; made when missing.
        folder: PathBuf,
    },
}

/// Bounds of an execution.
#[derive(Debug, Args)]
pub struct LimitFlags {
    /// Work of one run, in units of fuel (about 6 billion a second).
    #[arg(long, value_name = "N")]
    pub fuel: Option<u64>,
    /// Memory of one run, in MiB.
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u64>,
    /// Wall clock of one run, in seconds: a backstop.
    #[arg(long, value_name = "S")]
    pub wall: Option<u64>,
}

/// `edgecoder solve`.
#[derive(Debug, Args)]
pub struct Solve {
    /// Tests: `*.json` is cases, `test_*.py` or `*_test.py` a unittest suite, other `.py` plain asserts.
    #[arg(long, value_name = "FILE", conflicts_with = "cases")]
    pub tests: Option<PathBuf>,
    /// Cases that the host compares: the only tests that code cannot deceive.
    #[arg(long, value_name = "FILE")]
    pub cases: Option<PathBuf>,
    /// Files that code and tests may use.
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// Answers sampled at each attempt, 1 to 16.
    #[arg(long, value_name = "K", default_value_t = 4)]
    pub candidates: u32,
    /// Attempts, repairs included.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub max_iterations: u32,
    /// Tokens that all attempts may generate.
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    pub budget_tokens: u64,
    /// Seconds for the whole task.
    #[arg(long, value_name = "S", default_value_t = 600)]
    pub deadline: u64,
    /// Seed of sampling and of the sandbox.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Write the code to FILE.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the signed receipt to FILE.
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Write a bundle that anyone can replay to FILE.
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// One JSON object a line instead of a screen.
    #[arg(long)]
    pub json: bool,
    /// Bounds of each execution.
    #[command(flatten)]
    pub limits: LimitFlags,
    /// Where it may be seen.
    #[command(flatten)]
    pub privacy: PrivacyFlags,
    /// What to write; `-` reads it from standard input.
    pub prompt: String,
}

/// How a test file reports.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SuiteFlag {
    /// unittest cases in FILE.
    Unittest,
    /// Top-level asserts in FILE.
    Asserts,
}

/// How something is run once, and where its record goes.
#[derive(Debug, Args)]
pub struct RunFlags {
    /// Seed of the run's random sources.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Write the signed receipt to FILE.
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Write a bundle that anyone can replay to FILE.
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// One JSON object instead of a screen.
    #[arg(long)]
    pub json: bool,
    /// Bounds of each run.
    #[command(flatten)]
    pub limits: LimitFlags,
    /// Where it may be seen.
    #[command(flatten)]
    pub privacy: PrivacyFlags,
}

/// `edgecoder exec`.
#[derive(Debug, Args)]
pub struct Exec {
    /// Standard input of the run.
    #[arg(long, value_name = "FILE")]
    pub stdin: Option<PathBuf>,
    /// Files the run may read.
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// Run FILE as a test suite.
    #[arg(long)]
    pub suite: Option<SuiteFlag>,
    /// What `exec` and `test` share.
    #[command(flatten)]
    pub run: RunFlags,
    /// The file to run.
    pub file: PathBuf,
}

/// `edgecoder test`.
#[derive(Debug, Args)]
pub struct Test {
    /// Cases that the host compares.
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "tests",
        conflicts_with = "tests"
    )]
    pub cases: Option<PathBuf>,
    /// Tests, as for `solve`.
    #[arg(long, value_name = "FILE")]
    pub tests: Option<PathBuf>,
    /// Files that solution and tests may use.
    #[arg(long, value_name = "DIR")]
    pub files: Option<PathBuf>,
    /// What `exec` and `test` share.
    #[command(flatten)]
    pub run: RunFlags,
    /// The solution to judge.
    pub solution: PathBuf,
}

/// `edgecoder replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// One JSON object instead of a screen.
    #[arg(long)]
    pub json: bool,
    /// The bundle.
    pub bundle: PathBuf,
}

/// Who solves an eval's tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Solver {
    /// The set's own solutions: measures the sandbox.
    Canonical,
    /// The model.
    Agent,
}

/// `edgecoder eval`.
#[derive(Debug, Args)]
pub struct Eval {
    /// Tasks in HumanEval's format, gzipped or not.
    #[arg(long, value_name = "FILE")]
    pub tasks: PathBuf,
    /// Who solves them.
    #[arg(long, default_value = "agent")]
    pub solver: Solver,
    /// Samples a task, 1 to 16.
    #[arg(short = 'k', value_name = "K", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(CANDIDATES_MAX)))]
    pub samples: u32,
    /// Seed of sampling.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// One JSON object instead of a screen.
    #[arg(long)]
    pub json: bool,
}

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Subject {
    /// The sandbox against a bare python3 process.
    Sandbox,
    /// Generation through the daemon against llama.cpp's C API.
    Inference,
    /// Tasks, gossip and transfers between nodes on this machine; minutes, and some need root.
    Mesh,
}

/// A part of `edgecoder bench mesh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MeshPart {
    /// An execution in the network against the same at home.
    Exec,
    /// Many executions against Dask, which is installed into the cache when missing.
    Dask,
    /// How fast a message reaches 50 and 200 peers.
    Gossip,
    /// The council's entries against etcd's writes; needs Debian's `etcd-server`.
    Council,
    /// How long the network is without a coordinator when it is killed.
    Failover,
    /// What an idle daemon among 50 peers costs.
    Idle,
    /// A content from four providers against one; needs root.
    Transfer,
}

/// `edgecoder bench`.
#[derive(Debug, Args)]
pub struct Bench {
    /// What to measure.
    pub subject: Subject,
    /// Of `mesh`: these parts alone, comma-separated.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub only: Vec<MeshPart>,
    /// One JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// `edgecoder task`.
#[derive(Debug, Subcommand)]
pub enum TaskAction {
    /// All tasks, newest first.
    List {
        /// A JSON array instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// One task with its events.
    Show {
        /// Its id.
        id: String,
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// Follow a task until it ends.
    Watch {
        /// Its id.
        id: String,
        /// One JSON object an event.
        #[arg(long)]
        json: bool,
    },
    /// Withdraw a task.
    Cancel {
        /// Its id.
        id: String,
    },
    /// Put changes together that nobody else could: without FILE they are printed, with conflict markers.
    Resolve {
        /// The task's id.
        id: String,
        /// The whole file as it should be; `-` for standard input.
        file: Option<PathBuf>,
        /// What is printed, as one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// `edgecoder model`.
#[derive(Debug, Subcommand)]
pub enum ModelAction {
    /// The models at hand.
    List {
        /// A JSON array instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// What the active model says of itself.
    Show {
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// Use a GGUF file from now on, or `embedded`.
    Use {
        /// The file.
        file: PathBuf,
    },
}

/// `edgecoder config`.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// The settings in force.
    Show {
        /// Also who set each.
        #[arg(long)]
        origin: bool,
    },
}

/// `edgecoder daemon`.
#[derive(Debug, Subcommand)]
pub enum DaemonAction {
    /// Whether it runs, and how it is.
    Status {
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// Stop it; open tasks begin again at its next start.
    Stop,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}
