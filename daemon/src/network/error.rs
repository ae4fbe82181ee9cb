//! Why a node's network cannot be used, made or joined, and what to do about each.

use std::{
    io,
    path::{Path, PathBuf},
};

use edgecoder_protocol::{
    network::{ADDRESSES_MAX, InviteError, NAME_MAX, OPERATORS_MAX},
    record::VouchError,
};

/// Why a node's network cannot be used, made or joined. What it says is what happened; [`NetworkError::next`] is
/// what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// A file cannot be read or written.
    #[error("cannot {doing} {}: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The description says nothing that can be relied on.
    #[error("{} does not describe a network: {why}", path.display())]
    Damaged {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The secret is not the network's.
    #[error("the network is private, and {} {why}", path.display())]
    Secret {
        /// Its file.
        path: PathBuf,
        /// What is wrong; never what it holds.
        why: &'static str,
    },
    /// A key is not one.
    #[error("{} is not a key: {why}", path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// What only this user may read, others may.
    #[error("others may read {} (mode {mode:o})", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The node is in a network.
    #[error("this node is in a network already ({})", path.display())]
    Exists {
        /// Its description.
        path: PathBuf,
        /// `create` or `join`.
        doing: &'static str,
    },
    /// The name cannot be one.
    #[error(
        "{name:?} cannot be a network's name: it takes 1 to {NAME_MAX} characters, none of them a control character"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// The line does not bring this node into a network.
    #[error(transparent)]
    Invite(#[from] InviteError),
    /// Only an operator may do this.
    #[error("only an operator of the network does this, and {} is not there or not its key", path.display())]
    NoOperator {
        /// Where the key would be.
        path: PathBuf,
    },
    /// More operators than a network lists.
    #[error("a network lists at most {OPERATORS_MAX} operators")]
    TooManyOperators,
    /// A line that is no operator's word.
    #[error(transparent)]
    Vouch(#[from] VouchError),
    /// An operator's word that is not about this node here.
    #[error("the operator's word does not count here: {why}")]
    Elsewhere {
        /// What it is instead.
        why: &'static str,
    },
    /// An address that leads nowhere.
    #[error("{address:?} is no multiaddress that ends in a peer id")]
    Address {
        /// The address.
        address: String,
    },
    /// More addresses than an invite holds.
    #[error("{count} addresses are more than the {ADDRESSES_MAX} that an invite holds")]
    TooMany {
        /// How many.
        count: usize,
    },
}

impl NetworkError {
    /// What to do about it.
    pub fn next(&self) -> String {
        match self {
            Self::File { .. } => "check free space, and who may read and write there".into(),
            Self::Damaged { .. } | Self::Secret { .. } => {
                "restore it from a backup, or join again: `edgecoder network join LINE --replace`"
                    .into()
            }
            Self::Key { path, .. } => format!(
                "restore it from a backup, or move it away to begin with a new one: `mv {0} {0}.old`",
                path.display()
            ),
            Self::Exposed { path, .. } => {
                format!("if nobody has taken it: `chmod 600 {}`", path.display())
            }
            Self::Exists { path, doing } => match *doing {
                "join" => "`edgecoder network show` tells which; add --replace to leave it".into(),
                _ => format!(
                    "`edgecoder network show` tells which; to leave it: `mv {0} {0}.old`",
                    path.display()
                ),
            },
            Self::Name { .. } => "`edgecoder network create lab`, for example".into(),
            Self::Invite(InviteError::Damaged(_)) => {
                "put the whole line between quotes: `edgecoder network join 'edgecoder-invite-1:…'`"
                    .into()
            }
            // All others, whatever the protocol adds: the line is no good.
            Self::Invite(_) => {
                "an operator makes one where the network was created: `edgecoder network invite`"
                    .into()
            }
            Self::NoOperator { .. } => {
                "run it where the network was created, or where the key of one of its operators is".into()
            }
            Self::TooManyOperators => "leave some of the --operator out".into(),
            Self::Vouch(_) | Self::Elsewhere { .. } => {
                "an operator makes one for this node: `edgecoder network vouch PEER_ID`, with the id that \
                 `edgecoder network show` says"
                    .into()
            }
            Self::TooMany { .. } => "leave some of the --address out".into(),
            Self::Address { .. } => {
                "give one such as /ip4/192.0.2.1/tcp/4001/p2p/12D3Koo… (`edgecoder node` shows this node's)"
                    .into()
            }
        }
    }

    pub(super) fn file(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}
