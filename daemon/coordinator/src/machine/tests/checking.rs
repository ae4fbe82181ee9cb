//! What results mean: agreement, disagreement, silence, lies.

use super::*;
use crate::config::{BARRED, LEASE, OPENING, ROUNDS_MAX, UNCHECKED_MAX};

#[test]
fn two_that_agree_are_a_checked_result() {
    for model in [false, true] {
        let mut world = World::new(2);
        world.submit(1, 50, model, &[&[]]);
        let (author, checker) = world.both_fixed(model);
        let opens: Vec<PeerId> = world
            .outputs()
            .into_iter()
            .filter_map(|output| match output {
                Output::Open { worker, .. } => Some(worker),
                _ => None,
            })
            .collect();
        assert_eq!(opens, [peer(1), peer(2)]);
        world.open(1, author, 5, Outcome::Ok);
        assert_ne!(world.state(1, 50), TaskState::Checked);
        world.open(2, checker, 5, Outcome::Ok);
        let outputs = world.outputs();
        let attempt = author.attempt;
        assert!(
            outputs.contains(&Output::StepDone { attempt }),
            "{outputs:?}"
        );
        assert!(outputs.contains(&Output::Ended { task: task(1) }));
        assert_eq!(world.state(1, 50), TaskState::Checked);
    }
}

#[test]
fn nothing_is_opened_before_both_are_fixed() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    let author = world.take_one(1);
    world.commit(1, author, true).unwrap();
    let checker = world.take_one(2);
    world.open(1, author, 5, Outcome::Ok);
    let is_open = |output: &Output| matches!(output, Output::Open { .. });
    assert!(!world.outputs().iter().any(is_open));
    world.commit(2, checker, true).unwrap();
    assert!(world.outputs().iter().any(is_open));
}

#[test]
fn a_result_is_fixed_once() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    let author = world.take_one(1);
    assert!(
        world.commit(1, author, false).is_err(),
        "without its answer"
    );
    assert_eq!(world.commit(1, author, true), Ok(()));
    assert_eq!(world.commit(1, author, true), Ok(()), "said again");
    let other = Hash::of(b"other");
    let answer = Some(ContentRef::of(ANSWER));
    let again = world
        .machine
        .committed(world.now, peer(1), author, other, answer);
    assert!(again.is_err());
}

#[test]
fn a_disagreement_is_decided_and_the_liar_gets_nothing_more() {
    for (ruling, liars) in [
        (Ruling::Author, vec![2]),
        (Ruling::Checker, vec![1]),
        (Ruling::Neither, vec![1, 2]),
        (Ruling::Inconclusive, vec![]),
    ] {
        let mut world = World::new(4);
        world.submit(1, 50, true, &[&[]]);
        let (author, checker) = world.both_fixed(true);
        world.open(1, author, 5, Outcome::Ok);
        world.open(2, checker, 6, Outcome::Ok);
        let attempt = author.attempt;
        assert!(world.outputs().contains(&Output::Rule { attempt }));
        world.pass(LEASE * 2);
        world
            .machine
            .ruled(world.now, attempt, ruling, Judge::Coordinator(peer(100)));
        let convicted: Vec<PeerId> = world
            .outputs()
            .into_iter()
            .filter_map(|output| match output {
                Output::Convict(conviction) => Some(conviction.liar),
                _ => None,
            })
            .collect();
        let expected: Vec<PeerId> = liars.iter().map(|number| peer(*number)).collect();
        assert_eq!(convicted, expected, "{ruling:?}");
        let done = world.state(1, 50) == TaskState::Checked;
        assert_eq!(done, ruling == Ruling::Author, "{ruling:?}");
        for liar in liars {
            assert_eq!(world.take(liar, 1), [], "{ruling:?}");
        }
        assert_eq!(world.take(3, 1).len(), usize::from(!done));
    }
}

#[test]
fn inconclusive_is_neither_pass_nor_blame_and_ends_after_some_rounds() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    for round in 1..=ROUNDS_MAX {
        assert_eq!(world.state(1, 50), TaskState::Queued, "round {round}");
        let (author, checker) = world.both_fixed(true);
        world.open(1, author, 5, Outcome::Ok);
        world.open(2, checker, 5, Outcome::Inconclusive);
        let convicts = |output: &Output| matches!(output, Output::Convict(_));
        assert!(!world.outputs().iter().any(convicts));
    }
    assert_eq!(world.state(1, 50), TaskState::Failed);
}

#[test]
fn who_comes_to_no_result_or_to_a_failing_one_is_not_asked_again_while_others_are_there() {
    for (author_says, checker_says, barred) in [
        (Outcome::Ok, Outcome::Inconclusive, 2),
        (Outcome::Inconclusive, Outcome::Ok, 1),
        (Outcome::Failed, Outcome::Failed, 1),
    ] {
        let mut world = World::new(5);
        world.submit(1, 50, true, &[&[]]);
        let (author, checker) = world.both_fixed(true);
        world.open(1, author, 5, author_says);
        world.open(2, checker, 5, checker_says);
        assert_eq!(world.state(1, 50), TaskState::Queued);
        assert_eq!(world.take(barred, 1), [], "{author_says} {checker_says}");
        assert_eq!(world.take_one(3).part, Part::Author);
    }
    // Three different workers without a result are enough.
    let mut world = World::new(8);
    world.submit(1, 50, true, &[&[]]);
    for worker in 2..=4 {
        let author = world.take_one(1);
        world.commit(1, author, true).unwrap();
        let checker = world.take_one(worker);
        world.commit(worker, checker, true).unwrap();
        world.open(1, author, 5, Outcome::Ok);
        world.open(worker, checker, 5, Outcome::Inconclusive);
    }
    assert_eq!(world.state(1, 50), TaskState::Failed);
}

#[test]
fn what_is_being_opened_is_neither_taken_back_nor_kept_waiting() {
    let mut world = World::new(4);
    world.submit(1, 50, true, &[&[]]);
    let (author, checker) = world.both_fixed(true);
    world.open(2, checker, 6, Outcome::Ok);
    world.give_back(2, checker, WhyBack::Drained);
    world.open(1, author, 5, Outcome::Ok);
    let attempt = author.attempt;
    assert!(
        world.outputs().contains(&Output::Rule { attempt }),
        "a lie stands"
    );
    let mut world = World::new(4);
    world.submit(1, 50, true, &[&[]]);
    let (author, checker) = world.both_fixed(true);
    world.open(1, author, 5, Outcome::Ok);
    for _ in 0..4 {
        world.machine.heartbeat(world.now, peer(2), &[checker]);
        world.pass(OPENING / 3);
    }
    assert_eq!(world.take_one(3).part, Part::Checker, "another checks it");
}

#[test]
fn an_answer_that_does_not_pass_is_no_result_however_many_agree() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    for _ in 0..3 {
        let (author, checker) = world.both_fixed(true);
        world.open(1, author, 5, Outcome::Failed);
        world.open(2, checker, 5, Outcome::Failed);
    }
    assert_eq!(world.state(1, 50), TaskState::Failed);
    world.submit(2, 50, false, &[&[]]);
    let (author, checker) = world.both_fixed(false);
    world.open(1, author, 5, Outcome::Failed);
    world.open(2, checker, 5, Outcome::Failed);
    assert_eq!(
        world.state(2, 50),
        TaskState::Checked,
        "an execution may fail"
    );
}

#[test]
fn a_checker_who_does_not_open_is_replaced_and_the_author_kept() {
    let mut world = World::new(3);
    world.submit(1, 50, true, &[&[]]);
    let (author, checker) = world.both_fixed(true);
    world.open(1, author, 5, Outcome::Ok);
    world.machine.not_opened(world.now, peer(2), checker);
    assert_eq!(world.take(2, 1), []);
    world.pass(LEASE * 3);
    let again = world.take_one(3);
    assert_eq!((again.part, again.attempt), (Part::Checker, author.attempt));
    world.outputs();
    world.commit(3, again, true).unwrap();
    let opens = world.outputs();
    assert!(
        opens
            .iter()
            .any(|output| matches!(output, Output::Open { worker, .. } if *worker == peer(3)))
    );
    world.open(3, again, 5, Outcome::Ok);
    assert_eq!(world.state(1, 50), TaskState::Checked);
}

#[test]
fn a_summary_of_something_else_counts_as_none() {
    let mut world = World::new(3);
    world.submit(1, 50, true, &[&[]]);
    let (author, checker) = world.both_fixed(true);
    world.open(1, author, 5, Outcome::Ok);
    let mut other = summary(checker, 5, Outcome::Ok);
    other.attempt.attempt += 1;
    world.machine.opened(world.now, peer(2), checker, other);
    assert_ne!(world.state(1, 50), TaskState::Checked);
    assert_eq!(world.take_one(3).part, Part::Checker);
}

#[test]
fn an_author_lost_after_fixing_its_result_is_replaced_with_its_checker() {
    let mut world = World::new(3);
    world.submit(1, 50, true, &[&[]]);
    let author = world.take_one(1);
    world.commit(1, author, true).unwrap();
    let checker = world.take_one(2);
    world.outputs();
    world.pass(LEASE);
    let held = checker;
    let outputs = world.outputs();
    assert!(
        outputs.contains(&Output::Stop {
            worker: peer(2),
            held
        }),
        "{outputs:?}"
    );
    let next = world.take_one(3);
    assert_eq!((next.part, next.attempt.attempt), (Part::Author, 2));
}

#[test]
fn a_restarted_coordinator_goes_on_where_steps_were_checked() {
    let mut world = World::new(2);
    let id = task(1);
    world.machine.submitted(id, peer(50), need(true), at(9_999));
    let shape = |needs| StepShape {
        needs,
        is_merge: false,
    };
    let steps = [vec![], vec![0]].map(shape).to_vec();
    world.machine.admitted(world.now, id, steps);
    world.machine.restore_step(world.now, id, 0);
    assert_eq!(world.take_one(1).attempt.subtask, 1);
    world.machine.restore_step(world.now, id, 1);
    assert_eq!(world.state(1, 50), TaskState::Checked);
    world
        .machine
        .submitted(task(2), peer(50), need(true), at(9_999));
    world
        .machine
        .restore_end(world.now, task(2), Ending::Cancelled);
    assert_eq!(world.state(2, 50), TaskState::Cancelled);
}

#[test]
fn an_answer_that_two_cannot_check_is_its_authors_fault_and_of_one_nobodys() {
    for why in [WhyBack::Unable, WhyBack::Unsolved, WhyBack::Impossible] {
        let mut world = World::new(4);
        world.submit(1, 50, true, &[&[]]);
        let author = world.take_one(1);
        world.commit(1, author, true).unwrap();
        for (checker, is_last) in [(2, false), (3, true)] {
            let held = world.take_one(checker);
            assert_eq!((held.part, held.attempt), (Part::Checker, author.attempt));
            world.give_back(checker, held, why);
            let stop = Output::Stop {
                worker: peer(1),
                held: author,
            };
            assert_eq!(world.outputs().contains(&stop), is_last, "{why:?}");
            if !is_last {
                assert_eq!(world.take(checker, 1), [], "it is not asked again");
            }
        }
        assert_eq!(world.take(1, 1), [], "its author gets it no more");
        // Who could not check may try itself.
        let next = world.take_one(2);
        assert_eq!((next.part, next.attempt.attempt), (Part::Author, 2));
    }
}

#[test]
fn one_worker_alone_ends_no_task_and_two_do() {
    let mut world = World::new(3);
    world.submit(1, 50, false, &[&[]]);
    let author = world.take_one(1);
    world.give_back(1, author, WhyBack::Impossible);
    assert_eq!(world.state(1, 50), TaskState::Queued);
    assert_eq!(world.take(1, 1), [], "it has said what it has to say");
    let second = world.take_one(2);
    world.give_back(2, second, WhyBack::Impossible);
    assert_eq!(world.state(1, 50), TaskState::Failed);
}

#[test]
fn a_summary_of_another_answer_counts_as_none() {
    for model in [true, false] {
        let mut world = World::new(3);
        world.submit(1, 50, model, &[&[]]);
        let (author, checker) = world.both_fixed(model);
        let mut other = summary(author, 5, Outcome::Ok);
        other.answer = ContentRef::of(b"other");
        world.machine.opened(world.now, peer(1), author, other);
        world.open(2, checker, 5, Outcome::Ok);
        let is_judged =
            |output: &Output| matches!(output, Output::Rule { .. } | Output::StepDone { .. });
        assert!(!world.outputs().iter().any(is_judged), "model: {model}");
        assert_eq!(world.take(1, 1), [], "model: {model}");
        assert_eq!(world.take_one(3).part, Part::Author, "model: {model}");
    }
}

#[test]
fn a_submitters_word_decides_its_own_task_and_no_more() {
    for (ruling, barred) in [
        (Ruling::Author, 2),
        (Ruling::Checker, 1),
        (Ruling::Neither, 1),
    ] {
        let mut world = World::new(4);
        world.submit(1, 50, true, &[&[]]);
        let (author, checker) = world.both_fixed(true);
        world.open(1, author, 5, Outcome::Ok);
        world.open(2, checker, 6, Outcome::Ok);
        let attempt = author.attempt;
        world
            .machine
            .ruled(world.now, attempt, ruling, Judge::Submitter(peer(50)));
        let convicts = |output: &Output| matches!(output, Output::Convict(_));
        assert!(!world.outputs().iter().any(convicts), "{ruling:?}");
        let done = world.state(1, 50) == TaskState::Checked;
        assert_eq!(done, ruling == Ruling::Author, "{ruling:?}");
        assert_eq!(world.take(barred, 1), [], "not of this step: {ruling:?}");
        world.submit(2, 51, true, &[&[]]);
        let leases = world.take(barred, 1);
        assert_eq!(leases[0].held.attempt.task, task(2), "{ruling:?}");
    }
}

#[test]
fn who_judges_its_own_result_does_not_stand_for_the_checker() {
    for judge in [Judge::Coordinator(peer(1)), Judge::Submitter(peer(1))] {
        let mut world = World::new(4);
        world.submit(1, 50, true, &[&[]]);
        let (author, checker) = world.both_fixed(true);
        world.open(1, author, 5, Outcome::Ok);
        world.open(2, checker, 6, Outcome::Ok);
        world
            .machine
            .ruled(world.now, author.attempt, Ruling::Author, judge);
        assert_eq!(world.state(1, 50), TaskState::Queued, "{judge:?}");
        assert_eq!(world.take(2, 1), [], "what it signed is not so: {judge:?}");
        assert_eq!(world.take_one(3).part, Part::Author, "{judge:?}");
    }
}

#[test]
fn where_two_are_left_none_is_barred_but_who_lied() {
    let mut world = World::new(2);
    world.submit(1, 50, true, &[&[]]);
    let (author, _) = world.both_fixed(true);
    world.machine.not_opened(world.now, peer(1), author);
    // The connection was lost, and nobody else is here.
    let again = world.take_one(1);
    assert_eq!(again.part, Part::Author);
    world.commit(1, again, true).unwrap();
    let checker = world.take_one(2);
    world.commit(2, checker, true).unwrap();
    world.open(1, again, 5, Outcome::Ok);
    world.open(2, checker, 6, Outcome::Ok);
    let judge = Judge::Submitter(peer(50));
    world
        .machine
        .ruled(world.now, again.attempt, Ruling::Author, judge);
    world.submit(2, 51, true, &[&[]]);
    let (author, checker) = world.both_fixed(true);
    world.open(1, author, 5, Outcome::Ok);
    world.open(2, checker, 6, Outcome::Ok);
    let judge = Judge::Submitter(peer(51));
    world
        .machine
        .ruled(world.now, author.attempt, Ruling::Checker, judge);
    assert_eq!(world.take(1, 1), [], "who lied gets this step no more");
    assert_eq!(world.take_one(2).part, Part::Author);
}

#[test]
fn who_was_barred_is_asked_again_when_nobody_else_took_it() {
    let mut world = World::new(3);
    world.submit(1, 50, true, &[&[]]);
    let (author, _) = world.both_fixed(true);
    world.machine.not_opened(world.now, peer(1), author);
    assert_eq!(world.take(1, 1), []);
    world.pass(BARRED);
    assert_eq!(world.take_one(1).part, Part::Author);
}

#[test]
fn a_worker_whose_results_wait_to_be_checked_begins_no_more_and_checks() {
    let mut world = World::new(2);
    for number in 1..=UNCHECKED_MAX as u8 + 1 {
        world.submit(number, 50, true, &[&[]]);
    }
    for _ in 0..UNCHECKED_MAX {
        let held = world.take_one(1);
        world.commit(1, held, true).unwrap();
    }
    assert_eq!(world.take(1, 1), []);
    // The other checks what is there first, and begins what is left.
    let checks = world.take(2, 16);
    assert!(checks.iter().all(|lease| lease.held.part == Part::Checker));
    for lease in &checks {
        world.commit(2, lease.held, true).unwrap();
        let attempt = lease.held.attempt;
        let author = Held {
            part: Part::Author,
            ..lease.held
        };
        world.open(1, author, 5, Outcome::Ok);
        world.open(2, lease.held, 5, Outcome::Ok);
        assert!(world.machine.tasks[&attempt.task].steps[0].is_done);
    }
    assert_eq!(world.take_one(1).part, Part::Author);
}
