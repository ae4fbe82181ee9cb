//! What nodes sign for each other about a task's work: the task (here), what it asks for (`job`), leases on it
//! (`lease`), what came of it (`result`).
//!
//! A task's requirements are clear, its contents sealed. Whatever fences work carries (term, task, subtask, attempt).
//! Moments are by the clock of the coordinator that signs them.

use serde::{Deserialize, Serialize};

use crate::{
    canonical::{Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, ProfileId, TaskId},
    record::{ABILITIES_MAX, LABEL_MAX},
    task::PrivacyClass,
    units::{Bytes, Fuel, Tokens},
};

mod job;
mod lease;
mod result;

pub use job::{Answer, Job, JobError, label};
pub use lease::{CapabilityToken, LeaseKey, Part, SubtaskLease, TOKEN_MAX_MS};
pub use result::{ReportError, ResultSummary, shown};

/// One try at one subtask: what every message about work names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The task.
    pub task: TaskId,
    /// The subtask, from 0.
    pub subtask: u16,
    /// Rises with each lease of the subtask, from 1.
    pub attempt: u32,
}

impl AttemptId {
    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.task.0)
            .u32(u32::from(self.subtask))
            .u32(self.attempt);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            task: TaskId(from.array()?),
            subtask: from.u16()?,
            attempt: from.u32()?,
        })
    }
}

/// Sealed bytes, addressed by the hash of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRef {
    /// blake3 of the sealed bytes.
    pub hash: Hash,
    /// How many there are.
    pub size: Bytes,
}

impl ContentRef {
    /// The reference to `sealed`.
    pub fn of(sealed: &[u8]) -> Self {
        Self {
            hash: Hash::of(sealed),
            size: Bytes(sealed.len() as u64),
        }
    }

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.hash.0).u64(self.size.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            hash: from.hash()?,
            size: Bytes(from.u64()?),
        })
    }
}

/// What a worker must be able to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// Languages its sandbox must run.
    pub languages: Vec<String>,
    /// The profile that results are compared under.
    pub profile: ProfileId,
    /// Whether a model must be asked.
    pub model: bool,
}

/// A task as its submitter signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSpec {
    /// The network.
    pub network: NetworkId,
    /// Its id, chosen at random by the submitter.
    pub id: TaskId,
    /// Who may read it; never `local`.
    pub class: PrivacyClass,
    /// What a worker must be able to do.
    pub requirements: Requirements,
    /// The sealed request.
    pub content: ContentRef,
    /// The salted hash of cases that nobody sees before a result is fixed.
    pub heldout: Option<Hash>,
    /// Tokens that all its models may generate.
    pub tokens: Tokens,
    /// Fuel that one execution may burn.
    pub fuel: Fuel,
    /// Milliseconds from acceptance until it fails.
    pub deadline_ms: u64,
}

fn class_tag(class: PrivacyClass) -> u8 {
    match class {
        PrivacyClass::Local => 0,
        PrivacyClass::Mesh => 1,
        PrivacyClass::Sealed => 2,
        PrivacyClass::Enterprise => 3,
    }
}

impl Canonical for TaskSpec {
    const DOMAIN: &'static str = "edgecoder/task-spec/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.network.0)
            .fixed(&self.id.0)
            .u8(class_tag(self.class))
            .list(&self.requirements.languages, |to, name| {
                to.text(name);
            })
            .fixed(&self.requirements.profile.0)
            .u8(self.requirements.model.into());
        self.content.encode(to);
        to.option(self.heldout.as_ref(), |to, hash| {
            to.fixed(&hash.0);
        })
        .u64(self.tokens.0)
        .u64(self.fuel.0)
        .u64(self.deadline_ms);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: NetworkId(from.array()?),
            id: TaskId(from.array()?),
            class: match from.u8()? {
                1 => PrivacyClass::Mesh,
                2 => PrivacyClass::Sealed,
                3 => PrivacyClass::Enterprise,
                // A local task has no business in a message.
                _ => return Err(DecodeError::Invalid("class")),
            },
            requirements: Requirements {
                languages: languages(from)?,
                profile: ProfileId(from.array()?),
                model: from.flag()?,
            },
            content: ContentRef::decode(from)?,
            heldout: from.option(Decoder::hash)?,
            tokens: Tokens(from.u64()?),
            fuel: Fuel(from.u64()?),
            deadline_ms: from.u64()?,
        })
    }
}

fn languages(from: &mut Decoder<'_>) -> Result<Vec<String>, DecodeError> {
    let names = from.list(Decoder::text)?;
    let fits = |name: &String| !name.is_empty() && name.len() <= LABEL_MAX;
    if names.len() > ABILITIES_MAX || !names.iter().all(fits) {
        return Err(DecodeError::Invalid("languages"));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;

    #[test]
    fn a_local_task_is_not_read() {
        let spec = |class| TaskSpec {
            network: NetworkId([1; 32]),
            id: TaskId([2; 16]),
            class,
            requirements: Requirements {
                languages: vec!["python".into()],
                profile: ProfileId([3; 32]),
                model: true,
            },
            content: ContentRef::of(b"sealed"),
            heldout: None,
            tokens: Tokens(1),
            fuel: Fuel(2),
            deadline_ms: 3,
        };
        let read = |spec: &TaskSpec| canonical::decode::<TaskSpec>(&canonical::encode(spec));
        for class in [
            PrivacyClass::Mesh,
            PrivacyClass::Sealed,
            PrivacyClass::Enterprise,
        ] {
            assert_eq!(read(&spec(class)), Ok(spec(class)));
        }
        assert_eq!(
            read(&spec(PrivacyClass::Local)),
            Err(DecodeError::Invalid("class"))
        );
    }
}
