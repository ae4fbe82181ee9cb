//! Anything in any order, from a seed: what must always hold is checked by the rig and against what was said.

use super::*;

/// What the world outside remembers.
struct World {
    rig: Rig,
    dice: u64,
    takes: usize,
    beats: usize,
    commits: Vec<u16>,
    backs: Vec<u16>,
    working: Vec<u16>,
    next: u16,
}

impl World {
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.dice >> 33) % sides
    }

    fn draw(&mut self, from: impl Fn(&mut Self) -> &mut Vec<u16>) -> Option<u16> {
        let len = from(self).len() as u64;
        let at = (len > 0).then(|| self.roll(len))?;
        Some(from(self).swap_remove(at as usize))
    }

    fn note(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Take { .. } => self.takes += 1,
                Output::Heartbeat { .. } => self.beats += 1,
                Output::Commit(commit) => self.commits.push(commit.held.attempt.subtask),
                Output::GiveBack { held, .. } => self.backs.push(held.attempt.subtask),
                Output::Work(held) => self.working.push(held.attempt.subtask),
                Output::Forget { .. } => {}
            }
        }
        assert!(self.takes <= 1 && self.beats <= HEARTBEATS_MAX);
        assert!(self.commits.len() + self.backs.len() <= DELIVERIES_MAX);
    }

    fn answer(&mut self) -> Answer {
        let lost = self.rig.stages();
        match self.roll(8) {
            0 => Answer::Refused,
            1 => Answer::Nothing,
            2 => Answer::Unfit,
            3 if !lost.is_empty() => {
                let at = self.roll(lost.len() as u64);
                Answer::Lost(vec![held(lost[at as usize].0)])
            }
            _ => Answer::Done,
        }
    }

    fn input(&mut self) -> Input {
        match self.roll(16) {
            0 => Input::Pause,
            1 | 2 => Input::Resume,
            3 => Input::Policy(policy(self.roll(6) as u32)),
            4 => Input::Wake,
            5 | 6 if self.takes > 0 => {
                self.takes -= 1;
                let first = self.next;
                self.next += self.roll(4) as u16;
                granted(first..self.next)
            }
            7 if self.beats > 0 => {
                self.beats -= 1;
                let answer = self.answer();
                Input::Answered(Errand::Heartbeat, answer)
            }
            8..=10 => match self.draw(|world| &mut world.commits) {
                Some(subtask) => answered(subtask, self.answer()),
                None => Input::Tick,
            },
            11 => match self.draw(|world| &mut world.backs) {
                Some(subtask) => returned(subtask, self.answer()),
                None => Input::Tick,
            },
            12 | 13 => match self.draw(|world| &mut world.working) {
                Some(subtask) if self.roll(3) > 0 => made(subtask),
                Some(subtask) => not_made(subtask, ""),
                None => Input::Tick,
            },
            _ => Input::Tick,
        }
    }

    fn step(&mut self) {
        let input = self.input();
        let at = self.rig.now.0 + self.roll(3_000);
        let outputs = self.rig.at(at, input);
        self.note(outputs);
        for (subtask, _) in self.rig.stages() {
            if self.roll(20) > 0 {
                continue;
            }
            let confirmed = self.rig.confirmed.contains(&held(subtask));
            assert_eq!(
                self.rig.open(subtask) == opened(subtask),
                confirmed,
                "{subtask}"
            );
        }
    }
}

#[test]
fn whatever_happens_slots_and_order_hold_and_every_lease_ends_in_one_way() {
    for seed in 0..200 {
        let mut world = World {
            rig: Rig::new(policy(3)),
            dice: seed,
            takes: 0,
            beats: 0,
            commits: Vec::new(),
            backs: Vec::new(),
            working: Vec::new(),
            next: 1,
        };
        for _ in 0..400 {
            world.step();
        }
        let status = world.rig.machine.status();
        let Counters {
            done,
            given_back,
            lost,
        } = status.counters;
        let open = status.held.iter();
        let open = open.filter(|held| matches!(held.stage, Stage::Working | Stage::Committing));
        let ended = done + given_back + lost + open.count() as u64;
        assert_eq!(ended, u64::from(world.next - 1), "seed {seed}: {status:?}");
        assert!(done > 0, "seed {seed}: nothing was done");
    }
}
