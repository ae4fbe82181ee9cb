//! The grammar of the ledger and the council.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use edgecoder_protocol::{Hash, PeerId};

/// `edgecoder ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerAction {
    /// How far it is, and what its roots are.
    Status {
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// Check everything again: signatures, chain, log, state, proofs.
    Verify {
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// Show a block with its entries; the last one unless a height is named.
    Show {
        /// Which.
        height: Option<u64>,
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// Show blocks as they are decided.
    Watch {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Write a proof that others can check without a ledger.
    Prove(Prove),
    /// Check a proof with nothing but the network's founding, or an invite.
    CheckProof {
        /// The file; `-` for standard input.
        file: PathBuf,
        /// The invite to begin from, instead of the network that this node is in.
        #[arg(long, value_name = "LINE")]
        invite: Option<String>,
    },
    /// Write the whole ledger as lines of JSON, for a program of your own.
    Export {
        /// Where to; standard output unless named.
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}

/// `edgecoder ledger prove`.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Prove {
    /// The entry of this index.
    #[arg(long, value_name = "INDEX")]
    pub entry: Option<u64>,
    /// What the state has under KEY: `council`, `duty/coordinator/0`, `account/PEER`, `peer/PEER`, …
    #[arg(long, value_name = "KEY")]
    pub state: Option<String>,
}

/// `edgecoder council`.
#[derive(Debug, Subcommand)]
pub enum CouncilAction {
    /// Who decides, who holds which duty, and how this node takes part.
    Status {
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// The members, one a line.
    Members,
    /// Propose a decree, approve it with this folder's operator key, and put it into the ledger if that is enough.
    Propose {
        /// What is to be decreed.
        #[command(subcommand)]
        order: OrderFlag,
    },
    /// Approve a decree that another operator proposed.
    Approve {
        /// Its line; `-` for standard input.
        line: String,
        /// Do not ask whether it is what you want.
        #[arg(long)]
        yes: bool,
    },
    /// Ask the network's operators to admit this node; in an open network, become a worker at once.
    Request {
        /// As what.
        #[arg(long = "as", value_name = "STANDING", default_value = "worker")]
        standing: StandingFlag,
        /// What to say of it: whose it is, where it stands.
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
    /// What waits for the operators: who asks to be admitted, and who was proven to have signed what is not so.
    Requests {
        /// One JSON object instead of a screen.
        #[arg(long)]
        json: bool,
    },
    /// Object to this node's entry in the blacklist: prints a line that any other node can put into the ledger.
    Appeal {
        /// Why it is wrong; `-` for standard input. Its hash goes into the ledger: give the text to the operators.
        statement: String,
    },
    /// Put another node's signed line into the ledger, as `edgecoder council appeal` prints it.
    Submit {
        /// The line; `-` for standard input.
        line: String,
    },
    /// Go by a new key: it keeps what the operators admitted this one as. Not for members: those are replaced.
    Rotate,
}

/// As what a peer is admitted.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StandingFlag {
    /// May become a member of the council and hold duties.
    Trusted,
    /// Is lent work.
    Worker,
}

/// What operators decree.
#[derive(Debug, Subcommand)]
pub enum OrderFlag {
    /// A trusted peer votes from the next block on.
    AddMember {
        /// Who.
        peer: PeerId,
    },
    /// A member votes no more from the next block on.
    RemoveMember {
        /// Who.
        peer: PeerId,
    },
    /// A trusted peer votes in a member's place from the next block on.
    ReplaceMember {
        /// Who goes.
        old: PeerId,
        /// Who comes.
        new: PeerId,
    },
    /// A peer takes part.
    Admit {
        /// Who.
        peer: PeerId,
        /// As what.
        #[arg(long = "as", value_name = "STANDING", default_value = "worker")]
        standing: StandingFlag,
        /// Whose it is.
        #[arg(long, value_name = "OPERATOR")]
        owner: Option<PeerId>,
    },
    /// A peer takes part no more.
    Revoke {
        /// Who.
        peer: PeerId,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Nobody deals with a peer for so many days.
    Blacklist {
        /// Who.
        peer: PeerId,
        /// What proves it: the hash of a bundle or of signed words.
        #[arg(long, value_name = "HASH")]
        evidence: Hash,
        /// Why.
        #[arg(long)]
        reason: String,
        /// For how long.
        #[arg(long, value_name = "DAYS", default_value_t = 30,
            value_parser = clap::value_parser!(u64).range(1..=3_650))]
        days: u64,
    },
    /// A peer is dealt with again.
    Pardon {
        /// Who.
        peer: PeerId,
    },
    /// A document that all go by.
    Policy {
        /// Its name.
        name: String,
        /// The file whose hash is decreed.
        file: PathBuf,
    },
    /// Whether whoever asks is admitted as a worker.
    Open {
        /// `true` or `false`.
        #[arg(action = clap::ArgAction::Set)]
        is_open: bool,
    },
    /// Credits come into being.
    Issue {
        /// For whom.
        to: PeerId,
        /// How many, in millionths.
        amount: u64,
    },
}
