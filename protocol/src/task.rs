//! A task's life as one enum with its legal transitions; every surface shows these words.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a task is in its life.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum TaskState {
    /// Accepted and durable.
    Submitted,
    /// Split into subtasks; one is a valid plan.
    Planned,
    /// Waiting for someone to do it.
    Queued,
    /// Someone is doing it.
    Leased,
    /// Its user is asked for something that nobody else could decide.
    Asking,
    /// A result came back.
    Executed,
    /// The result was replayed or judged.
    Checked,
    /// The user has it.
    Delivered,
    /// Not accepted; nobody worked on it.
    Refused,
    /// Accepted, and not solved within its limits.
    Failed,
    /// The user withdrew it.
    Cancelled,
}

impl TaskState {
    /// Every state, in the order of a task's life.
    pub const ALL: [Self; 11] = [
        Self::Submitted,
        Self::Planned,
        Self::Queued,
        Self::Leased,
        Self::Asking,
        Self::Executed,
        Self::Checked,
        Self::Delivered,
        Self::Refused,
        Self::Failed,
        Self::Cancelled,
    ];

    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Delivered | Self::Refused | Self::Failed | Self::Cancelled
        )
    }

    /// Whether a task may go from `self` to `next`.
    pub fn may_become(self, next: Self) -> bool {
        use TaskState::{
            Asking, Cancelled, Checked, Delivered, Executed, Failed, Leased, Planned, Queued,
            Refused, Submitted,
        };
        match (self, next) {
            (Submitted, Planned | Refused)
            | (Planned, Queued)
            | (Queued, Leased)
            // A lease that ends without a result goes back to the queue.
            | (Leased, Executed | Queued)
            // A result that does not hold is worked on again.
            | (Executed, Checked | Queued)
            // What was tried came to nothing, and its user can help.
            | (Queued | Leased | Executed, Asking)
            | (Asking, Queued)
            | (Checked, Delivered | Queued) => true,
            (from, Failed | Cancelled) => !from.is_final(),
            _ => false,
        }
    }
}

/// How far paying for a task has come; beside the state, so that a user never waits for a settlement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Payment {
    /// Local work costs nothing.
    #[default]
    None,
    /// Credits are held.
    Reserved,
    /// Credits were paid.
    Settled,
    /// Credits were given back.
    Released,
}

/// Where a task may be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PrivacyClass {
    /// Never reaches a mesh object.
    #[default]
    Local,
    /// Readable by the named workers and checkers.
    Mesh,
    /// The coordinator never holds a key.
    Sealed,
    /// As `mesh`, inside the overlay.
    Enterprise,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legal_transitions_are_exactly_these() {
        use TaskState::*;
        let straight = [
            Submitted, Planned, Queued, Leased, Executed, Checked, Delivered,
        ];
        for from in TaskState::ALL {
            for to in TaskState::ALL {
                let next = straight.windows(2).any(|pair| pair == [from, to]);
                let again = to == Queued && matches!(from, Leased | Executed | Checked | Asking);
                let asks = to == Asking && matches!(from, Queued | Leased | Executed);
                let ends = matches!(to, Failed | Cancelled) && !from.is_final();
                let refused = (from, to) == (Submitted, Refused);
                assert_eq!(
                    from.may_become(to),
                    next || again || asks || ends || refused,
                    "{from:?} {to:?}"
                );
            }
        }
    }
}
