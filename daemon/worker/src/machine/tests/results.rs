//! Results: committed to until that is answered, then opened, and no more of them kept than there may be.

use super::*;

/// A worker whose lease `1` came to a result at 100.
fn with_result() -> Rig {
    check(
        policy(1),
        [
            (0, Input::Tick, vec![take(1)]),
            (0, granted([1]), vec![work(1)]),
            (100, made(1), vec![commits(1)]),
        ],
    )
}

#[test]
fn a_commitment_is_sent_until_it_is_answered_and_delivered_once() {
    for failure in [
        Answer::Nothing,
        Answer::Unfit,
        Answer::Lost(vec![]),
        Answer::Granted(vec![]),
    ] {
        let mut rig = with_result();
        let mut from = 100;
        for full in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000] {
            rig.at(from, answered(1, failure.clone()));
            let mut ticks = rig.pass(from + full);
            ticks.retain(|(_, output)| !matches!(output, Output::Heartbeat { .. }));
            let [(at, output)] = &ticks[..] else {
                panic!("{ticks:?}");
            };
            assert_eq!(*output, commits(1));
            assert!(at - from >= full / 2, "{at} after {from}");
            from = rig.now.0;
            rig.at(from, beaten());
        }
        assert_eq!(rig.at(from + 100, answered(1, Answer::Done)), [take(1)]);
        assert_eq!(rig.stages(), [(1, Stage::Committed)]);
        assert_eq!(rig.machine.status().counters, counted(1, 0, 0));
        rig.rows([(from + 100, answered(1, Answer::Done), vec![])]);
        let later = rig.pass(from + 100_000);
        assert!(
            !later
                .iter()
                .any(|(_, output)| matches!(output, Output::Commit(_)))
        );
        assert_eq!(rig.machine.status().counters, counted(1, 0, 0));
    }
}

#[test]
fn a_result_is_kept_for_as_long_as_the_coordinator_is_away() {
    let mut rig = with_result();
    for _ in 0..1_000 {
        let at = rig.now.0;
        let failed = Input::Answered(Errand::Heartbeat, Answer::Nothing);
        rig.at(at, failed);
        rig.at(at, answered(1, Answer::Nothing));
        rig.pass(at + 9_999);
        rig.at(at + 10_000, Input::Tick);
    }
    assert_eq!(rig.stages(), [(1, Stage::Committing)]);
    assert_eq!(rig.machine.status().state, State::Unreachable);
    rig.at(rig.now.0, answered(1, Answer::Done));
    assert_eq!(rig.open(1), opened(1));
}

#[test]
fn a_refused_commitment_is_forgotten() {
    let mut rig = with_result();
    let outputs = vec![forgets(1, Forgotten::Refused), take(1)];
    rig.rows([(200, answered(1, Answer::Refused), outputs)]);
    assert_eq!(rig.stages(), []);
    assert_eq!(rig.machine.status().counters, counted(0, 0, 1));
    assert_eq!(refusal(&rig.open(1)), Some(ErrorKind::NotFound));
}

#[test]
fn nothing_is_opened_before_the_commitment_is_confirmed() {
    let mut rig = check(
        policy(1),
        [
            (0, Input::Tick, vec![take(1)]),
            (0, granted([1]), vec![work(1)]),
        ],
    );
    assert_eq!(
        refusal(&rig.open(1)),
        Some(ErrorKind::Conflict),
        "there is nothing to open"
    );
    rig.rows([(100, made(1), vec![commits(1)])]);
    assert_eq!(refusal(&rig.open(1)), Some(ErrorKind::Conflict));
    rig.rows([(200, answered(1, Answer::Nothing), vec![])]);
    assert_eq!(refusal(&rig.open(1)), Some(ErrorKind::Conflict));
    rig.pass(500);
    rig.rows([(500, answered(1, Answer::Done), vec![take(1)])]);
    assert_eq!(rig.open(1), opened(1));
}

#[test]
fn nothing_is_opened_for_anybody_but_the_coordinator() {
    let mut rig = with_result();
    rig.at(200, answered(1, Answer::Done));
    let answer = rig.machine.open(Millis(300), STRANGER, held(1));
    assert_eq!(refusal(&answer), Some(ErrorKind::Policy));
    assert_eq!(rig.stages(), [(1, Stage::Committed)]);
    let other = Held { term: 4, ..held(1) };
    let answer = rig.machine.open(Millis(300), COORDINATOR, other);
    assert_eq!(
        refusal(&answer),
        Some(ErrorKind::Policy),
        "another term's lease"
    );
}

#[test]
fn an_opened_result_can_be_opened_again_for_two_minutes() {
    let mut rig = with_result();
    rig.rows([
        (200, answered(1, Answer::Done), vec![take(1)]),
        (500, Input::Tick, vec![beat([1])]),
        (550, beaten(), vec![]),
        (1_000, Input::Pause, vec![]),
        (1_000, granted([]), vec![]),
    ]);
    assert_eq!(rig.open(1), opened(1));
    rig.rows([(120_999, Input::Tick, vec![])]);
    assert_eq!(rig.open(1), opened(1));
    assert_eq!(rig.tick(), (121_000, vec![]));
    assert_eq!(refusal(&rig.open(1)), Some(ErrorKind::NotFound));
    assert_eq!(rig.machine.status().counters, counted(1, 0, 0));
}

#[test]
fn an_opened_result_that_the_coordinator_calls_lost_is_forgotten_at_once() {
    let mut rig = with_result();
    rig.at(200, answered(1, Answer::Done));
    assert_eq!(rig.open(1), opened(1));
    rig.rows([(300, lost([1]), vec![forgets(1, Forgotten::Lost)])]);
    assert_eq!(
        rig.machine.status().counters,
        counted(1, 0, 0),
        "it was done"
    );
}

#[test]
fn a_confirmed_result_leaves_its_slot_and_one_that_is_not_keeps_it() {
    let mut rig = with_result();
    assert_eq!(rig.machine.status().free, 0);
    rig.rows([
        (200, answered(1, Answer::Done), vec![take(1)]),
        (300, granted([2]), vec![work(2)]),
    ]);
    assert_eq!(rig.stages(), [(1, Stage::Committed), (2, Stage::Working)]);
}

/// Brings `subtask`, the only one that is worked on, to a confirmed result.
fn confirm(rig: &mut Rig, subtask: u16) -> Vec<Output> {
    let at = rig.now.0 + 1;
    rig.at(at, granted([subtask]));
    let outputs = rig.at(at, made(subtask));
    rig.at(at, answered(subtask, Answer::Done));
    outputs
}

#[test]
fn of_too_many_results_the_oldest_goes_and_an_opened_one_before_any_other() {
    let mut rig = Rig::new(policy(1));
    rig.at(0, Input::Tick);
    // In falling order, so that the oldest is not the first of the list as well.
    let last = 2_000 - RESULTS_MAX as u16;
    for subtask in (last..2_000).rev() {
        confirm(&mut rig, subtask + 1);
    }
    assert_eq!(rig.stages().len(), RESULTS_MAX);
    rig.open(1_990);
    let dropped = |subtask| forgets(subtask, Forgotten::Full);
    assert!(
        confirm(&mut rig, 10).contains(&dropped(1_990)),
        "the opened one"
    );
    assert!(confirm(&mut rig, 9).contains(&dropped(2_000)), "the oldest");
    assert!(confirm(&mut rig, 8).contains(&dropped(1_999)), "the next");
    assert_eq!(rig.stages().len(), RESULTS_MAX);
    assert_eq!(
        rig.machine.status().counters,
        counted(67, 0, 0),
        "all were delivered"
    );
}

#[test]
fn a_result_that_was_dropped_before_it_was_confirmed_counts_as_lost() {
    let count = RESULTS_MAX as u16 + 1;
    let mut rig = Rig::new(policy(count.into()));
    rig.at(0, Input::Tick);
    for from in (1..=count).step_by(TAKE_MAX) {
        rig.at(0, granted(from..(from + TAKE_MAX as u16).min(count + 1)));
    }
    for subtask in (1..=count).rev() {
        rig.at(1, made(subtask));
    }
    assert_eq!(rig.machine.status().counters, counted(0, 0, 1));
    assert!(
        rig.stages().iter().all(|(subtask, _)| *subtask != count),
        "the oldest"
    );
}

#[test]
fn the_status_tells_how_far_each_lease_is_and_since_when() {
    let mut rig = check(
        policy(3),
        [
            (0, Input::Tick, vec![take(3)]),
            (40, granted([1, 2]), vec![work(1), work(2), take(1)]),
            (90, made(1), vec![commits(1)]),
        ],
    );
    let row = |subtask, stage| Holding {
        held: held(subtask),
        stage,
        since: Millis(40),
    };
    let mut expected = Status {
        state: State::Working,
        slots: 3,
        free: 1,
        held: vec![row(1, Stage::Committing), row(2, Stage::Working)],
        counters: counted(0, 0, 0),
    };
    assert_eq!(rig.machine.status(), expected);
    rig.at(100, answered(1, Answer::Done));
    (expected.free, expected.counters.done) = (2, 1);
    expected.held[0] = row(1, Stage::Committed);
    assert_eq!(rig.machine.status(), expected);
    rig.open(1);
    expected.held[0] = row(1, Stage::Opened);
    assert_eq!(rig.machine.status(), expected);
}

#[test]
fn a_second_result_of_one_lease_changes_nothing() {
    let mut rig = with_result();
    rig.at(200, answered(1, Answer::Done));
    let Input::Made { held, mut fixed } = made(1) else {
        unreachable!()
    };
    fixed.opening.salt = [0; 32];
    rig.rows([(300, Input::Made { held, fixed }, vec![])]);
    assert_eq!(rig.open(1), opened(1));
}
