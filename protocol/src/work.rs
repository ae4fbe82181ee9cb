//! What is said about a task's work between submitter, coordinator, workers and inference slots, each signed.
//!
//! A task's requirements are clear, its contents sealed. Whatever fences work carries (term, task, subtask, attempt).
//! Moments are the coordinator's: other nodes learn how far their own clock is from it, so a clock a day off harms
//! nothing.

use serde::{Deserialize, Serialize};

use crate::{
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, PeerId, ProfileId, TaskId},
    receipt::{EvidenceClass, Outcome},
    record::{ABILITIES_MAX, LABEL_MAX},
    sealing::SealKey,
    task::PrivacyClass,
    units::{Bytes, Fuel, Millis, Tokens},
};

/// Milliseconds that a subtask's lease lasts without a heartbeat.
pub const LEASE_MS: u32 = 6_000;
/// Milliseconds between a worker's heartbeats.
pub const HEARTBEAT_MS: u32 = 2_000;
/// Milliseconds that a capability token may live: one long generation, and little more.
pub const TOKEN_MAX_MS: u32 = 600_000;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirements {
    /// Languages its sandbox must run.
    pub languages: Vec<String>,
    /// The profile that results are compared under.
    pub profile: ProfileId,
    /// Whether a model must be asked.
    pub model: bool,
}

/// A task as its submitter signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
                model: flag(from)?,
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

fn flag(from: &mut Decoder<'_>) -> Result<bool, DecodeError> {
    match from.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(DecodeError::Invalid("flag")),
    }
}

/// What a lease is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Part {
    /// To make a result.
    Author,
    /// To replay one.
    Checker,
}

impl Part {
    fn tag(self) -> u8 {
        match self {
            Self::Author => 0,
            Self::Checker => 1,
        }
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match from.u8()? {
            0 => Ok(Self::Author),
            1 => Ok(Self::Checker),
            _ => Err(DecodeError::Invalid("part")),
        }
    }
}

/// A worker's key for what it may read under one lease, signed by the worker: a coordinator cannot put its own in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseKey {
    /// The network.
    pub network: NetworkId,
    /// The key.
    pub key: SealKey,
}

impl Canonical for LeaseKey {
    const DOMAIN: &'static str = "edgecoder/lease-key/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.network.0).fixed(&self.key.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: NetworkId(from.array()?),
            key: SealKey(from.array()?),
        })
    }
}

/// A subtask lent to a worker; signed by the coordinator of `term`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtaskLease {
    /// The network.
    pub network: NetworkId,
    /// What is lent.
    pub attempt: AttemptId,
    /// What for.
    pub part: Part,
    /// To whom.
    pub worker: PeerId,
    /// The worker's key under this lease.
    pub key: SealKey,
    /// Whose term the coordinator has.
    pub term: u64,
    /// When it was granted, by the coordinator's clock.
    pub granted: Millis,
}

impl Canonical for SubtaskLease {
    const DOMAIN: &'static str = "edgecoder/subtask-lease/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.network.0);
        self.attempt.encode(to);
        to.u8(self.part.tag())
            .fixed(&self.worker.0)
            .fixed(&self.key.0)
            .u64(self.term)
            .u64(self.granted.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: NetworkId(from.array()?),
            attempt: AttemptId::decode(from)?,
            part: Part::decode(from)?,
            worker: PeerId(from.array()?),
            key: SealKey(from.array()?),
            term: from.u64()?,
            granted: Millis(from.u64()?),
        })
    }
}

/// Leave to ask a model; signed by the coordinator that lent the subtask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapabilityToken {
    /// The network.
    pub network: NetworkId,
    /// What for.
    pub attempt: AttemptId,
    /// Who asks.
    pub caller: PeerId,
    /// The inference slot that is asked: it alone counts what was used.
    pub slot: PeerId,
    /// Tokens that may be generated under it.
    pub budget: Tokens,
    /// The coordinator's term.
    pub term: u64,
    /// When it was issued, by the coordinator's clock.
    pub issued: Millis,
    /// Milliseconds it lives, at most [`TOKEN_MAX_MS`].
    pub life_ms: u32,
}

impl Canonical for CapabilityToken {
    const DOMAIN: &'static str = "edgecoder/capability-token/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.network.0);
        self.attempt.encode(to);
        to.fixed(&self.caller.0)
            .fixed(&self.slot.0)
            .u64(self.budget.0)
            .u64(self.term)
            .u64(self.issued.0)
            .u32(self.life_ms);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: NetworkId(from.array()?),
            attempt: AttemptId::decode(from)?,
            caller: PeerId(from.array()?),
            slot: PeerId(from.array()?),
            budget: Tokens(from.u64()?),
            term: from.u64()?,
            issued: Millis(from.u64()?),
            life_ms: match from.u32()? {
                life @ 1..=TOKEN_MAX_MS => life,
                _ => return Err(DecodeError::Invalid("life")),
            },
        })
    }
}

/// What came of an attempt, without its contents; signed by whoever ran it. It is evidence: two of one attempt that
/// differ cannot both be true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultSummary {
    /// The network.
    pub network: NetworkId,
    /// The attempt.
    pub attempt: AttemptId,
    /// As what.
    pub part: Part,
    /// The coordinator's term.
    pub term: u64,
    /// The sealed answer that was judged.
    pub answer: ContentRef,
    /// Hash of the receipt's canonical body.
    pub receipt: Hash,
    /// How the execution ended.
    pub outcome: Outcome,
    /// What that proves.
    pub evidence: EvidenceClass,
    /// Fuel it burned.
    pub fuel: Fuel,
    /// Hash of the prompts and replies that led to the answer; of nothing for a checker.
    pub transcript: Hash,
}

impl ResultSummary {
    /// Whether two runs of one answer came out the same.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.attempt == other.attempt
            && self.answer == other.answer
            && self.receipt == other.receipt
            && (self.outcome, self.evidence, self.fuel)
                == (other.outcome, other.evidence, other.fuel)
    }

    /// What `signer` says before anybody sees the summary: bound to its identity, so that nobody can copy it.
    pub fn commitment(&self, signer: PeerId, salt: &[u8; 32]) -> Hash {
        canonical::hash(&Commitment {
            signer,
            salt: *salt,
            summary: canonical::hash(self),
        })
    }
}

impl Canonical for ResultSummary {
    const DOMAIN: &'static str = "edgecoder/result-summary/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.network.0);
        self.attempt.encode(to);
        to.u8(self.part.tag()).u64(self.term);
        self.answer.encode(to);
        to.fixed(&self.receipt.0)
            .u8(self.outcome.tag())
            .u8(self.evidence.tag())
            .u64(self.fuel.0)
            .fixed(&self.transcript.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            network: NetworkId(from.array()?),
            attempt: AttemptId::decode(from)?,
            part: Part::decode(from)?,
            term: from.u64()?,
            answer: ContentRef::decode(from)?,
            receipt: from.hash()?,
            outcome: Outcome::from_tag(from.u8()?)?,
            evidence: EvidenceClass::from_tag(from.u8()?)?,
            fuel: Fuel(from.u64()?),
            transcript: from.hash()?,
        })
    }
}

struct Commitment {
    signer: PeerId,
    salt: [u8; 32],
    summary: Hash,
}

impl Canonical for Commitment {
    const DOMAIN: &'static str = "edgecoder/commitment/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.signer.0)
            .fixed(&self.salt)
            .fixed(&self.summary.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            signer: PeerId(from.array()?),
            salt: from.array()?,
            summary: from.hash()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> ResultSummary {
        ResultSummary {
            network: NetworkId([1; 32]),
            attempt: AttemptId {
                task: TaskId([2; 16]),
                subtask: 3,
                attempt: 4,
            },
            part: Part::Author,
            term: 5,
            answer: ContentRef::of(b"sealed"),
            receipt: Hash([6; 32]),
            outcome: Outcome::Ok,
            evidence: EvidenceClass::Cases,
            fuel: Fuel(7),
            transcript: Hash([8; 32]),
        }
    }

    #[test]
    fn runs_agree_when_answer_and_all_that_came_out_are_the_same() {
        let author = summary();
        let checker = ResultSummary {
            part: Part::Checker,
            transcript: Hash([0; 32]),
            ..summary()
        };
        assert!(author.agrees_with(&checker));
        let attempt = AttemptId {
            attempt: 5,
            ..summary().attempt
        };
        for other in [
            ResultSummary {
                attempt,
                ..summary()
            },
            ResultSummary {
                answer: ContentRef::of(b"other"),
                ..summary()
            },
            ResultSummary {
                receipt: Hash([0; 32]),
                ..summary()
            },
            ResultSummary {
                outcome: Outcome::Failed,
                ..summary()
            },
            ResultSummary {
                evidence: EvidenceClass::HeldoutCases,
                ..summary()
            },
            ResultSummary {
                fuel: Fuel(8),
                ..summary()
            },
        ] {
            assert!(!author.agrees_with(&other), "{other:?}");
        }
    }

    #[test]
    fn a_commitment_is_of_one_signer_one_salt_and_one_summary() {
        let (me, salt) = (PeerId([1; 32]), [2; 32]);
        let own = summary().commitment(me, &salt);
        assert_eq!(own, summary().commitment(me, &salt));
        assert_ne!(
            own,
            summary().commitment(PeerId([2; 32]), &salt),
            "copied by another"
        );
        assert_ne!(own, summary().commitment(me, &[3; 32]));
        let other = ResultSummary {
            fuel: Fuel(8),
            ..summary()
        };
        assert_ne!(own, other.commitment(me, &salt));
    }

    #[test]
    fn a_local_task_and_an_immortal_token_are_not_read() {
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
        let token = |life_ms| CapabilityToken {
            network: NetworkId([1; 32]),
            attempt: summary().attempt,
            caller: PeerId([4; 32]),
            slot: PeerId([5; 32]),
            budget: Tokens(6),
            term: 7,
            issued: Millis(8),
            life_ms,
        };
        let read = |life| canonical::decode::<CapabilityToken>(&canonical::encode(&token(life)));
        assert_eq!(read(TOKEN_MAX_MS), Ok(token(TOKEN_MAX_MS)));
        assert!(read(TOKEN_MAX_MS + 1).is_err() && read(0).is_err());
    }
}
