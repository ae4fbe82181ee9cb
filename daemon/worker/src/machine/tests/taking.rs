//! When work is asked for, how much, and what is done about what comes.

use super::*;

#[test]
fn an_idle_worker_asks_once_a_minute() {
    let mut rig = check(
        policy(2),
        [
            (0, Input::Tick, vec![take(2)]),
            (4_000, granted([]), vec![]),
        ],
    );
    assert_eq!(rig.pass(63_999), []);
    assert_eq!(rig.tick(), (64_000, vec![take(2)]));
    assert_eq!(
        rig.machine.next_deadline(),
        None,
        "it waits for the answer alone"
    );
    rig.rows([
        (68_000, granted([]), vec![]),
        (90_000, Input::Tick, vec![]),
        (128_000, Input::Tick, vec![take(2)]),
    ]);
}

#[test]
fn after_an_announcement_it_asks_at_once_and_goes_on_for_thirty_seconds() {
    let mut rig = check(
        policy(1),
        [
            (0, Input::Tick, vec![take(1)]),
            (4_000, granted([]), vec![]),
            (10_000, Input::Wake, vec![take(1)]),
            (14_000, granted([]), vec![take(1)]),
            (18_000, Input::Wake, vec![]),
            (18_500, granted([]), vec![take(1)]),
            (47_999, granted([]), vec![take(1)]),
            (51_999, granted([]), vec![]),
        ],
    );
    assert_eq!(rig.tick(), (111_999, vec![take(1)]));
}

#[test]
fn after_work_the_next_request_follows_at_once_and_goes_on_for_thirty_seconds() {
    check(
        policy(2),
        [
            (0, Input::Tick, vec![take(2)]),
            (100, granted([1]), vec![work(1), take(1)]),
            (600, Input::Tick, vec![beat([1])]),
            (650, beaten(), vec![]),
            (1_000, granted([]), vec![take(1)]),
            (1_500, lost([1]), vec![forgets(1, Forgotten::Lost)]),
            (1_600, made(1), vec![]),
            (30_099, granted([]), vec![take(2)]),
            (34_000, granted([]), vec![]),
        ],
    );
}

#[test]
fn one_request_at_a_time_for_the_slots_that_are_free() {
    let mut rig = check(
        policy(3),
        [
            (0, Input::Tick, vec![take(3)]),
            (10, Input::Wake, vec![]),
            (20, granted([1, 2]), vec![work(1), work(2), take(1)]),
            (30, granted([3]), vec![work(3)]),
            (50, Input::Wake, vec![]),
            (
                60,
                not_made(2, "No."),
                vec![gives_back(2, WhyBack::Unsolved, "No."), take(1)],
            ),
        ],
    );
    assert_eq!(rig.machine.status().free, 1);
    let mut wide = Rig::new(policy(u32::MAX));
    assert_eq!(wide.at(0, Input::Tick), [take(TAKE_MAX)]);
    assert_eq!(wide.machine.status().slots, SLOTS_MAX);
    rig = Rig::new(policy(0));
    assert_eq!(
        (rig.at(0, Input::Tick), rig.machine.next_deadline()),
        (vec![], None)
    );
}

#[test]
fn a_coordinator_that_does_not_wait_makes_no_worker_spin() {
    let mut rig = check(
        policy(1),
        [
            (1_000, Input::Wake, vec![take(1)]),
            (1_001, granted([]), vec![]),
            (1_002, Input::Wake, vec![]),
        ],
    );
    assert_eq!(rig.tick(), (1_250, vec![take(1)]));
    rig.rows([(1_251, granted([]), vec![])]);
    assert_eq!(rig.tick(), (1_500, vec![take(1)]));
}

#[test]
fn after_failures_it_waits_longer_each_time_and_after_an_answer_as_before() {
    for failure in [
        Answer::Nothing,
        Answer::Refused,
        Answer::Unfit,
        Answer::Done,
        Answer::Lost(vec![]),
    ] {
        let mut rig = Rig::new(policy(1));
        rig.at(0, Input::Tick);
        for full in [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000] {
            let from = rig.now.0;
            assert_eq!(
                rig.at(from, Input::Answered(Errand::Take, failure.clone())),
                []
            );
            let (at, outputs) = rig.tick();
            assert_eq!(outputs, [take(1)]);
            assert!(
                (full / 2..=full).contains(&(at - from)),
                "{}: {full}",
                at - from
            );
            let state = rig.machine.status().state;
            assert_eq!(state == State::Unreachable, failure == Answer::Nothing);
        }
        let from = rig.now.0 + 4_000;
        rig.rows([
            (from, granted([]), vec![]),
            (from + 60_000, Input::Tick, vec![take(1)]),
        ]);
        assert_eq!(rig.machine.status().state, State::Working);
        rig.at(from + 60_000, Input::Answered(Errand::Take, failure));
        assert!(rig.tick().0 <= from + 60_250, "the count begins anew");
    }
}

#[test]
fn outside_its_hours_it_takes_nothing_and_finishes_what_it_holds() {
    let night = Some(Hours {
        from: 1_320,
        until: 360,
    });
    let hours = Policy {
        hours: night,
        ..policy(2)
    };
    let mut rig = Rig::new(hours);
    assert_eq!(rig.at(0, Input::Tick), []);
    assert_eq!(rig.machine.status().state, State::OutsideHours);
    assert_eq!(rig.tick(), (5_000, vec![]), "it looks again");
    rig.seen.minute = 1_320;
    assert_eq!(rig.tick(), (10_000, vec![take(2)]));
    rig.rows([(10_100, granted([1]), vec![work(1), take(1)])]);
    rig.seen.minute = 360;
    rig.rows([
        (10_300, granted([]), vec![]),
        (10_400, Input::Wake, vec![]),
        (10_600, Input::Tick, vec![beat([1])]),
        (10_700, beaten(), vec![]),
        (11_000, made(1), vec![commits(1)]),
        (11_100, answered(1, Answer::Done), vec![]),
        (12_600, Input::Tick, vec![beat([1])]),
    ]);
    assert_eq!(rig.open(1), opened(1));
}

#[test]
fn while_somebody_uses_the_machine_it_takes_nothing_if_it_minds() {
    let minds = Policy {
        only_when_idle: true,
        ..policy(1)
    };
    let mut rig = Rig::new(minds);
    rig.seen.idle = false;
    assert_eq!(rig.at(0, Input::Tick), []);
    assert_eq!(rig.machine.status().state, State::NotIdle);
    assert_eq!(rig.tick(), (5_000, vec![]));
    rig.seen.idle = true;
    assert_eq!(rig.tick(), (10_000, vec![take(1)]));
    let mut busy = Rig::new(policy(1));
    busy.seen.idle = false;
    assert_eq!(busy.at(0, Input::Tick), [take(1)], "it does not mind");
}

#[test]
fn paused_or_draining_it_takes_nothing_until_resumed() {
    for (input, state) in [
        (Input::Pause, State::Paused),
        (Input::Drain, State::Draining),
    ] {
        let mut rig = check(
            policy(2),
            [
                (0, Input::Tick, vec![take(2)]),
                (100, granted([1]), vec![work(1), take(1)]),
                (200, input, vec![]),
                (400, granted([]), vec![]),
                (500, Input::Wake, vec![]),
                (600, made(1), vec![commits(1), beat([1])]),
                (650, beaten(), vec![]),
                (700, answered(1, Answer::Done), vec![]),
            ],
        );
        assert_eq!(rig.machine.status().state, state);
        assert_eq!(rig.open(1), opened(1), "what it held is finished");
        assert_eq!(rig.pass(100_000), []);
        rig.rows([(200_000, Input::Resume, vec![take(2)])]);
        assert_eq!(rig.machine.status().state, State::Working);
    }
}

#[test]
fn what_comes_when_nothing_may_be_taken_any_more_goes_back() {
    const NOT_NOW: &str = "The node takes no work at the moment.";
    let back = |subtask| gives_back(subtask, WhyBack::Drained, NOT_NOW);
    check(
        policy(2),
        [
            (0, Input::Tick, vec![take(2)]),
            (100, Input::Pause, vec![]),
            (200, granted([1, 2]), vec![back(1), back(2)]),
        ],
    );
    let rig = check(
        policy(2),
        [
            (0, Input::Tick, vec![take(2)]),
            (100, Input::Policy(policy(1)), vec![]),
            (200, granted([1, 2]), vec![work(1), back(2)]),
        ],
    );
    assert_eq!(rig.machine.status().counters, counted(0, 1, 0));
}

#[test]
fn a_new_policy_counts_at_once() {
    let mut rig = check(
        policy(0),
        [
            (0, Input::Tick, vec![]),
            (100, Input::Policy(policy(2)), vec![take(2)]),
            (200, granted([1, 2]), vec![work(1), work(2)]),
            (300, Input::Policy(policy(1)), vec![]),
            (
                400,
                not_made(1, ""),
                vec![gives_back(1, WhyBack::Unsolved, "")],
            ),
            (
                500,
                not_made(2, ""),
                vec![gives_back(2, WhyBack::Unsolved, ""), take(1)],
            ),
        ],
    );
    assert_eq!(rig.machine.status().slots, 1);
    rig.rows([
        (4_500, granted([]), vec![take(1)]),
        (40_000, granted([]), vec![]),
        (40_100, Input::Policy(policy(3)), vec![take(3)]),
    ]);
}

#[test]
fn a_lease_that_comes_twice_is_worked_on_once() {
    check(
        policy(2),
        [
            (0, Input::Tick, vec![take(2)]),
            (100, granted([1]), vec![work(1), take(1)]),
            (400, granted([1]), vec![take(1)]),
            (500, lost([1]), vec![forgets(1, Forgotten::Lost)]),
            (700, granted([1]), vec![take(1)]),
        ],
    );
}
