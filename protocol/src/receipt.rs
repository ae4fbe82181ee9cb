//! The record of one execution: what ran, on what, under which limits, what came out.
//!
//! [`ReceiptBody`] is the same on every honest node; signer and signature differ. What a receipt proves about
//! the code depends on its [`EvidenceClass`]; it never says *safe*.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    canonical::{self, Canonical, DecodeError, Decoder, Encoder},
    execution::{Limits, SuiteKind, TestOrigin},
    ids::{Hash, PeerId, ProfileId},
    key::{NodeKey, verify},
    units::{Bytes, Fuel},
};

/// Value of a receipt's `schema` field.
pub const SCHEMA: &str = "edgecoder/receipt/1";

macro_rules! tagged {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $tag:literal $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The word that screens and JSON use.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The byte that canonical encodings use; never reused for another meaning.
            pub fn tag(self) -> u8 {
                match self { $(Self::$variant => $tag),+ }
            }

            /// The value of a canonical byte.
            ///
            /// # Errors
            /// [`DecodeError::Invalid`] when no value has it.
            pub fn from_tag(tag: u8) -> Result<Self, DecodeError> {
                match tag { $($tag => Ok(Self::$variant),)+ _ => Err(DecodeError::Invalid(stringify!($name))) }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

tagged! {
    /// How an execution ended.
    Outcome {
        /// To its end, and every test passed.
        Ok = 0 "ok",
        /// An exception, a failed test, or an early exit.
        Failed = 1 "failed",
        /// The fuel limit: a result, the same everywhere.
        OutOfFuel = 2 "out-of-fuel",
        /// The memory limit: a result, the same everywhere.
        OutOfMemory = 3 "out-of-memory",
        /// The wall clock, the native stack or the host stopped it: neither pass nor blame.
        Inconclusive = 4 "inconclusive",
    }
}

tagged! {
    /// What a receipt can prove about the code, weakest first.
    EvidenceClass {
        /// It ran; nothing was tested.
        Ran = 0 "ran",
        /// Judged by tests that the model wrote.
        ModelTests = 1 "model-tests",
        /// Judged by the user's suite, in one interpreter with the code: hostile code could forge this.
        Suite = 2 "suite",
        /// The host called the function and compared: the code cannot lie.
        Cases = 3 "cases",
        /// As `cases`, unseen by the worker.
        HeldoutCases = 4 "heldout-cases",
    }
}

impl EvidenceClass {
    /// Whether a pass may be called *verified*.
    pub fn is_verified(self) -> bool {
        self >= Self::Cases
    }

    /// The class of a suite's or a case set's result.
    pub fn of(cases: bool, origin: TestOrigin) -> Self {
        match (cases, origin) {
            (_, TestOrigin::Model) => Self::ModelTests,
            (false, TestOrigin::User | TestOrigin::HeldOut) => Self::Suite,
            (true, TestOrigin::User) => Self::Cases,
            (true, TestOrigin::HeldOut) => Self::HeldoutCases,
        }
    }
}

tagged! {
    /// How one test ended.
    TestOutcome {
        /// As it should.
        Passed = 0 "passed",
        /// An assertion or comparison failed.
        Failed = 1 "failed",
        /// It raised something else, or did not reach its end.
        Errored = 2 "errored",
        /// The suite skipped it.
        Skipped = 3 "skipped",
    }
}

tagged! {
    /// What replay concluded.
    Verdict {
        /// The same body, byte for byte.
        Agreed = 0 "agreed",
        /// Another body.
        Disagreed = 1 "disagreed",
        /// The replay, or the original, did not reach a result.
        Inconclusive = 2 "inconclusive",
    }
}

tagged! {
    /// How the files were run.
    RunKind {
        /// As `__main__`.
        Script = 0 "script",
        /// As a `unittest` suite.
        Unittest = 1 "unittest",
        /// As plain asserts.
        Asserts = 2 "asserts",
        /// Called case by case by the host.
        Cases = 3 "cases",
    }
}

impl From<SuiteKind> for RunKind {
    fn from(kind: SuiteKind) -> Self {
        match kind {
            SuiteKind::Unittest => Self::Unittest,
            SuiteKind::Asserts => Self::Asserts,
        }
    }
}

/// One test's result. The message is for people and is not part of the receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestResult {
    /// Unique within the run, at most 200 characters.
    pub name: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// Why it failed; empty when it passed.
    pub message: String,
}

/// A test's name and outcome, as a receipt records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestRecord {
    /// As [`TestResult::name`].
    pub name: String,
    /// How it ended.
    pub outcome: TestOutcome,
}

/// Which tests judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestsRef {
    /// Hash of the test file, or of the cases with their expectations.
    pub hash: Hash,
    /// Who wrote them.
    pub origin: TestOrigin,
}

/// What every node that runs the same thing agrees on, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceiptBody {
    /// What decides an execution's outcome.
    pub profile: ProfileId,
    /// How the files were run.
    pub kind: RunKind,
    /// Hash of the code under test (of the entry file where there is no other).
    pub code: Hash,
    /// Hash of all files.
    pub snapshot: Hash,
    /// The file that was run, or the solution and the functions called.
    pub entry: String,
    /// Hash of the arguments of all calls.
    pub arguments: Hash,
    /// Hash of standard input.
    pub stdin: Hash,
    /// Which tests judged; `null` for a plain run.
    pub tests: Option<TestsRef>,
    /// Bounds of each guest run.
    pub limits: Limits,
    /// Seed of the guest's random sources.
    pub seed: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// What this can prove.
    pub evidence: EvidenceClass,
    /// Per test.
    pub results: Vec<TestRecord>,
    /// Hash of standard output and standard error.
    pub output: Hash,
    /// Hash of returned values and written files.
    pub result: Hash,
    /// Work of all guest runs.
    pub fuel: Fuel,
}

impl Canonical for ReceiptBody {
    const DOMAIN: &'static str = "edgecoder/receipt-body/1";

    fn encode(&self, to: &mut Encoder) {
        to.fixed(&self.profile.0).u8(self.kind.tag());
        to.fixed(&self.code.0)
            .fixed(&self.snapshot.0)
            .text(&self.entry);
        to.fixed(&self.arguments.0).fixed(&self.stdin.0);
        to.option(self.tests.as_ref(), |to, tests| {
            to.fixed(&tests.hash.0).u8(origin_tag(tests.origin));
        });
        let limits = &self.limits;
        to.u64(limits.fuel.0)
            .u64(limits.memory.0)
            .u64(limits.output.0);
        to.u64(limits.result.0).u64(limits.wall_ms).u64(self.seed);
        to.u8(self.outcome.tag()).u8(self.evidence.tag());
        to.list(&self.results, |to, test| {
            to.text(&test.name).u8(test.outcome.tag());
        });
        to.fixed(&self.output.0)
            .fixed(&self.result.0)
            .u64(self.fuel.0);
    }

    fn decode(from: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            profile: ProfileId(from.hash()?.0),
            kind: RunKind::from_tag(from.u8()?)?,
            code: from.hash()?,
            snapshot: from.hash()?,
            entry: from.text()?,
            arguments: from.hash()?,
            stdin: from.hash()?,
            tests: match from.u8()? {
                0 => None,
                1 => Some(TestsRef {
                    hash: from.hash()?,
                    origin: origin_of(from.u8()?)?,
                }),
                _ => return Err(DecodeError::Invalid("tests")),
            },
            limits: Limits {
                fuel: Fuel(from.u64()?),
                memory: Bytes(from.u64()?),
                output: Bytes(from.u64()?),
                result: Bytes(from.u64()?),
                wall_ms: from.u64()?,
            },
            seed: from.u64()?,
            outcome: Outcome::from_tag(from.u8()?)?,
            evidence: EvidenceClass::from_tag(from.u8()?)?,
            results: from.list(|from| {
                Ok(TestRecord {
                    name: from.text()?,
                    outcome: TestOutcome::from_tag(from.u8()?)?,
                })
            })?,
            output: from.hash()?,
            result: from.hash()?,
            fuel: Fuel(from.u64()?),
        })
    }
}

fn origin_tag(origin: TestOrigin) -> u8 {
    match origin {
        TestOrigin::User => 1,
        TestOrigin::Model => 2,
        TestOrigin::HeldOut => 3,
    }
}

fn origin_of(tag: u8) -> Result<TestOrigin, DecodeError> {
    match tag {
        1 => Ok(TestOrigin::User),
        2 => Ok(TestOrigin::Model),
        3 => Ok(TestOrigin::HeldOut),
        _ => Err(DecodeError::Invalid("origin")),
    }
}

impl ReceiptBody {
    /// The first field in which `other` differs, by its JSON name.
    pub fn first_difference(&self, other: &Self) -> Option<&'static str> {
        [
            ("profile", self.profile == other.profile),
            ("kind", self.kind == other.kind),
            ("code", self.code == other.code),
            ("snapshot", self.snapshot == other.snapshot),
            ("entry", self.entry == other.entry),
            ("arguments", self.arguments == other.arguments),
            ("stdin", self.stdin == other.stdin),
            ("tests", self.tests == other.tests),
            ("limits", self.limits == other.limits),
            ("seed", self.seed == other.seed),
            ("outcome", self.outcome == other.outcome),
            ("evidence", self.evidence == other.evidence),
            ("results", self.results == other.results),
            ("output", self.output == other.output),
            ("result", self.result == other.result),
            ("fuel", self.fuel == other.fuel),
        ]
        .into_iter()
        .find_map(|(name, same)| (!same).then_some(name))
    }

    /// Replay's verdict on `self` (recorded) against `again` (run now). Under another profile the same code may
    /// well come out differently, which proves nothing against whoever recorded it.
    pub fn judge_replay(&self, again: &Self) -> Verdict {
        if self.profile != again.profile {
            return Verdict::Inconclusive;
        }
        if self.outcome == Outcome::Inconclusive || again.outcome == Outcome::Inconclusive {
            return Verdict::Inconclusive;
        }
        match self.first_difference(again) {
            None => Verdict::Agreed,
            Some(_) => Verdict::Disagreed,
        }
    }
}

/// A signed [`ReceiptBody`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What happened.
    pub body: ReceiptBody,
    /// Who says so.
    pub signer: PeerId,
    /// Ed25519 over the body's canonical bytes, 128 hexadecimal digits.
    pub signature: String,
}

/// Why a receipt is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// Another kind of object, or a newer version.
    #[error("its schema is {found:?}, not {SCHEMA:?}")]
    Schema {
        /// What it says.
        found: String,
    },
    /// The signature is not by the named signer over this body.
    #[error("its signature does not belong to its body and signer: it was changed after signing")]
    Signature,
}

impl Receipt {
    /// Signs `body`.
    pub fn sign(body: ReceiptBody, key: &NodeKey) -> Self {
        let signature = key.sign(&canonical::encode(&body));
        let signature = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            schema: SCHEMA.to_owned(),
            body,
            signer: key.peer_id(),
            signature,
        }
    }

    /// Checks schema and signature.
    ///
    /// # Errors
    /// [`ReceiptError`] when either is wrong.
    pub fn check(&self) -> Result<(), ReceiptError> {
        if self.schema != SCHEMA {
            let found = self.schema.chars().take(80).collect();
            return Err(ReceiptError::Schema { found });
        }
        // Two hashes side by side: reuses the one strict hexadecimal reader.
        let halves = self
            .signature
            .split_at_checked(64)
            .ok_or(ReceiptError::Signature)?;
        let parse = |half: &str| half.parse::<Hash>().map_err(|_| ReceiptError::Signature);
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&parse(halves.0)?.0);
        signature[32..].copy_from_slice(&parse(halves.1)?.0);
        if verify(&self.signer, &canonical::encode(&self.body), &signature) {
            Ok(())
        } else {
            Err(ReceiptError::Signature)
        }
    }
}
