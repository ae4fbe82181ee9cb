//! Tables: what a worker does about each input at each moment, all of it compared. The rig checks at every step what
//! must always hold.

mod heartbeats;
mod leases;
mod results;
mod storm;
mod taking;

use std::collections::BTreeSet;

use edgecoder_protocol::{
    EvidenceClass, Fuel, Hash, NetworkId, Outcome, Signed, TaskId, Tokens,
    key::NodeKey,
    wire::{HELD_MAX, Opening, Sealed, TAKE_MAX},
    work::{AttemptId, ContentRef, Part, ResultSummary},
};

use super::*;

const COORDINATOR: PeerId = PeerId([1; 32]);
const STRANGER: PeerId = PeerId([2; 32]);

const DAY: Seen = Seen {
    minute: 720,
    idle: true,
};

/// The coordinator's, by this grant.
fn seat(term: u64) -> Seat {
    let holder = COORDINATOR;
    Seat { holder, term }
}

fn policy(slots: u32) -> Policy {
    Policy {
        slots,
        hours: None,
        only_when_idle: false,
    }
}

fn held(subtask: u16) -> Held {
    let attempt = AttemptId {
        task: TaskId([7; 16]),
        subtask,
        attempt: 1,
    };
    let (part, term) = (Part::Author, 3);
    Held {
        attempt,
        part,
        term,
    }
}

fn opening(subtask: u16) -> Opening {
    let summary = ResultSummary {
        network: NetworkId([9; 32]),
        attempt: held(subtask).attempt,
        part: Part::Author,
        term: 3,
        answer: ContentRef::of(b"answer"),
        receipt: Hash([6; 32]),
        shown: Hash([12; 32]),
        outcome: Outcome::Ok,
        evidence: EvidenceClass::Cases,
        fuel: Fuel(7),
        transcript: Hash([8; 32]),
    };
    Opening {
        salt: [5; 32],
        summary: Signed::new(summary, &NodeKey::from_seed(&mut [4; 32])),
        report: Sealed::Inline(b"report".to_vec()),
        tokens: Tokens(11),
    }
}

fn commit(subtask: u16) -> Commit {
    Commit {
        held: held(subtask),
        commitment: Hash([subtask as u8; 32]),
        answer: Some(Sealed::Inline(b"answer".to_vec())),
    }
}

fn made(subtask: u16) -> Input {
    let Commit {
        held,
        commitment,
        answer,
    } = commit(subtask);
    let fixed = Box::new(Fixed {
        opening: opening(subtask),
        commitment,
        answer,
    });
    Input::Made { held, fixed }
}

fn not_made(subtask: u16, sentence: &str) -> Input {
    Input::NotMade {
        held: held(subtask),
        why: WhyBack::Unsolved,
        sentence: sentence.to_owned(),
    }
}

fn granted(subtasks: impl IntoIterator<Item = u16>) -> Input {
    let granted = subtasks.into_iter().map(held).collect();
    Input::Answered(Errand::Take, Answer::Granted(granted))
}

fn beaten() -> Input {
    Input::Answered(Errand::Heartbeat, Answer::Done)
}

fn lost(subtasks: impl IntoIterator<Item = u16>) -> Input {
    let lost = subtasks.into_iter().map(held).collect();
    Input::Answered(Errand::Heartbeat, Answer::Lost(lost))
}

fn answered(subtask: u16, answer: Answer) -> Input {
    Input::Answered(Errand::Commit(held(subtask)), answer)
}

fn returned(subtask: u16, answer: Answer) -> Input {
    Input::Answered(Errand::GiveBack(held(subtask)), answer)
}

fn take(keys: usize) -> Output {
    Output::Take { keys }
}

fn work(subtask: u16) -> Output {
    Output::Work(held(subtask))
}

fn beat(subtasks: impl IntoIterator<Item = u16>) -> Output {
    let held = subtasks.into_iter().map(held).collect();
    Output::Heartbeat { held }
}

fn commits(subtask: u16) -> Output {
    Output::Commit(Box::new(commit(subtask)))
}

fn gives_back(subtask: u16, why: WhyBack, sentence: &str) -> Output {
    Output::GiveBack {
        held: held(subtask),
        why,
        sentence: sentence.to_owned(),
    }
}

fn forgets(subtask: u16, why: Forgotten) -> Output {
    let held = held(subtask);
    Output::Forget { held, why }
}

fn counted(done: u64, given_back: u64, lost: u64) -> Counters {
    Counters {
        done,
        given_back,
        lost,
    }
}

/// A machine with what must hold at any time.
struct Rig {
    machine: Machine,
    now: Millis,
    seen: Seen,
    /// Work that was begun and has not ended.
    working: BTreeSet<Held>,
    /// Commitments that were confirmed.
    confirmed: BTreeSet<Held>,
}

impl Rig {
    fn new(policy: Policy) -> Self {
        let mut machine = Machine::new(policy, 1);
        machine.seat = Some(seat(3));
        Self {
            machine,
            now: Millis(0),
            seen: DAY,
            working: BTreeSet::new(),
            confirmed: BTreeSet::new(),
        }
    }

    /// What follows from `input` at `at` milliseconds.
    fn at(&mut self, at: u64, input: Input) -> Vec<Output> {
        assert!(at >= self.now.0, "time goes back to {at}");
        self.now = Millis(at);
        match &input {
            Input::Made { held, .. } | Input::NotMade { held, .. } => {
                self.working.remove(held);
            }
            Input::Answered(Errand::Commit(held), Answer::Done) => {
                self.confirmed.insert(*held);
            }
            _ => {}
        }
        let slots = self.machine.slots() as usize;
        self.machine.handle(self.now, self.seen, input);
        let outputs = self.outputs();
        if outputs
            .iter()
            .any(|output| matches!(output, Output::Work(_)))
        {
            assert!(
                self.working.len() <= slots,
                "{} in {slots} slots",
                self.working.len()
            );
        }
        outputs
    }

    fn outputs(&mut self) -> Vec<Output> {
        let outputs: Vec<Output> = std::iter::from_fn(|| self.machine.poll_output()).collect();
        for output in &outputs {
            match output {
                Output::Work(held) => assert!(self.working.insert(*held), "{held:?} twice"),
                Output::Take { keys } => assert!((1..=TAKE_MAX).contains(keys)),
                Output::Heartbeat { held } => assert!((1..=HELD_MAX).contains(&held.len())),
                Output::Commit(commit) => {
                    assert!(!self.confirmed.contains(&commit.held), "delivered twice");
                }
                Output::GiveBack { sentence, .. } => assert!(sentence.len() <= SENTENCE_MAX),
                Output::Forget { .. } => {}
            }
        }
        let kept = |holding: &&Holding| holding.stage != Stage::Working;
        assert!(self.machine.status().held.iter().filter(kept).count() <= RESULTS_MAX);
        let idle = |at: Millis| at > self.now || self.machine.finished();
        assert!(
            self.machine.next_deadline().is_none_or(idle),
            "it would spin"
        );
        outputs
    }

    /// What the time alone brings about next, and when that is.
    fn tick(&mut self) -> (u64, Vec<Output>) {
        let at = self.machine.next_deadline().expect("nothing is due");
        (at.0, self.at(at.0, Input::Tick))
    }

    /// Ticks as they are due, up to and at `until`.
    fn pass(&mut self, until: u64) -> Vec<(u64, Output)> {
        let mut all = Vec::new();
        while self.machine.next_deadline().is_some_and(|at| at.0 <= until) {
            let (at, outputs) = self.tick();
            all.extend(outputs.into_iter().map(|output| (at, output)));
        }
        all
    }

    fn rows(&mut self, rows: impl IntoIterator<Item = (u64, Input, Vec<Output>)>) {
        for (at, input, expected) in rows {
            let shown = format!("{input:?} at {at}");
            assert_eq!(self.at(at, input), expected, "{shown}");
        }
    }

    fn open(&mut self, subtask: u16) -> Response {
        let answer = self.machine.open(self.now, COORDINATOR, held(subtask));
        assert_eq!(self.outputs(), []);
        answer
    }

    /// Held leases with their stages.
    fn stages(&self) -> Vec<(u16, Stage)> {
        let held = self.machine.status().held.into_iter();
        held.map(|holding| (holding.held.attempt.subtask, holding.stage))
            .collect()
    }
}

fn opened(subtask: u16) -> Response {
    Response::Opened(Box::new(opening(subtask)))
}

fn refusal(response: &Response) -> Option<ErrorKind> {
    match response {
        Response::Refused(error) => Some(error.kind),
        _ => None,
    }
}

/// Runs a table on a fresh machine and returns it.
fn check(policy: Policy, rows: impl IntoIterator<Item = (u64, Input, Vec<Output>)>) -> Rig {
    let mut rig = Rig::new(policy);
    rig.rows(rows);
    rig
}

/// A worker with `count` leases, granted at 0 and not confirmed yet.
fn holding(count: u16) -> Rig {
    let mut rig = Rig::new(policy(count.into()));
    rig.at(0, Input::Tick);
    let mut next = 1;
    while next <= count {
        let until = count.min(next + TAKE_MAX as u16 - 1);
        rig.at(0, granted(next..=until));
        next = until + 1;
    }
    rig
}
