//! How leases end without a result.

use super::*;

#[test]
fn a_lost_lease_has_its_work_cancelled_and_its_result_forgotten() {
    let mut rig = holding(3);
    rig.rows([
        (100, made(2), vec![commits(2)]),
        (200, made(3), vec![commits(3)]),
        (300, answered(3, Answer::Done), vec![take(1)]),
        (500, Input::Tick, vec![beat([1, 2, 3])]),
        (
            600,
            lost([1, 2, 3, 4]),
            vec![
                forgets(1, Forgotten::Lost),
                forgets(2, Forgotten::Lost),
                forgets(3, Forgotten::Lost),
            ],
        ),
        (700, answered(2, Answer::Done), vec![]),
    ]);
    assert_eq!(rig.stages(), []);
    assert_eq!(refusal(&rig.open(3)), Some(ErrorKind::NotFound));
    assert_eq!(rig.machine.status().counters, counted(1, 0, 2));
    assert_eq!(
        rig.machine.status().free,
        2,
        "cancelled work has its slot until it ends"
    );
    rig.rows([(800, made(1), vec![])]);
    assert_eq!(rig.machine.status().free, 3);
    assert_eq!(rig.stages(), [], "what it made after all is nobody's");
}

#[test]
fn an_answer_about_other_leases_changes_none() {
    let mut rig = holding(2);
    rig.rows([(100, lost([3]), vec![]), (200, lost([]), vec![])]);
    assert_eq!(rig.stages(), [(1, Stage::Working), (2, Stage::Working)]);
}

#[test]
fn failed_heartbeats_drop_nothing_and_a_minute_of_silence_ends_unfinished_work() {
    let mut rig = holding(2);
    rig.rows([(
        10_000,
        made(2),
        vec![beat([1, 2]), commits(2)].into_iter().rev().collect(),
    )]);
    rig.rows([(
        59_999,
        Input::Answered(Errand::Heartbeat, Answer::Nothing),
        vec![beat([1, 2])],
    )]);
    assert_eq!(rig.stages(), [(1, Stage::Working), (2, Stage::Committing)]);
    let (at, outputs) = rig.tick();
    assert_eq!((at, outputs), (60_000, vec![forgets(1, Forgotten::Silent)]));
    assert_eq!(rig.stages(), [(2, Stage::Committing)], "results are kept");
    assert_eq!(rig.machine.status().counters, counted(0, 0, 1));
}

#[test]
fn any_answer_ends_the_silence() {
    let mut rig = holding(1);
    rig.rows([(50_000, beaten(), vec![beat([1])])]);
    rig.rows([(109_999, Input::Tick, vec![beat([1])])]);
    assert_eq!(rig.tick(), (110_000, vec![forgets(1, Forgotten::Silent)]));
}

#[test]
fn what_came_to_nothing_is_given_back_a_few_times_and_leaves_its_slot_at_once() {
    for (answer, tries) in [
        (Answer::Done, 1),
        (Answer::Refused, 1),
        (Answer::Lost(vec![]), 1),
        (Answer::Nothing, 4),
        (Answer::Unfit, 4),
    ] {
        let mut rig = holding(1);
        let back = gives_back(1, WhyBack::Unsolved, "No luck.");
        rig.rows([(100, not_made(1, "No luck."), vec![back.clone(), take(1)])]);
        let mut said = 1;
        for _ in 0..10 {
            let at = rig.now.0 + 10;
            rig.at(at, returned(1, answer.clone()));
            let again = rig.pass(at + 6_000);
            said += again.len();
            assert!(again.iter().all(|(_, output)| *output == back), "{again:?}");
        }
        assert_eq!(said, tries, "{answer:?}");
        assert_eq!(rig.machine.status().counters, counted(0, 1, 0));
    }
}

#[test]
fn a_long_sentence_is_cut_between_characters() {
    let mut rig = holding(1);
    let long = format!("{}é!", "x".repeat(1_999));
    let back = gives_back(1, WhyBack::Unsolved, &"x".repeat(1_999));
    rig.rows([(100, not_made(1, &long), vec![back, take(1)])]);
}

#[test]
fn only_so_many_deliveries_are_under_way_at_once() {
    let more = DELIVERIES_MAX as u16 + 1;
    for ends in [made, |subtask| not_made(subtask, "")] {
        let mut rig = holding(more);
        let sent = (1..=more).map(|subtask| deliveries(&rig.at(100, ends(subtask))));
        assert_eq!(sent.sum::<usize>(), DELIVERIES_MAX);
        // Only one of the two was asked.
        let answers = [answered(1, Answer::Nothing), returned(1, Answer::Nothing)];
        let errand = usize::from(rig.stages().is_empty());
        let outputs = rig.at(100, answers[errand].clone());
        assert_eq!(deliveries(&outputs), 1, "the next one's turn: {outputs:?}");
    }
    let mut rig = holding(more);
    for subtask in 1..more {
        rig.at(100, made(subtask));
    }
    assert_eq!(
        deliveries(&rig.at(100, not_made(more, ""))),
        0,
        "both count together"
    );
    assert_eq!(deliveries(&rig.at(100, answered(1, Answer::Done))), 1);
}

fn deliveries(outputs: &[Output]) -> usize {
    let is = |output: &&Output| matches!(output, Output::Commit(_) | Output::GiveBack { .. });
    outputs.iter().filter(is).count()
}

#[test]
fn when_the_node_stops_unfinished_leases_go_back_with_one_try() {
    let mut rig = holding(2);
    let back = |subtask| gives_back(subtask, WhyBack::Drained, "The node stops.");
    rig.rows([
        (
            1_000,
            Input::Stop,
            vec![
                forgets(1, Forgotten::Drained),
                forgets(2, Forgotten::Drained),
                back(1),
                back(2),
            ],
        ),
        (1_100, returned(1, Answer::Done), vec![]),
        (1_200, returned(2, Answer::Nothing), vec![]),
        (1_300, Input::Stop, vec![]),
        (1_400, Input::Resume, vec![]),
        (1_500, made(1), vec![]),
    ]);
    assert!(!rig.machine.finished(), "the second's work has not ended");
    rig.rows([(1_600, not_made(2, ""), vec![])]);
    assert!(rig.machine.finished());
    assert_eq!(rig.machine.status().state, State::Draining);
    assert_eq!(rig.machine.status().counters, counted(0, 2, 0));
}

#[test]
fn when_the_node_stops_what_was_on_its_way_back_has_one_more_try() {
    let mut rig = holding(1);
    rig.at(100, not_made(1, "No luck."));
    rig.rows([(200, Input::Stop, vec![])]);
    rig.at(300, returned(1, Answer::Nothing));
    let back = gives_back(1, WhyBack::Unsolved, "No luck.");
    let (at, outputs) = rig.tick();
    assert_eq!(outputs, [back]);
    assert!(!rig.machine.finished());
    rig.at(at, returned(1, Answer::Nothing));
    assert!(rig.machine.finished());
}

#[test]
fn only_so_many_leases_are_on_their_way_back() {
    let mut rig = holding(SLOTS_MAX as u16);
    for subtask in 1..=SLOTS_MAX as u16 {
        rig.at(0, not_made(subtask, ""));
    }
    assert_eq!(rig.machine.backs.len(), BACKS_MAX);
    rig.at(0, granted([5_000]));
    rig.at(0, not_made(5_000, ""));
    assert_eq!(rig.machine.backs.len(), BACKS_MAX);
    assert!(!rig.machine.backs.contains_key(&held(5_000)));
}

#[test]
fn when_the_node_stops_results_have_two_seconds_to_be_opened() {
    let mut rig = holding(2);
    rig.rows([
        (100, made(1), vec![commits(1)]),
        (200, answered(1, Answer::Done), vec![take(1)]),
        (300, made(2), vec![commits(2)]),
        (500, Input::Tick, vec![beat([1, 2])]),
        (1_000, Input::Stop, vec![]),
        (1_100, answered(2, Answer::Done), vec![]),
    ]);
    assert!(!rig.machine.finished());
    assert_eq!((rig.open(1), rig.open(2)), (opened(1), opened(2)));
    assert!(rig.machine.finished(), "nothing is left to wait for");

    let mut late = holding(1);
    late.rows([
        (100, made(1), vec![commits(1)]),
        (500, Input::Tick, vec![beat([1])]),
        (1_000, Input::Stop, vec![]),
        (2_999, Input::Tick, vec![beat([1])]),
    ]);
    assert!(!late.machine.finished());
    late.rows([(3_000, Input::Tick, vec![])]);
    assert!(late.machine.finished(), "it is not waited for any longer");
}

#[test]
fn what_is_granted_while_the_node_stops_goes_back() {
    let back = gives_back(2, WhyBack::Drained, "The node takes no work at the moment.");
    let mut rig = holding(1);
    rig.rows([
        (100, Input::Policy(policy(2)), vec![take(1)]),
        (200, made(1), vec![commits(1)]),
        (500, Input::Tick, vec![beat([1])]),
        (1_000, Input::Stop, vec![]),
        (1_100, granted([2]), vec![back]),
    ]);
}

#[test]
fn the_coordinator_alone_stops_work() {
    let mut rig = holding(2);
    rig.rows([(100, made(2), vec![commits(2)])]);
    let answer = rig.machine.stopped(Millis(200), STRANGER, held(1));
    assert_eq!(refusal(&answer), Some(ErrorKind::Policy));
    assert_eq!(rig.outputs(), []);
    for (subtask, outputs) in [
        (1, vec![forgets(1, Forgotten::Stopped)]),
        (2, vec![forgets(2, Forgotten::Stopped), take(1)]),
        (2, vec![]),
    ] {
        let answer = rig.machine.stopped(Millis(200), COORDINATOR, held(subtask));
        assert_eq!(answer, Response::Done { now: Millis(200) });
        assert_eq!(rig.outputs(), outputs);
    }
    assert_eq!(rig.stages(), []);
    assert_eq!(rig.machine.status().counters, counted(0, 0, 2));
}

#[test]
fn a_stopped_lease_is_not_given_back_any_more() {
    let mut rig = holding(1);
    let back = gives_back(1, WhyBack::Unsolved, "");
    rig.rows([
        (100, not_made(1, ""), vec![back, take(1)]),
        (200, returned(1, Answer::Nothing), vec![]),
    ]);
    rig.machine.stopped(Millis(200), COORDINATOR, held(1));
    assert_eq!(rig.outputs(), []);
    assert_eq!(rig.pass(60_000), []);
}

#[test]
fn what_an_earlier_coordinator_lent_ends_when_another_has_come() {
    let mut rig = holding(2);
    rig.rows([
        (100, made(2), vec![commits(2)]),
        // While nobody coordinates it may still be the same one that comes back.
        (200, Input::Seat(None), vec![]),
        (300, Input::Seat(Some(seat(3))), vec![]),
        (
            400,
            Input::Seat(Some(seat(8))),
            vec![
                forgets(1, Forgotten::Deposed),
                forgets(2, Forgotten::Deposed),
                take(1),
            ],
        ),
        // What it lent in its last moment comes too late.
        (500, granted([3]), vec![]),
    ]);
    assert_eq!(rig.stages(), []);
    let answer = rig.machine.open(Millis(600), COORDINATOR, held(2));
    assert_eq!(refusal(&answer), Some(ErrorKind::Policy));
}
