//! When heartbeats go out, and what they name.

use super::*;

#[test]
fn new_leases_are_confirmed_after_half_a_second_and_all_are_named_every_two_seconds() {
    let mut rig = check(
        policy(3),
        [
            (0, Input::Tick, vec![take(3)]),
            (100, granted([2]), vec![work(2), take(2)]),
        ],
    );
    assert_eq!(rig.tick(), (600, vec![beat([2])]));
    rig.rows([
        (650, beaten(), vec![]),
        (1_000, granted([3, 1]), vec![work(3), work(1)]),
    ]);
    assert_eq!(rig.tick(), (1_500, vec![beat([1, 2, 3])]));
    rig.rows([(1_550, beaten(), vec![])]);
    assert_eq!(rig.tick(), (3_500, vec![beat([1, 2, 3])]));
    assert_eq!(
        rig.tick(),
        (5_500, vec![beat([1, 2, 3])]),
        "also when the last has no answer yet"
    );
}

#[test]
fn a_grant_does_not_postpone_what_confirms_an_earlier_one() {
    let mut rig = check(
        policy(3),
        [
            (0, Input::Tick, vec![take(3)]),
            (100, granted([1]), vec![work(1), take(2)]),
            (400, granted([2]), vec![work(2), take(1)]),
        ],
    );
    assert_eq!(rig.tick(), (600, vec![beat([1, 2])]), "it confirms both");
    rig.rows([
        (650, beaten(), vec![]),
        (2_300, granted([3]), vec![work(3)]),
    ]);
    assert_eq!(
        rig.tick(),
        (2_600, vec![beat([1, 2, 3])]),
        "the one that is due anyway comes first"
    );
    assert_eq!(rig.tick(), (4_600, vec![beat([1, 2, 3])]));
}

#[test]
fn a_steady_stream_of_grants_does_not_starve_the_heartbeat() {
    let mut rig = Rig::new(policy(16));
    rig.at(0, Input::Tick);
    let mut beats = Vec::new();
    for subtask in 1..=8 {
        let at = 300 * u64::from(subtask);
        beats.extend(rig.pass(at));
        let outputs = vec![work(subtask), take(16 - usize::from(subtask))];
        rig.rows([(at, granted([subtask]), outputs)]);
    }
    beats.extend(rig.pass(2_600));
    let expected = [
        (800, beat(1..=2)),
        (1_400, beat(1..=4)),
        (2_000, beat(1..=6)),
        (2_600, beat(1..=8)),
    ];
    assert_eq!(beats, expected, "each lease within half a second");
}

#[test]
fn what_ends_within_half_a_second_needs_no_heartbeat() {
    let mut given_back = check(
        policy(1),
        [
            (0, Input::Tick, vec![take(1)]),
            (0, granted([1]), vec![work(1)]),
            (100, Input::Pause, vec![]),
            (
                200,
                not_made(1, "No."),
                vec![gives_back(1, WhyBack::Unsolved, "No.")],
            ),
            (300, returned(1, Answer::Done), vec![]),
        ],
    );
    assert_eq!(given_back.pass(50_000), []);

    let mut done = check(
        policy(1),
        [
            (0, Input::Tick, vec![take(1)]),
            (0, granted([1]), vec![work(1)]),
            (100, Input::Pause, vec![]),
            (200, made(1), vec![commits(1)]),
            (300, answered(1, Answer::Done), vec![]),
        ],
    );
    assert_eq!(done.open(1), opened(1));
    assert_eq!(done.pass(50_000), []);
}

#[test]
fn a_result_that_is_kept_for_half_a_second_is_named_whether_it_has_arrived_or_not() {
    let mut rig = holding(2);
    rig.rows([
        (100, Input::Pause, vec![]),
        (200, made(1), vec![commits(1)]),
        (300, answered(1, Answer::Done), vec![]),
        (400, made(2), vec![commits(2)]),
    ]);
    assert_eq!(rig.tick(), (500, vec![beat([1, 2])]));
    assert_eq!(rig.tick(), (2_500, vec![beat([1, 2])]));
}

#[test]
fn when_nothing_was_named_half_a_second_begins_with_the_grant_whenever_a_heartbeat_was_due() {
    // Lease 1 is opened before its heartbeat at 500, which names nothing then; or after it, when the next is at 2_500.
    for (opened_at, granted_at) in [(300, 400), (300, 10_000), (600, 700), (600, 2_400)] {
        let mut rig = holding(1);
        rig.rows([
            (100, made(1), vec![commits(1)]),
            (200, answered(1, Answer::Done), vec![take(1)]),
        ]);
        let sent = usize::from(opened_at > 500);
        assert_eq!(rig.pass(opened_at), vec![(500, beat([1])); sent]);
        assert_eq!(rig.open(1), opened(1));
        assert_eq!(rig.pass(granted_at), []);
        rig.rows([(granted_at, granted([2]), vec![work(2)])]);
        assert_eq!(
            rig.tick(),
            (granted_at + 500, vec![beat([2])]),
            "opened at {opened_at}"
        );
    }
}

#[test]
fn an_answer_that_brings_no_new_lease_moves_no_heartbeat() {
    let back = gives_back(2, WhyBack::Drained, "The node takes no work at the moment.");
    for (input, answer, outputs) in [
        (Input::Wake, granted([]), vec![take(1)]),
        (Input::Wake, granted([1]), vec![take(1)]),
        (Input::Pause, granted([2]), vec![back]),
    ] {
        let mut rig = check(
            policy(2),
            [
                (0, Input::Tick, vec![take(2)]),
                (0, granted([1]), vec![work(1), take(1)]),
            ],
        );
        assert_eq!(rig.tick(), (500, vec![beat([1])]));
        let shown = format!("{answer:?}");
        rig.rows([
            (550, beaten(), vec![]),
            (600, input, vec![]),
            (700, answer, outputs),
        ]);
        assert_eq!(rig.tick(), (2_500, vec![beat([1])]), "{shown}");
    }
}

#[test]
fn heartbeats_name_a_committed_lease_until_it_is_opened() {
    let mut rig = holding(1);
    rig.rows([
        (400, made(1), vec![commits(1)]),
        (500, Input::Tick, vec![beat([1])]),
        (600, beaten(), vec![]),
        (700, answered(1, Answer::Done), vec![take(1)]),
        (2_500, Input::Tick, vec![beat([1])]),
        (2_600, beaten(), vec![]),
    ]);
    assert_eq!(rig.open(1), opened(1));
    assert_eq!(rig.pass(120_000), []);
}

#[test]
fn heartbeats_that_are_not_answered_do_not_pile_up() {
    let mut rig = holding(1);
    let beats: Vec<u64> = rig.pass(50_000).iter().map(|(at, _)| *at).collect();
    assert_eq!(
        beats,
        [500, 2_500, 4_500, 6_500],
        "{HEARTBEATS_MAX} under way"
    );
    rig.rows([
        (50_001, Input::Policy(policy(2)), vec![take(1)]),
        (50_002, granted([2]), vec![work(2)]),
        (50_003, beaten(), vec![beat([1, 2])]),
    ]);
}
