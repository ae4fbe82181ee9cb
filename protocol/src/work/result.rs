//! What came of an attempt, as its author and its checker sign it, and how either commits to it beforehand.

use super::{AttemptId, ContentRef, Part};
use crate::{
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    ids::{Hash, NetworkId, PeerId},
    operator::ExecAnswer,
    receipt::{EvidenceClass, Outcome, ReceiptError},
    units::Fuel,
    wire::Held,
};

/// What came of an attempt, without its contents; signed by whoever ran it. It is evidence: two of one attempt that
/// differ cannot both be true.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Hash of all that the run showed: streams, value, messages, written files.
    pub shown: Hash,
    /// How the execution ended.
    pub outcome: Outcome,
    /// What that proves.
    pub evidence: EvidenceClass,
    /// Fuel it burned.
    pub fuel: Fuel,
    /// Hash of the prompts and replies that led to the answer; of nothing for a checker.
    pub transcript: Hash,
}

/// Why a report is not what a summary is of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// No report at all.
    #[error("the report cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Of another run, or changed.
    #[error("the report is not what its summary names")]
    Other,
    /// Its receipt is somebody else's.
    #[error("the report's receipt is signed by another node")]
    Signer,
    /// Its receipt does not hold.
    #[error("the report's receipt is not to be believed: {0}")]
    Receipt(#[from] ReceiptError),
}

/// The hash of all that a run showed to people; the same on every honest node, as the receipt's body is.
pub fn shown(answer: &ExecAnswer) -> Hash {
    let mut to = Encoder::default();
    to.text("edgecoder/shown/1")
        .text(&answer.reason)
        .text(&answer.stdout)
        .text(&answer.stderr)
        .option(answer.value.as_ref(), |to, value| {
            to.text(value);
        })
        .list(&answer.tests, |to, test| {
            to.text(&test.name)
                .u8(test.outcome.tag())
                .text(&test.message);
        });
    let written = answer.written.0.iter();
    let written: Vec<_> = written.collect();
    to.list(&written, |to, (path, content)| {
        to.text(path.as_str()).bytes(&content.0);
    });
    Hash::of(&to.finish())
}

impl ResultSummary {
    /// What came of a run under `held`, whose author answered `answer`.
    pub fn of_run(network: NetworkId, held: Held, answer: ContentRef, run: &ExecAnswer) -> Self {
        let body = &run.receipt.body;
        Self {
            network,
            attempt: held.attempt,
            part: held.part,
            term: held.term,
            answer,
            receipt: canonical::hash(body),
            shown: shown(run),
            outcome: body.outcome,
            evidence: body.evidence,
            fuel: body.fuel,
            transcript: Hash::of(b""),
        }
    }

    /// Reads the report (JSON) that `signer` summarises so, and whose receipt it must have signed as well.
    ///
    /// # Errors
    /// [`ReportError`] when it is another one.
    pub fn report(&self, signer: PeerId, json: &[u8]) -> Result<ExecAnswer, ReportError> {
        let run: ExecAnswer = serde_json::from_slice(json)?;
        let body = &run.receipt.body;
        let told = (run.outcome, run.evidence, run.fuel);
        let is_of_run = self.receipt == canonical::hash(body)
            && self.shown == shown(&run)
            && told == (body.outcome, body.evidence, body.fuel)
            && told == (self.outcome, self.evidence, self.fuel);
        if !is_of_run {
            return Err(ReportError::Other);
        }
        if run.receipt.signer != signer {
            return Err(ReportError::Signer);
        }
        run.receipt.check()?;
        Ok(run)
    }

    /// Whether two runs of one answer came out the same.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.attempt == other.attempt
            && self.answer == other.answer
            && (self.receipt, self.shown) == (other.receipt, other.shown)
            && (self.outcome, self.evidence, self.fuel)
                == (other.outcome, other.evidence, other.fuel)
    }

    /// What `signer` says before anybody sees the summary: bound to its identity, so that nobody can copy it.
    pub fn commitment(&self, signer: PeerId, salt: &[u8; 32]) -> Hash {
        let mut to = Encoder::default();
        to.text("edgecoder/commitment/1")
            .fixed(&signer.0)
            .fixed(salt)
            .fixed(&canonical::hash(self).0);
        Hash::of(&to.finish())
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
            .fixed(&self.shown.0)
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
            shown: from.hash()?,
            outcome: Outcome::from_tag(from.u8()?)?,
            evidence: EvidenceClass::from_tag(from.u8()?)?,
            fuel: Fuel(from.u64()?),
            transcript: from.hash()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;

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
            shown: Hash([9; 32]),
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
                shown: Hash([0; 32]),
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
}
