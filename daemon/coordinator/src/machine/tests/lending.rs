//! Who is lent what, and what a silence means.

use super::*;
use crate::config::{LEASE, STRAGGLER_EXEC, TASKS_OF_ONE_MAX, UNCONFIRMED};

#[test]
fn an_impossible_task_is_refused_with_what_is_missing() {
    let mut nobody = Machine::new(1);
    let message = |machine: &Machine, need: &Need| {
        let error = machine
            .check(Millis(0), peer(50), task(1), need)
            .unwrap_err();
        (error.kind, error.message)
    };
    let (_, why) = message(&nobody, &need(false));
    assert!(why.contains("no worker is registered"), "{why}");
    nobody.register(at(0), peer(1), offer(None)).unwrap();
    let (_, why) = message(&nobody, &need(false));
    assert!(why.contains("cannot be checked"), "{why}");
    nobody.register(at(0), peer(2), offer(None)).unwrap();
    assert_eq!(
        nobody.check(Millis(0), peer(50), task(1), &need(false)),
        Ok(true)
    );
    let (kind, why) = message(&nobody, &need(true));
    assert_eq!((kind, why.contains("model")), (ErrorKind::NoModel, true));
    let french = Need {
        languages: vec!["french".into()],
        ..need(false)
    };
    assert!(message(&nobody, &french).1.contains("language"));
    let other = Need {
        profile: ProfileId([0; 32]),
        ..need(false)
    };
    assert!(message(&nobody, &other).1.contains("profile"));
    let own = Need {
        own_model: true,
        ..need(true)
    };
    assert!(message(&nobody, &own).1.contains("model of its own"));
}

#[test]
fn a_task_said_twice_is_one_task_and_its_id_is_nobody_elses() {
    let mut world = World::new(2);
    world.submit(1, 50, false, &[&[]]);
    assert_eq!(
        world
            .machine
            .check(Millis(0), peer(50), task(1), &need(false)),
        Ok(false)
    );
    assert!(
        world
            .machine
            .check(Millis(0), peer(51), task(1), &need(false))
            .is_err()
    );
    assert_eq!(world.machine.standing(peer(51), task(1), 0), None);
    let author = world.take_one(1);
    world.machine.cancel(world.now, peer(51), task(1));
    assert_eq!(world.machine.heartbeat(world.now, peer(1), &[author]), []);
}

#[test]
fn one_submitter_cannot_fill_the_coordinator() {
    let mut world = World::new(2);
    for number in 0..TASKS_OF_ONE_MAX {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&(number as u64).to_le_bytes());
        world
            .machine
            .submitted(TaskId(id), peer(50), need(false), at(9_999));
    }
    let check = |by| {
        world
            .machine
            .check(Millis(0), peer(by), task(255), &need(false))
    };
    assert_eq!(check(50).unwrap_err().kind, ErrorKind::Busy);
    assert_eq!(check(51), Ok(true));
}

#[test]
fn an_execution_is_run_by_two_nodes_at_once_and_never_twice_by_one() {
    let mut world = World::new(3);
    world.submit(1, 50, false, &[&[]]);
    let leases = world.take(1, 4);
    assert_eq!(leases.len(), 1, "it does not check itself");
    let checker = world.take_one(2);
    assert_eq!(checker.part, Part::Checker);
    assert_eq!(checker.attempt, leases[0].held.attempt);
    assert_eq!(world.take(3, 4), []);
}

#[test]
fn an_answer_is_checked_once_it_is_fixed() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    let author = world.take_one(1);
    assert_eq!(world.take(2, 1), []);
    world.commit(1, author, true).unwrap();
    let leases = world.take(2, 1);
    assert_eq!(leases[0].held.part, Part::Checker);
    assert_eq!(leases[0].answer, Some(ContentRef::of(ANSWER)));
}

#[test]
fn a_checker_is_of_another_owner_where_there_is_one() {
    let mut world = World::new(2);
    world.submit(1, 50, false, &[&[]]);
    world.take_one(1);
    let other = Some(peer(99));
    world
        .machine
        .register(world.now, peer(3), offer(other))
        .unwrap();
    assert_eq!(world.take(2, 1), [], "of the same owner as the author");
    let checker = world.take_one(3);
    assert_eq!(checker.part, Part::Checker);
    world.give_back(3, checker, WhyBack::Unable);
    assert_eq!(world.take_one(2).part, Part::Checker, "the other cannot");
}

#[test]
fn a_waiting_node_gets_work_when_it_comes_and_an_answer_when_its_time_is_over() {
    let mut world = World::new(2);
    let until = world.now.after(Duration::from_secs(4));
    world.machine.take(world.now, 1, peer(1), 1, until);
    assert_eq!(world.outputs(), []);
    world.machine.take(world.now, 2, peer(2), 1, until);
    world.pass(Duration::from_secs(4));
    let none = |poll| Output::Grant {
        poll,
        leases: Vec::new(),
    };
    assert_eq!(world.outputs(), [none(1), none(2)]);
    world.machine.take(world.now, 3, peer(1), 1, at(99));
    world.machine.take(world.now, 4, peer(1), 1, at(99));
    assert_eq!(world.outputs(), [none(3)], "one poll a node");
    world.submit(1, 50, false, &[&[]]);
    let grants =
        |output: &Output| matches!(output, Output::Grant { poll: 4, leases } if leases.len() == 1);
    assert!(world.outputs().iter().any(grants));
}

#[test]
fn who_never_took_up_a_lease_and_polls_again_gets_an_answer() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    // The answer is lost on the way.
    world.machine.take(world.now, 6, peer(1), 1, at(99));
    world.outputs();
    world.machine.take(world.now, 7, peer(1), 1, at(99));
    world.pass(UNCONFIRMED);
    let poll = 7;
    let leases = Vec::new();
    assert!(world.outputs().contains(&Output::Grant { poll, leases }));
}

#[test]
fn work_that_nobody_waits_for_is_announced_and_again_later() {
    let mut world = World::new(2);
    world.submit(1, 50, false, &[&[]]);
    let announced = |world: &mut World| {
        let is_it = |output: &Output| matches!(output, Output::Announce { .. });
        world
            .outputs()
            .iter()
            .filter(|output| is_it(output))
            .count()
    };
    assert_eq!(announced(&mut world), 1);
    world.pass(Duration::from_secs(1));
    assert_eq!(announced(&mut world), 0);
    world.pass(Duration::from_secs(3));
    assert_eq!(announced(&mut world), 1);
}

#[test]
fn a_lease_ends_with_its_heartbeats_and_what_comes_late_changes_nothing() {
    let mut world = World::new(3);
    world.submit(1, 50, true, &[&[]]);
    let first = world.take_one(1);
    world.pass(LEASE - Duration::from_millis(1));
    assert_eq!(world.machine.heartbeat(world.now, peer(1), &[first]), []);
    world.pass(LEASE);
    let stop = Output::Stop {
        worker: peer(1),
        held: first,
    };
    assert!(world.outputs().contains(&stop));
    assert_eq!(
        world.machine.heartbeat(world.now, peer(1), &[first]),
        [first]
    );
    let second = world.take_one(3);
    assert_eq!(second.attempt.attempt, 2);
    assert!(world.commit(1, first, true).is_err());
    let foreign = world.commit(1, second, true);
    assert!(foreign.is_err(), "another's lease");
    let old_term = Held { term: 6, ..second };
    assert!(world.commit(3, old_term, true).is_err());
    assert_eq!(
        world
            .machine
            .heartbeat(world.now, peer(3), &[second, old_term]),
        [old_term]
    );
    assert_eq!(world.commit(3, second, true), Ok(()));
}

#[test]
fn a_lease_that_nobody_confirms_ends_sooner() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    world.machine.take(world.now, 9, peer(1), 1, at(99));
    world.pass(UNCONFIRMED);
    assert_eq!(world.take_one(2).attempt.attempt, 2);
}

#[test]
fn an_author_who_was_cut_off_still_delivers_when_nobody_else_has_begun() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    let author = world.take_one(1);
    world.pass(LEASE);
    assert_eq!(world.commit(1, author, true), Ok(()));
    assert_eq!(world.take_one(2).part, Part::Checker);
}

#[test]
fn an_author_who_was_cut_off_and_has_lied_meanwhile_does_not() {
    let mut world = World::new(4);
    world.submit(1, 50, true, &[&[]]);
    let held = world.take_one(1);
    world.submit(2, 51, false, &[&[]]);
    let lie = world.take_one(1);
    let truth = world.take_one(2);
    world.commit(1, lie, false).unwrap();
    world.commit(2, truth, false).unwrap();
    world.open(1, lie, 5, Outcome::Ok);
    world.open(2, truth, 6, Outcome::Ok);
    world.pass(LEASE);
    let judge = Judge::Coordinator(peer(100));
    world
        .machine
        .ruled(world.now, lie.attempt, Ruling::Checker, judge);
    assert!(world.commit(1, held, true).is_err());
}

#[test]
fn a_closed_connection_ends_leases_soon_and_polls_at_once() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    world.take_one(1);
    world.machine.take(world.now, 77, peer(2), 1, at(99));
    world.machine.disconnected(world.now, peer(2));
    world.machine.disconnected(world.now, peer(1));
    world.pass(GRACE);
    assert_eq!(world.take_one(2).attempt.attempt, 2);
}

#[test]
fn submitters_take_turns_whoever_came_first() {
    let mut world = World::new(3);
    for number in 1..=6 {
        world.submit(number, 50, true, &[&[]]);
    }
    world.submit(7, 51, true, &[&[]]);
    let order: Vec<TaskId> = world
        .take(1, 4)
        .iter()
        .map(|lease| lease.held.attempt.task)
        .collect();
    assert_eq!(order, [task(1), task(7), task(2), task(3)]);
}

#[test]
fn a_straggler_is_begun_by_another_and_the_first_result_counts() {
    let mut world = World::new(4);
    world.submit(1, 50, false, &[&[]]);
    let slow = world.take_one(1);
    let slow_check = world.take_one(2);
    assert_eq!(world.take(3, 1), []);
    world.pass(STRAGGLER_EXEC);
    world.machine.heartbeat(world.now, peer(1), &[slow]);
    let quick = world.take_one(3);
    assert_eq!((quick.part, quick.attempt.attempt), (Part::Author, 2));
    let check = world.take_one(4);
    assert_eq!(world.commit(3, quick, false), Ok(()));
    assert_eq!(world.commit(4, check, false), Ok(()));
    world.open(3, quick, 5, Outcome::Ok);
    world.open(4, check, 5, Outcome::Ok);
    let outputs = world.outputs();
    for (worker, held) in [(1, slow), (2, slow_check)] {
        assert!(outputs.contains(&Output::Stop {
            worker: peer(worker),
            held
        }));
    }
    assert_eq!(world.state(1, 50), TaskState::Checked);
}

#[test]
fn steps_wait_for_what_they_build_on() {
    let mut world = World::new(2);
    world.submit(1, 50, false, &[&[], &[], &[0, 1]]);
    let both = world.take(1, 9);
    let steps: Vec<u16> = both
        .iter()
        .map(|lease| lease.held.attempt.subtask)
        .collect();
    assert_eq!(steps, [0, 1]);
    let checks = world.take(2, 9);
    for (lease, check) in both.iter().zip(&checks) {
        world.commit(1, lease.held, false).unwrap();
        world.commit(2, check.held, false).unwrap();
        world.open(1, lease.held, 5, Outcome::Ok);
        assert_eq!(world.take(1, 9), []);
        world.open(2, check.held, 5, Outcome::Ok);
    }
    assert_eq!(world.take_one(1).attempt.subtask, 2);
}

#[test]
fn cancellation_and_deadline_reach_the_workers() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    let held = world.take_one(1);
    world.machine.cancel(world.now, peer(50), task(1));
    assert!(world.outputs().contains(&Output::Stop {
        worker: peer(1),
        held
    }));
    assert_eq!(world.state(1, 50), TaskState::Cancelled);
    assert!(world.commit(1, held, true).is_err());
    world.submit(2, 50, true, &[&[]]);
    let held = world.take_one(1);
    for _ in 0..1_200 {
        world.machine.heartbeat(world.now, peer(1), &[held]);
        world.pass(Duration::from_secs(3));
    }
    assert_eq!(world.state(2, 50), TaskState::Failed);
    world.machine.received(peer(50), task(2));
    assert!(world.outputs().contains(&Output::Forget { task: task(2) }));
}

#[test]
fn what_is_given_back_goes_to_another_and_thrice_unsolved_is_failed() {
    let mut world = World::new(4);
    world.submit(1, 50, true, &[&[]]);
    let held = world.take_one(1);
    world
        .machine
        .given_back(world.now, peer(1), held, WhyBack::Drained, "stopping");
    for (worker, attempt) in (1..).zip(2..=4) {
        let held = world.take_one(worker);
        assert_eq!(held.attempt.attempt, attempt);
        world
            .machine
            .given_back(world.now, peer(worker), held, WhyBack::Unsolved, "no idea");
        assert_eq!(world.take(worker, 1), [], "not the same worker again");
    }
    assert_eq!(world.state(1, 50), TaskState::Failed);
}

#[test]
fn a_worker_that_gives_a_step_back_again_and_again_gets_it_no_more() {
    let mut world = World::new(3);
    world.submit(1, 50, true, &[&[]]);
    for _ in 0..3 {
        let held = world.take_one(1);
        world
            .machine
            .given_back(world.now, peer(1), held, WhyBack::Drained, "later");
    }
    assert_eq!(world.take(1, 1), []);
    assert_eq!(world.take_one(2).attempt.attempt, 4);
}

#[test]
fn a_model_whose_node_has_left_is_not_offered_until_it_is_back() {
    let mut world = World::new(2);
    assert_eq!(world.machine.inference_slots(), [peer(200)]);
    world.machine.disconnected(world.now, peer(200));
    assert_eq!(world.machine.inference_slots(), []);
    let slot = NodeOffer {
        is_worker: false,
        is_inference: true,
        ..offer(None)
    };
    world.machine.register(world.now, peer(200), slot).unwrap();
    assert_eq!(world.machine.inference_slots(), [peer(200)]);
}

#[test]
fn a_node_is_lent_no_more_than_it_has_slots_for() {
    let mut world = World::new(1);
    let small = NodeOffer {
        slots: 2,
        ..offer(None)
    };
    world.machine.register(at(0), peer(2), small).unwrap();
    for number in 1..=5 {
        world.submit(number, 50, true, &[&[]]);
    }
    let held: Vec<Held> = world.take(2, 4).iter().map(|lease| lease.held).collect();
    assert_eq!(held.len(), 2);
    assert_eq!(world.take(2, 4), []);
    // What is fixed waits for others.
    world.commit(2, held[0], true).unwrap();
    assert_eq!(world.take(2, 4).len(), 1);
}

#[test]
fn a_checker_that_only_beats_its_heart_is_passed_by() {
    let mut world = World::new(4);
    world.submit(1, 50, true, &[&[]]);
    let author = world.take_one(1);
    world.commit(1, author, true).unwrap();
    let idle = world.take_one(2);
    assert_eq!(world.take(3, 1), [], "not yet");
    for _ in 0..3 {
        world.pass(STRAGGLER_EXEC / 2);
        assert_eq!(world.machine.heartbeat(world.now, peer(2), &[idle]), []);
        world.machine.heartbeat(world.now, peer(1), &[author]);
    }
    let second = world.take_one(3);
    assert_eq!((second.part, second.attempt.attempt), (Part::Author, 2));
    world.commit(3, second, true).unwrap();
    let checker = world.take_one(4);
    world.commit(4, checker, true).unwrap();
    world.outputs();
    world.open(3, second, 5, Outcome::Ok);
    world.open(4, checker, 5, Outcome::Ok);
    assert_eq!(world.state(1, 50), TaskState::Checked);
    let stop = Output::Stop {
        worker: peer(2),
        held: idle,
    };
    assert!(world.outputs().contains(&stop));
}

#[test]
fn who_is_slow_at_one_try_of_a_step_is_not_lent_the_check_of_another() {
    let mut world = World::new(4);
    world.submit(1, 50, false, &[&[]]);
    let slow = world.take_one(1);
    for _ in 0..3 {
        world.pass(STRAGGLER_EXEC / 2);
        world.machine.heartbeat(world.now, peer(1), &[slow]);
    }
    // Its own check is open, and so is a second try.
    assert_eq!(world.take_one(2).part, Part::Checker);
    let second = world.take_one(3);
    assert_eq!((second.part, second.attempt.attempt), (Part::Author, 2));
    assert_eq!(world.take(1, 1), [], "it has a try to finish");
    assert_eq!(world.take_one(4).part, Part::Checker);
}

#[test]
fn whoever_takes_over_refuses_nothing_before_nodes_could_come() {
    let machine = Machine::taking_over(9, Millis(1_000));
    let check = |at| machine.check(Millis(at), peer(50), task(1), &need(false));
    let settled = 1_000 + SETTLING.as_millis() as u64;
    assert_eq!(check(settled - 1), Ok(true));
    assert_eq!(check(settled).unwrap_err().kind, ErrorKind::Conflict);
}
