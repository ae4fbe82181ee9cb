//! What the limits promise, as tables and as seeded crowds; what the operators' desk keeps.

use super::*;

/// A moment far from the beginning of time, as real ones are.
const START: u64 = 1_700_000_000_000;

/// Numbers from a seed: Marsaglia's xorshift.
struct Dice(u64);

impl Dice {
    fn of(seed: u64) -> Self {
        Self(seed * 2 + 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn key(&mut self) -> PeerId {
        key(self.below(1 << 32) as u32)
    }
}

fn key(number: u32) -> PeerId {
    let mut id = [0; 32];
    id[..4].copy_from_slice(&number.to_be_bytes());
    PeerId(id)
}

fn stranger(number: u32) -> Asker {
    let (key, owner) = (key(number), None);
    Asker { key, owner }
}

fn at(ms: u64) -> Millis {
    Millis(START + ms)
}

fn charge(number: u32, at: u64) -> Charge {
    Charge {
        peer: key(number),
        evidence: Hash::of(&number.to_be_bytes()),
        at: Millis(at),
    }
}

/// How many of `kind` go through at one moment, and how long the next one is to wait.
fn at_once(kind: Kind, from: impl Fn(u32) -> Asker) -> (u64, bool, Duration) {
    let mut machine = Machine::default();
    for number in 0.. {
        if let Err(wait) = machine.admit(at(0), from(number), kind) {
            assert_eq!(wait.kind, kind);
            let soon = at(u64::try_from(wait.wait.as_millis()).unwrap() + 1);
            assert_eq!(
                machine.admit(soon, from(number), kind),
                Ok(()),
                "as it was told"
            );
            return (u64::from(number), wait.is_owners, wait.wait);
        }
    }
    unreachable!()
}

#[test]
fn each_kind_has_its_bound_for_a_key_and_for_all_of_an_owner() {
    let ms = Duration::from_millis;
    let (one, many) = (|_| stranger(1), stranger);
    let micros = Duration::from_micros;
    for (kind, from, expected) in [
        (
            Kind::Held,
            one as fn(u32) -> Asker,
            (2_400, false, micros(2_500)),
        ),
        (Kind::Request, one, (2_400, false, micros(2_500))),
        (Kind::Task, one, (1_500, false, ms(40))),
        (Kind::Newcomer, many, (600, true, ms(100))),
        (Kind::Task, many, (3_000, true, ms(20))),
    ] {
        assert_eq!(at_once(kind, from), expected, "{kind:?}");
    }
}

#[test]
fn an_owner_of_its_own_is_not_held_up_by_those_without() {
    let mut machine = Machine::default();
    for number in 0..2_000 {
        machine.admit(at(0), stranger(number), Kind::Newcomer).ok();
    }
    let owned = Asker {
        owner: Some(key(7)),
        ..stranger(9_999)
    };
    assert!(
        machine
            .admit(at(0), stranger(9_998), Kind::Newcomer)
            .is_err()
    );
    assert_eq!(machine.admit(at(0), owned, Kind::Newcomer), Ok(()));
    assert_eq!(machine.admit(at(0), owned, Kind::Task), Ok(()));
}

#[test]
fn an_honest_worker_without_work_is_never_refused_however_others_hurry() {
    for seed in 0..2 {
        let mut dice = Dice::of(seed);
        let mut machine = Machine::default();
        let idle = stranger(0);
        let (mut refused, mut asked) = (0_u64, 0_u64);
        // Two minutes; the original system banned it after fourteen seconds of saying nothing.
        for second in 0..120 {
            let now = second * 1_000;
            for _ in 0..8_000 + dice.below(4_000) {
                let hasty = stranger(1 + dice.below(39) as u32);
                let kinds = [Kind::Request, Kind::Request, Kind::Task, Kind::Newcomer];
                let kind = kinds[dice.below(4) as usize];
                let moment = at(now + dice.below(1_000));
                let said = machine.admit(moment, hasty, kind);
                refused += u64::from(said.is_err_and(|wait| wait.kind == Kind::Request));
            }
            // It says that it is here, waits for work, and holds on to nothing.
            for (every, kind) in [(14, Kind::Request), (20, Kind::Request), (2, Kind::Held)] {
                if second % every == 0 {
                    asked += 1;
                    let moment = at(now + 600 + every);
                    let said = machine.admit(moment, idle, kind);
                    assert_eq!(said, Ok(()), "seed {seed}, second {second}, {kind:?}");
                }
            }
        }
        assert!(refused > 50_000 && asked > 70, "{refused} {asked}");
    }
}

#[test]
fn what_is_kept_of_keys_and_owners_is_bounded_whoever_comes() {
    for seed in 0..4 {
        let mut dice = Dice::of(seed);
        let mut machine = Machine::default();
        let kinds = [Kind::Held, Kind::Request, Kind::Task, Kind::Newcomer];
        for step in 0..40_000 {
            let by = Asker {
                key: dice.key(),
                owner: (dice.below(2) == 0).then(|| dice.key()),
            };
            machine
                .admit(at(step / 4_000), by, kinds[dice.below(4) as usize])
                .ok();
            assert!(machine.keys.len() <= IDENTITIES_MAX, "seed {seed}");
            assert!(machine.owners.len() <= OWNERS_MAX + 1, "seed {seed}");
        }
        // Whoever comes when all places are taken is let through all the same, and forgotten ones make room.
        let late = stranger(1);
        assert_eq!(machine.admit(at(5_000), late, Kind::Held), Ok(()));
        for number in 0..IDENTITIES_MAX as u32 / 2 {
            let fresh = stranger(number);
            assert_eq!(machine.admit(at(200_000), fresh, Kind::Held), Ok(()));
        }
        let kept = machine.keys.len();
        assert!(kept <= IDENTITIES_MAX / 2 + 1, "seed {seed}: {kept}");
    }
}

#[test]
fn a_clock_that_is_set_back_shuts_nobody_out() {
    let mut machine = Machine::default();
    for _ in 0..TASKS_OF_KEY.at_once {
        machine.admit(at(3_600_000), stranger(1), Kind::Task).ok();
    }
    let wait = machine.admit(at(0), stranger(1), Kind::Task).unwrap_err();
    assert!(wait.wait <= Duration::from_millis(40), "{wait:?}");
}

#[test]
fn the_desk_keeps_so_many_requests_and_refuses_more_without_forgetting_any() {
    let mut machine = Machine::default();
    let ask = |number| AdmissionAsk {
        peer: key(number),
        is_trusted: false,
        note: String::new(),
        at: at(0),
    };
    for number in 0..ASKS_MAX as u32 {
        assert_eq!(machine.ask(at(0), ask(number)), Ok(()));
    }
    let error = machine.ask(at(0), ask(9_999)).unwrap_err();
    assert!(error.next.contains("council request"), "{error:?}");
    assert_eq!(machine.ask(at(0), ask(3)), Ok(()), "said again");
    let all = |machine: &Machine, now| machine.desk(now, |_| true, |_| true).asks.len();
    assert_eq!(all(&machine, at(0)), ASKS_MAX);
    let later = at(0).after(ASK_LIFE);
    assert_eq!(all(&machine, later), 0);
    let late = AdmissionAsk {
        at: later,
        ..ask(9_999)
    };
    assert_eq!(machine.ask(later, late), Ok(()));
}

#[test]
fn of_proven_lies_the_oldest_makes_room_and_what_was_decided_is_left_out() {
    let mut machine = Machine::default();
    for number in 0..=CHARGES_MAX as u32 {
        machine.charge(charge(number, u64::from(number)));
        // The same lie is proposed once, as it was first.
        machine.charge(charge(number, 9_999));
    }
    let seen = machine.desk(at(0), |_| true, |_| true).charges;
    assert_eq!(seen.len(), CHARGES_MAX);
    assert!(!seen.contains(&charge(0, 0)) && seen.contains(&charge(1, 1)));
    let left = machine
        .desk(at(0), |_| true, |one| one.peer != key(1))
        .charges;
    assert_eq!(left.len(), CHARGES_MAX - 1);
}
