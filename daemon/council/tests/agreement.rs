//! The council's rules in seeded worlds: agreement, nothing acknowledged lost, nobody says two things, whatever crashes,
//! is cut off or lies.

#[cfg(test)]
mod world;

use edgecoder_council::Part;
use edgecoder_protocol::ledger::{consensus::Said, decree::Order};
use rand::RngExt as _;
use world::World;

const SECOND: u64 = 1_000_000;

#[test]
fn councils_of_each_size_decide_what_is_submitted_and_then_are_silent() {
    for count in [1, 2, 3, 4, 7] {
        let mut world = World::new(1, count);
        world.run(SECOND);
        world.fund(0, 100);
        world.run(2 * SECOND);
        for _ in 0..20 {
            world.pay(usize::from(count) - 1, 100).unwrap();
        }
        world.run(4 * SECOND);
        assert_eq!(world.size(0), 21, "{count} members");
        world.assert_equal();
        let (messages, height) = (world.messages, world.height(0));
        let syncs: u64 = world.nodes.iter().map(|node| node.disk.syncs).sum();
        world.run(100 * SECOND);
        assert_eq!(world.messages, messages, "{count} members");
        assert_eq!(world.height(0), height);
        let later: u64 = world.nodes.iter().map(|node| node.disk.syncs).sum();
        assert_eq!(later, syncs);
    }
}

/// Crashes and restarts while entries come; what was committed anywhere is in the chain that all have in the end.
fn crashes(seed: u64, count: u8, loss: Option<u32>) {
    let mut world = World::new(seed, count);
    world.loss = loss;
    world.run(SECOND);
    world.fund(0, 100);
    world.run(5 * SECOND);
    let mut down: Option<usize> = None;
    for step in 0..40 {
        let until = world.now + world.rng.random_range(50_000..900_000);
        world.run(until);
        match down.take() {
            Some(at) => world.boot(at),
            None => {
                let at = world.rng.random_range(0..usize::from(count));
                world.crash(at);
                down = Some(at);
            }
        }
        for _ in 0..3 {
            let at = world.rng.random_range(0..usize::from(count));
            // A node that is down, or has not caught up, takes nothing in.
            world.pay(at, 100);
        }
        assert!(world.now < 3_600 * SECOND, "step {step}");
    }
    if let Some(at) = down {
        world.boot(at);
    }
    world.loss = None;
    world.run_for(60 * SECOND);
    // One more, so that whoever missed the last hears that there are more.
    world.pay(0, 100);
    world.run_for(60 * SECOND);
    world.assert_equal();
    assert_eq!(Some(world.height(0)), world.decided.keys().max().copied());
    assert!(world.size(0) > 20, "seed {seed}: {}", world.size(0));
}

#[test]
fn crashes_lose_nothing_and_nobody_signs_twice() {
    for seed in 0..16 {
        crashes(seed, 4, None);
    }
}

#[test]
fn crashes_with_lost_messages_lose_nothing() {
    for seed in 100..107 {
        crashes(seed, 4, Some(20));
        crashes(seed, 7, Some(20));
    }
}

#[test]
fn a_crash_of_all_at_once_loses_nothing() {
    for seed in 0..8 {
        let mut world = World::new(seed, 4);
        world.run(SECOND);
        world.fund(0, 100);
        world.run(2 * SECOND);
        for _ in 0..10 {
            for _ in 0..5 {
                world.pay(0, 100);
            }
            let until = world.now + world.rng.random_range(100..3_000);
            world.run(until);
            let decided = world.decided.clone();
            for at in 0..4 {
                world.crash(at);
            }
            for at in 0..4 {
                world.boot(at);
            }
            world.run_for(5 * SECOND);
            world.pay(1, 100);
            world.run_for(5 * SECOND);
            world.assert_equal();
            assert!(
                world.height(0) >= *decided.keys().max().unwrap(),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn partitions_stop_a_council_without_a_quorum_and_heal() {
    let cuts: [fn(usize, usize) -> bool; 4] = [
        |from, to| (from < 2) != (to < 2),
        |from, to| (from < 1) != (to < 1),
        |_, _| true,
        // Asymmetric: nobody hears the first.
        |from, _| from == 0,
    ];
    for (number, cut) in cuts.into_iter().enumerate() {
        let mut world = World::new(7, 4);
        world.run(SECOND);
        world.fund(0, 100);
        world.run(2 * SECOND);
        let before = world.size(3);
        world.cut = cut;
        world.pay(0, 100).unwrap();
        for at in 1..4 {
            world.pay(at, 100);
        }
        world.run_for(20 * SECOND);
        let goes_on = world.size(3) > before;
        assert_eq!(goes_on, number == 1 || number == 3, "cut {number}");
        world.cut = |_, _| false;
        world.run_for(30 * SECOND);
        world.pay(1, 100);
        world.run_for(30 * SECOND);
        world.assert_equal();
        assert!(world.size(0) > before, "cut {number}");
    }
}

#[test]
fn a_disk_that_was_rolled_back_says_nothing_until_the_others_have_gone_on() {
    let mut world = World::new(3, 4);
    world.run(SECOND);
    world.fund(0, 100);
    world.run(2 * SECOND);
    let old = world.nodes[2].disk.clone();
    for _ in 0..3 {
        world.pay(0, 100).unwrap();
        world.run_for(SECOND);
    }
    // In the middle of a height: it has voted, and nothing is decided yet.
    world.pay(0, 100).unwrap();
    world.run_for(450);
    let votes = world::own_votes(&world.nodes[2].disk.log, &world.nodes[2].key.peer_id());
    world.crash(2);
    assert!(votes > world::own_votes(&old.log, &world.nodes[2].key.peer_id()));
    world.nodes[2].disk = old;
    world.boot(2);
    world.run_for(2_000);
    assert!(
        matches!(world.part(2), Part::Muted { .. }),
        "{:?}",
        world.part(2)
    );
    for _ in 0..3 {
        world.pay(0, 100);
        world.run_for(5 * SECOND);
    }
    assert_eq!(world.part(2), Part::Member);
    world.assert_equal();
}

#[test]
fn an_equivocating_proposer_is_recorded_and_the_others_agree() {
    fn lie(world: &mut World, from: usize, said: &Said, to: usize) -> Option<Said> {
        let Said::Vote(vote) = said else {
            return Some(said.clone());
        };
        if from != 0 || to.is_multiple_of(2) {
            return Some(said.clone());
        }
        // Half of the others hear that it voted for nothing.
        let mut other = vote.open().unwrap().0.clone();
        other.block = None;
        let key = world.nodes[0].key.clone();
        Some(Said::Vote(edgecoder_protocol::Signed::new(other, &key)))
    }
    let mut world = World::new(5, 4);
    world.lie = Some(lie);
    world.loss = Some(10);
    world.run(SECOND);
    world.fund(1, 100);
    for _ in 0..30 {
        world.run_for(3 * SECOND);
        world.pay(1, 100);
    }
    world.lie = None;
    world.loss = None;
    world.run_for(30 * SECOND);
    world.pay(1, 100);
    world.run_for(30 * SECOND);
    world.assert_equal();
    let liar = world.nodes[0].key.peer_id();
    let accused: Vec<_> = world.nodes.iter().flat_map(|node| &node.guilty).collect();
    assert!(accused.iter().all(|one| **one == liar));
}

#[test]
fn a_member_with_a_clock_an_hour_off_delays_and_harms_nobody() {
    for skew in [-3_600_000, 3_600_000] {
        let mut world = World::new(9, 4);
        world.nodes[1].skew = skew;
        world.run(SECOND);
        world.fund(0, 100);
        world.run(10 * SECOND);
        for _ in 0..12 {
            world.pay(0, 100).unwrap();
            world.run_for(5 * SECOND);
        }
        world.assert_equal();
        assert_eq!(world.size(0), 13);
        let time = world.nodes[0].machine.as_ref().unwrap().chain().time();
        assert!(time.0.abs_diff(world.clock(0).0) < 20_000, "{skew}");
    }
}

#[test]
fn members_come_and_go_one_at_a_time_by_the_operators_word() {
    let mut world = World::new(11, 4);
    world.run(SECOND);
    world.fund(0, 100);
    world.run(2 * SECOND);
    let leaving = world.nodes[3].key.peer_id();
    world.order(0, Order::RemoveMember(leaving));
    world.run(4 * SECOND);
    assert_eq!(world.part(3), Part::Follower);
    for _ in 0..5 {
        world.pay(0, 100).unwrap();
        world.run_for(SECOND);
    }
    world.order(0, Order::AddMember(leaving));
    world.run_for(5 * SECOND);
    // The one that had left hears of it as a follower does: it asks.
    let height = world.height(0);
    let peer = world.nodes[0].key.peer_id();
    world.nodes[3].machine.as_mut().unwrap().is_at(peer, height);
    world.perform(3);
    world.run_for(5 * SECOND);
    assert_eq!(world.part(3), Part::Member);
    world.crash(1);
    for _ in 0..5 {
        world.pay(0, 100).unwrap();
        world.run_for(5 * SECOND);
    }
    // Three of four, so the one that came back has voted.
    assert_eq!(world.size(0), 13);
    world.boot(1);
    world.run_for(10 * SECOND);
    world.assert_equal();
}
