//! Who may work changes while work is under way.

use super::*;

fn stops(outputs: &[Output], who: u8) -> usize {
    let is_stop =
        |one: &&Output| matches!(one, Output::Stop { worker, .. } if *worker == peer(who));
    outputs.iter().filter(is_stop).count()
}

#[test]
fn leases_of_one_who_may_work_no_more_end_at_once_and_go_to_others() {
    let mut world = World::new(3);
    world.submit(1, 100, true, &[&[]]);
    let held = world.take_one(1);
    world.outputs();
    world.machine.review(world.now, |one| *one != peer(1));
    let outputs = world.outputs();
    assert_eq!(stops(&outputs, 1), 1, "{outputs:?}");
    assert_eq!(world.machine.heartbeat(world.now, peer(1), &[held]), [held]);
    assert!(world.commit(1, held, true).is_err());
    assert!(world.take(1, 1).is_empty(), "it is lent nothing more");
    assert_eq!(world.take(2, 1).len(), 1, "another has it at once");
}

#[test]
fn a_poll_of_one_who_may_work_no_more_is_answered_with_nothing() {
    let mut world = World::new(3);
    let later = world.now.after(Duration::from_secs(20));
    world.machine.take(world.now, 77, peer(1), 1, later);
    world.outputs();
    world.machine.review(world.now, |one| *one != peer(1));
    let expected = Output::Grant {
        poll: 77,
        leases: Vec::new(),
    };
    assert_eq!(world.outputs(), [expected]);
}

#[test]
fn whoever_is_admitted_is_lent_what_waits_and_nobody_counts_on_who_is_not() {
    let mut world = World::new(3);
    world.submit(1, 100, true, &[&[]]);
    world.machine.review(world.now, |_| false);
    let refused = world
        .machine
        .check(Millis(0), peer(100), task(2), &need(true));
    let message = refused.unwrap_err().message;
    assert!(message.contains("admitted by the operators"), "{message}");
    assert!(world.take(1, 1).is_empty());
    let later = world.now.after(Duration::from_secs(20));
    world.machine.take(world.now, 77, peer(2), 1, later);
    world.outputs();
    world.machine.review(world.now, |_| true);
    let outputs = world.outputs();
    let is_grant =
        |one: &Output| matches!(one, Output::Grant { poll: 77, leases } if leases.len() == 1);
    assert!(outputs.iter().any(is_grant), "{outputs:?}");
}

#[test]
fn an_honest_worker_that_is_never_lent_anything_is_there_all_the_same() {
    let mut world = World::new(3);
    // A day of records and polls, and nothing else.
    for minute in 0..24 * 60 {
        world.now = at(minute * 60);
        for number in 1..=3 {
            let until = world.now.after(Duration::from_secs(90));
            let offer = NodeOffer {
                until,
                ..offer(None)
            };
            world
                .machine
                .register(world.now, peer(number), offer)
                .unwrap();
            assert!(world.take(number, 1).is_empty());
        }
        world.machine.tick(world.now);
    }
    world.submit(1, 100, true, &[&[]]);
    assert_eq!(world.take(1, 1).len(), 1);
}
