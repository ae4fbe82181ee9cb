//! Merges that models cannot make, and what their user answers.

use super::*;
use crate::config::KEPT;

/// Two steps that are done, and a third that merges them and cannot be: its user is asked.
fn asked() -> World {
    let mut world = World::new(3);
    let id = task(1);
    world.machine.submitted(id, peer(50), need(true), at(100));
    let shape = |needs, is_merge| StepShape { needs, is_merge };
    let steps = vec![
        shape(vec![], false),
        shape(vec![0], true),
        shape(vec![1], false),
    ];
    world.machine.admitted(world.now, id, steps);
    world.machine.restore_step(world.now, id, 0);
    for worker in 1..=3 {
        assert_eq!(world.state(1, 50), TaskState::Queued);
        let held = world.take_one(worker);
        world.give_back(worker, held, WhyBack::Unsolved);
    }
    assert_eq!(world.state(1, 50), TaskState::Asking);
    let standing = world.machine.standing(peer(50), id, 0).unwrap();
    assert_eq!(standing.asks, Some(1));
    world
}

fn answer(world: &mut World, by: u8, step: u16) -> Result<(), Refusal> {
    let answer = ContentRef::of(ANSWER);
    world
        .machine
        .resolved(world.now, peer(by), task(1), step, answer)
}

#[test]
fn nobody_works_and_no_deadline_passes_while_its_user_is_asked() {
    let mut world = asked();
    assert_eq!(world.take(1, 4), []);
    world.pass(Duration::from_secs(1_000));
    assert_eq!(world.state(1, 50), TaskState::Asking);
    assert!(answer(&mut world, 51, 1).is_err(), "another's task");
    assert!(answer(&mut world, 50, 2).is_err(), "nothing is asked there");
    assert_eq!(answer(&mut world, 50, 1), Ok(()));
    assert!(answer(&mut world, 50, 1).is_err(), "answered already");
    world.pass(Duration::from_secs(99));
    assert_eq!(
        world.state(1, 50),
        TaskState::Queued,
        "its time goes on from there"
    );
    world.pass(Duration::from_secs(1));
    assert_eq!(world.state(1, 50), TaskState::Failed);
    let mut world = asked();
    world.pass(KEPT);
    assert_eq!(world.state(1, 50), TaskState::Failed, "nobody came");
}

#[test]
fn what_its_user_answers_is_replayed_by_two_and_the_next_step_builds_on_it() {
    let mut world = asked();
    answer(&mut world, 50, 1).unwrap();
    let author = world.take(1, 1).remove(0);
    assert_eq!(author.answer, Some(ContentRef::of(ANSWER)));
    // As an execution: both at once, and the author answers nothing of its own.
    let checker = world.take(2, 1).remove(0);
    assert_eq!(
        (checker.held.part, checker.answer),
        (Part::Checker, author.answer)
    );
    assert!(world.commit(1, author.held, true).is_err());
    world.commit(1, author.held, false).unwrap();
    world.commit(2, checker.held, false).unwrap();
    world.open(1, author.held, 5, Outcome::Ok);
    world.open(2, checker.held, 5, Outcome::Ok);
    assert_eq!(world.take_one(1).attempt.subtask, 2);
}

#[test]
fn an_answer_that_does_not_pass_is_asked_for_again() {
    let mut world = asked();
    answer(&mut world, 50, 1).unwrap();
    let (author, checker) = (world.take_one(1), world.take_one(2));
    world.commit(1, author, false).unwrap();
    world.commit(2, checker, false).unwrap();
    world.open(1, author, 5, Outcome::Failed);
    world.open(2, checker, 5, Outcome::Failed);
    assert_eq!(world.state(1, 50), TaskState::Asking);
}

#[test]
fn a_question_outlives_the_coordinator_that_asked_it() {
    let mut world = World::new(3);
    world.now = at(500);
    let id = task(1);
    // Its deadline has passed meanwhile.
    world.machine.submitted(id, peer(50), need(true), at(100));
    let shape = |needs, is_merge| StepShape { needs, is_merge };
    let steps = vec![shape(vec![], false), shape(vec![0], true)];
    world.machine.admitted(world.now, id, steps);
    world.machine.restore_asks(world.now, id, 1);
    world.machine.restore_step(world.now, id, 0);
    world.pass(Duration::from_secs(1_000));
    assert_eq!(world.state(1, 50), TaskState::Asking);
    answer(&mut world, 50, 1).unwrap();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.take_one(1).attempt.subtask, 1);
}
