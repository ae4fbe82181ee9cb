//! What the machine promises, as small worlds: nodes poll, tasks come, and each test is one rule.

use std::time::Duration;

use edgecoder_protocol::{EvidenceClass, Fuel, NetworkId, Outcome, ProfileId, task::PrivacyClass};

use super::*;

mod checking;
mod lending;
mod resolving;
mod standing;

const PROFILE: ProfileId = ProfileId([9; 32]);
const ANSWER: &[u8] = b"sealed answer";

fn peer(number: u8) -> PeerId {
    PeerId([number; 32])
}

fn task(number: u8) -> TaskId {
    TaskId([number; 16])
}

fn at(seconds: u64) -> Millis {
    Millis(seconds * 1_000)
}

fn offer(owner: Option<PeerId>) -> NodeOffer {
    NodeOffer {
        owner,
        is_worker: true,
        is_admitted: true,
        slots: 16,
        has_model: false,
        is_inference: false,
        languages: ["python".to_owned()].into(),
        profile: PROFILE,
        addresses: Vec::new(),
        until: at(1_000_000),
    }
}

fn need(model: bool) -> Need {
    Need {
        class: PrivacyClass::Mesh,
        languages: vec!["python".into()],
        profile: PROFILE,
        model,
        own_model: false,
    }
}

/// A coordinator, its clock, and everything it asked for.
struct World {
    machine: Machine,
    now: Millis,
    polls: u64,
}

impl World {
    /// Workers 1 to `count`, without owners, and one inference slot.
    fn new(count: u8) -> Self {
        let mut machine = Machine::new(7);
        for number in 1..=count {
            machine.register(at(0), peer(number), offer(None)).unwrap();
        }
        let slot = NodeOffer {
            is_worker: false,
            is_inference: true,
            ..offer(None)
        };
        machine.register(at(0), peer(200), slot).unwrap();
        Self {
            machine,
            now: at(0),
            polls: 0,
        }
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.machine.poll_output()).collect()
    }

    /// A task of `by`, admitted with these steps.
    fn submit(&mut self, number: u8, by: u8, model: bool, steps: &[&[u16]]) {
        let id = task(number);
        assert_eq!(
            self.machine.check(Millis(0), peer(by), id, &need(model)),
            Ok(true)
        );
        let deadline = self.now.after(Duration::from_secs(3_600));
        self.machine.submitted(id, peer(by), need(model), deadline);
        let shape = |needs: &&[u16]| StepShape {
            needs: needs.to_vec(),
            is_merge: false,
        };
        let steps = steps.iter().map(shape).collect();
        self.machine.admitted(self.now, id, steps);
    }

    /// What `worker` is lent for one poll of `keys` keys, if anything is there at once.
    fn take(&mut self, worker: u8, keys: usize) -> Vec<Lease> {
        self.outputs();
        self.polls += 1;
        let number = self.polls;
        self.machine
            .take(self.now, number, peer(worker), keys, self.now);
        let grant = |output: Output| match output {
            Output::Grant { poll, leases } if poll == number => Some(leases),
            _ => None,
        };
        let leases = self.outputs().into_iter().find_map(grant).unwrap();
        let held: Vec<Held> = leases.iter().map(|lease| lease.held).collect();
        assert_eq!(self.machine.heartbeat(self.now, peer(worker), &held), []);
        leases
    }

    fn take_one(&mut self, worker: u8) -> Held {
        let leases = self.take(worker, 1);
        assert_eq!(leases.len(), 1, "there is work for {worker}");
        leases[0].held
    }

    fn pass(&mut self, span: Duration) {
        self.now = self.now.after(span);
        self.machine.tick(self.now);
    }

    /// Fixes a result.
    fn commit(&mut self, worker: u8, held: Held, model: bool) -> Result<(), Refusal> {
        let answer = (model && held.part == Part::Author).then(|| ContentRef::of(ANSWER));
        let commitment = Hash::of(&[worker]);
        self.machine
            .committed(self.now, peer(worker), held, commitment, answer)
    }

    fn open(&mut self, worker: u8, held: Held, fuel: u64, outcome: Outcome) {
        let mut summary = summary(held, fuel, outcome);
        if !self.machine.tasks[&held.attempt.task].need.model {
            summary.answer = ContentRef::of(b"");
        }
        self.machine.opened(self.now, peer(worker), held, summary);
    }

    fn give_back(&mut self, worker: u8, held: Held, why: WhyBack) {
        let sentence = "for a reason";
        self.machine
            .given_back(self.now, peer(worker), held, why, sentence);
    }

    fn state(&self, number: u8, by: u8) -> TaskState {
        self.machine
            .standing(peer(by), task(number), 0)
            .unwrap()
            .state
    }

    /// Author 1 and checker 2 do a one-step task to the point where both may open.
    fn both_fixed(&mut self, model: bool) -> (Held, Held) {
        let author = self.take_one(1);
        if model {
            self.commit(1, author, true).unwrap();
        }
        let checker = self.take_one(2);
        assert_eq!((author.part, checker.part), (Part::Author, Part::Checker));
        if !model {
            self.commit(1, author, false).unwrap();
        }
        self.commit(2, checker, model).unwrap();
        (author, checker)
    }
}

fn summary(held: Held, fuel: u64, outcome: Outcome) -> ResultSummary {
    ResultSummary {
        network: NetworkId([1; 32]),
        attempt: held.attempt,
        part: held.part,
        term: held.term,
        answer: ContentRef::of(ANSWER),
        receipt: Hash([3; 32]),
        shown: Hash([33; 32]),
        outcome,
        evidence: EvidenceClass::Cases,
        fuel: Fuel(fuel),
        transcript: Hash([0; 32]),
    }
}
