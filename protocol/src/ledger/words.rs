//! What an entry says, in a sentence for people. Nothing is decided by it.

use std::fmt;

use super::{
    decree::{Order, Standing},
    entry::Body,
};

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trusted => "trusted",
            Self::Worker => "worker",
        })
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddMember(peer) => write!(f, "{peer} becomes a member of the council"),
            Self::RemoveMember(peer) => write!(f, "{peer} leaves the council"),
            Self::Admit {
                peer,
                standing,
                owner,
            } => {
                write!(f, "{peer} is admitted as {standing}")?;
                match owner {
                    Some(owner) => write!(f, ", for {owner}"),
                    None => f.write_str(", for nobody named"),
                }
            }
            Self::Revoke { peer, reason } => write!(f, "{peer} takes part no more: {reason:?}"),
            Self::Blacklist {
                peer,
                evidence,
                reason,
                until,
            } => write!(
                f,
                "{peer} is blacklisted until {until} ms: {reason:?}; evidence {evidence}"
            ),
            Self::Pardon(peer) => write!(f, "{peer} is blacklisted no more"),
            Self::Policy { name, document } => write!(f, "policy {name:?} is document {document}"),
            Self::OpenAdmission(true) => f.write_str("whoever asks is admitted as worker"),
            Self::OpenAdmission(false) => f.write_str("only operators admit workers"),
            Self::ReplaceMember { old, new } => {
                write!(f, "{new} takes {old}'s place in the council")
            }
            Self::Issue { to, amount } => {
                write!(f, "{amount} millionths of a credit are issued to {to}")
            }
        }
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decree(approved) => write!(
                f,
                "decree by {} operators: {}",
                approved.approvals.len(),
                approved.decree.order
            ),
            Self::Grant { duty, probes } => {
                write!(
                    f,
                    "duty {duty} is granted by the probes of {} members",
                    probes.len()
                )
            }
            Self::Release { duty, term } => write!(f, "duty {duty} of term {term} is given back"),
            Self::Expire {
                duty,
                term,
                suspicions,
            } => write!(
                f,
                "duty {duty} of term {term} is over: {} members do not reach its holder",
                suspicions.len()
            ),
            Self::Register { .. } => f.write_str("its signer takes part as worker"),
            Self::Rotate { new, .. } => write!(f, "its signer goes by {new} from now on"),
            Self::Accept(task) => write!(f, "task {} is accepted", task.task),
            Self::Assign { task, what } => write!(f, "of task {}, {what} is assigned", task.task),
            Self::End { task, result } => write!(f, "task {} is over: {result}", task.task),
            Self::Transfer { to, amount } => write!(f, "{amount} millionths of a credit to {to}"),
            Self::Appeal { statement } => write!(f, "its signer appeals: {statement}"),
        }
    }
}
