//! What an adversary was lent, opened; and results of it: true ones, from a daemon that runs things, and others.

use edgecoder_protocol::{
    Hash, Receipt, Signed,
    operator::{Blob, ExecAnswer, ExecRequest},
    receipt::ReceiptBody,
    sealing::{OpenKey, Purpose, TaskKey},
    task::PrivacyClass,
    wire::{Grant, Held, Opening, Request, Response, Sealed},
    work::{Answer, ContentRef, Job, LeaseKey, Part, ResultSummary, SubtaskLease, label},
};

use super::{super::Home, Peer};

/// A subtask that it was lent.
pub struct Lent {
    /// As it came.
    pub grant: Grant,
    /// What the coordinator signed.
    pub lease: SubtaskLease,
    /// The lease's name.
    pub held: Held,
    /// The task's key.
    pub key: TaskKey,
    /// What is asked for.
    pub job: Job,
    /// What is to be checked.
    pub answer: Option<Answer>,
}

impl Lent {
    /// Opens a grant with the key that it was taken with; a sealed task's key is its submitter's to give, who is the
    /// network's founder here.
    pub(super) fn open(
        peer: &Peer,
        grant: Grant,
        open: &OpenKey,
        lease_key: Signed<LeaseKey>,
    ) -> Self {
        let lease = grant.lease.open_by(peer.coordinator()).unwrap().clone();
        let purpose = Purpose {
            task: lease.attempt.task,
            subtask: lease.attempt.subtask,
            attempt: lease.attempt.attempt,
            reader: peer.id(),
            term: lease.term,
        };
        let wrapped = grant.key.clone().unwrap_or_else(|| {
            let (lease, key) = (Box::new(grant.lease.clone()), Box::new(lease_key));
            match peer.ask(Request::Key { lease, key }) {
                Response::Key(wrapped) => wrapped,
                other => panic!("{other:?}"),
            }
        });
        let key = TaskKey::unwrap(&wrapped, open, &purpose).unwrap();
        let read = |name, sealed: &Sealed| key.open(name, inline(sealed)).unwrap();
        let job = Job::from_bytes(&read(label::JOB, &grant.job)).unwrap();
        let answer = grant.answer.as_ref();
        let answer = answer.map(|sealed| Answer::from_bytes(&read(label::ANSWER, sealed)).unwrap());
        Self {
            held: Held {
                attempt: lease.attempt,
                part: lease.part,
                term: lease.term,
            },
            lease,
            key,
            job,
            answer,
            grant,
        }
    }

    /// Whether it is to make a result.
    pub fn is_author(&self) -> bool {
        self.held.part == Part::Author
    }

    /// The code that the task came with, when it only runs something.
    pub fn is_exec(&self) -> bool {
        matches!(self.job, Job::Exec(_))
    }

    /// Seals for the task's readers.
    pub fn seal(&self, peer: &Peer, name: &str, bytes: &[u8]) -> Sealed {
        let nonce = peer.fresh();
        let sealed = self.key.seal(name, bytes, nonce.first_chunk().unwrap());
        Sealed::Inline(sealed.unwrap())
    }

    /// Its answer, sealed.
    pub fn sealed_answer(&self, peer: &Peer, code: &str) -> Sealed {
        let answer = Answer {
            code: code.into(),
            tests: None,
        };
        self.seal(peer, label::ANSWER, &answer.to_bytes().unwrap())
    }

    /// What an honest node would sign of `run`; `answer` is the author's own.
    pub fn summary(&self, peer: &Peer, answer: Option<&Sealed>, run: &ExecAnswer) -> ResultSummary {
        let judged = answer.or(self.grant.answer.as_ref());
        let judged = judged.map_or_else(|| ContentRef::of(b""), Sealed::reference);
        let summary = ResultSummary::of_run(peer.network(), self.held, judged, run);
        match answer {
            Some(_) => ResultSummary {
                transcript: Hash::of(b"whatever"),
                ..summary
            },
            None => summary,
        }
    }

    /// What opens a commitment to `summary`, and the commitment.
    pub fn opening(
        &self,
        peer: &Peer,
        summary: ResultSummary,
        run: &ExecAnswer,
    ) -> (Opening, Hash) {
        let salt = peer.fresh();
        let commitment = summary.commitment(peer.id(), &salt);
        let report = serde_json::to_vec(run).unwrap();
        let opening = Opening {
            salt,
            summary: Signed::new(summary, peer.key()),
            report: self.seal(peer, label::REPORT, &report),
            tokens: Default::default(),
        };
        (opening, commitment)
    }

    /// Hands `run` in as its own, and `code` as its answer; signed, fixed and opened as an honest node does.
    pub fn hand_in(&self, peer: &Peer, code: Option<&str>, run: ExecAnswer) -> Response {
        let run = forge(peer, run, |_| {});
        let answer = code.map(|code| self.sealed_answer(peer, code));
        let summary = self.summary(peer, answer.as_ref(), &run);
        let (opening, commitment) = self.opening(peer, summary, &run);
        peer.will_open(self.held, opening);
        peer.commit(self.held, commitment, answer)
    }
}

fn inline(sealed: &Sealed) -> &[u8] {
    match sealed {
        Sealed::Inline(bytes) => bytes,
        Sealed::Fetch(_) => panic!("the tests' contents are small"),
    }
}

/// What really comes of it, with `code` as the answer; run by the daemon of `oracle`.
pub fn run_of(oracle: &Home, lent: &Lent, code: Option<&str>) -> ExecAnswer {
    let request = match &lent.job {
        Job::Exec(request) => request.clone(),
        Job::Solve(task) => {
            let given = lent.answer.as_ref().map(|answer| answer.code.as_str());
            let code = code.or(given).unwrap();
            let mut files = task.files.clone();
            files.0.insert(task.solution.clone(), Blob(code.into()));
            ExecRequest {
                files,
                entry: task.solution.clone(),
                tests: task.tests.clone(),
                stdin: Blob::default(),
                seed: task.seed,
                limits: task.limits,
                bundle: false,
                privacy: PrivacyClass::Local,
            }
        }
    };
    let body = serde_json::to_value(request).unwrap();
    let (status, answer) = oracle.request("POST", "/v1/executions", &body).unwrap();
    assert_eq!(status, 200, "{answer}");
    serde_json::from_value(answer).unwrap()
}

/// `run` with another receipt, signed by `peer`; what is shown beside it says the same.
pub fn forge(peer: &Peer, run: ExecAnswer, change: impl FnOnce(&mut ReceiptBody)) -> ExecAnswer {
    let mut body = run.receipt.body.clone();
    change(&mut body);
    ExecAnswer {
        outcome: body.outcome,
        evidence: body.evidence,
        fuel: body.fuel,
        receipt: Receipt::sign(body, peer.key()),
        ..run
    }
}
