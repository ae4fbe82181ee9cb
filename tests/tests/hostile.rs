//! Nodes that claim what is not theirs, and send what is none: each is refused, changes nothing, and honest work goes
//! on. Here are results that nobody should take; what else is claimed, sent or asked is in `hostile/`. Who lies about
//! what it ran is in `liars.rs`; frames that are none are the mesh crate's to refuse.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use edgecoder_protocol::{
    Fuel, Hash, NetworkId, Signed, TaskId,
    operator::ExecAnswer,
    wire::{Held, Opening, Request, Response, Sealed, WhyBack},
    work::{AttemptId, ContentRef, Part, ResultSummary, label},
};

use support::peer::{Lent, Peer, SOLUTION, Scene, forge, key};

#[path = "hostile/claims.rs"]
mod claims;
#[path = "hostile/flood.rs"]
mod flood;
#[path = "hostile/kinds.rs"]
mod kinds;
#[path = "hostile/leave.rs"]
mod leave;
#[path = "hostile/messages.rs"]
mod messages;
mod support;

#[track_caller]
fn refused(response: &Response, why: &str) {
    let Response::Refused(error) = response else {
        panic!("not refused: {response:?}");
    };
    assert!(error.message.contains(why), "no {why:?} in {error:?}");
    assert!(!error.next.is_empty(), "{error:?}");
}

#[track_caller]
fn accepted(response: &Response) {
    assert!(matches!(response, Response::Done { .. }), "{response:?}");
}

/// Leases that are like `held`, and are not it.
fn others(held: Held) -> Vec<Held> {
    let attempt = held.attempt;
    let of = |attempt| Held { attempt, ..held };
    vec![
        of(AttemptId {
            attempt: attempt.attempt + 1,
            ..attempt
        }),
        of(AttemptId {
            attempt: attempt.attempt - 1,
            ..attempt
        }),
        of(AttemptId {
            subtask: attempt.subtask + 1,
            ..attempt
        }),
        of(AttemptId {
            task: TaskId([9; 16]),
            ..attempt
        }),
        Held {
            term: held.term + 1,
            ..held
        },
        Held {
            term: held.term - 1,
            ..held
        },
        Held {
            part: Part::Checker,
            ..held
        },
    ]
}

#[test]
fn a_result_counts_for_its_own_lease_and_sender_alone() {
    let scene = Scene::new();
    let author = Peer::join(&scene.network, "author");
    let stranger = Peer::join(&scene.network, "stranger");
    let (running, lent) = scene.lent_to(&author, 41);
    let fixed = Hash::of(b"anything");
    let not_yours = "not yours";
    for held in others(lent.held) {
        refused(&author.commit(held, fixed, None), not_yours);
    }
    refused(&stranger.commit(lent.held, fixed, None), not_yours);
    for (peer, held) in [(&stranger, vec![lent.held]), (&author, others(lent.held))] {
        let beat = Request::Heartbeat { held: held.clone() };
        let Response::Lost { held: lost, .. } = peer.ask(beat) else {
            panic!("a heartbeat is answered by what is lost");
        };
        assert_eq!(lost, held);
        for held in held {
            let (why, sentence) = (WhyBack::Impossible, "none".to_owned());
            peer.ask(Request::GiveBack {
                held,
                why,
                sentence,
            });
        }
    }
    let lost = author.ask(Request::Heartbeat {
        held: vec![lent.held],
    });
    let Response::Lost { held: lost, .. } = lost else {
        panic!("{lost:?}");
    };
    assert_eq!(lost, [], "its own lease is still its own");
    // An execution has no answer, and what is fixed stays fixed.
    let answer = lent.sealed_answer(&author, "print(43)");
    let lacks = "one where none belongs";
    refused(&author.commit(lent.held, fixed, Some(answer)), lacks);
    let truth = forge(&author, scene.truth(&lent, None), |_| {});
    let (opening, commitment) = lent.opening(&author, lent.summary(&author, None, &truth), &truth);
    author.will_open(lent.held, opening);
    accepted(&author.commit(lent.held, commitment, None));
    accepted(&author.commit(lent.held, commitment, None));
    let fixed = author.commit(lent.held, fixed, None);
    refused(&fixed, "another result is fixed");
    scene.resume();
    let answer = scene.is_right(running, 41);
    let signer = author.id().to_string();
    assert_eq!(answer["receipt"]["signer"], signer, "what was fixed counts");
    assert_eq!(scene.evidence(), [""; 0]);
}

/// How an adversary opens what it fixed. It ran the thing honestly; what it may not say is told beside that.
type Opens = fn(&Peer, &Lent, &ExecAnswer) -> (Opening, Hash);

/// Opens to `change` of what an honest node says, and fixed just that.
fn of_changed(
    peer: &Peer,
    lent: &Lent,
    run: &ExecAnswer,
    change: impl FnOnce(&mut ResultSummary),
) -> (Opening, Hash) {
    let mut summary = lent.summary(peer, None, run);
    change(&mut summary);
    lent.opening(peer, summary, run)
}

const OPENINGS: [(&str, Opens); 9] = [
    ("signed by another key", |peer, lent, run| {
        let (mut opening, hash) = of_changed(peer, lent, run, |_| {});
        let summary = lent.summary(peer, None, run);
        opening.summary = Signed::new(summary, &key("nobody"));
        (opening, hash)
    }),
    ("of another commitment", |peer, lent, run| {
        let (opening, _) = of_changed(peer, lent, run, |_| {});
        (opening, Hash::of(b"another"))
    }),
    ("with another salt", |peer, lent, run| {
        let (mut opening, hash) = of_changed(peer, lent, run, |_| {});
        opening.salt = peer.fresh();
        (opening, hash)
    }),
    ("with a better summary than was fixed", |peer, lent, run| {
        let (opening, _) = of_changed(peer, lent, run, |_| {});
        let (_, hash) = of_changed(peer, lent, run, |summary| summary.fuel = Fuel(1));
        (opening, hash)
    }),
    ("of another attempt", |peer, lent, run| {
        of_changed(peer, lent, run, |summary| summary.attempt.attempt += 1)
    }),
    ("of another task", |peer, lent, run| {
        of_changed(peer, lent, run, |summary| {
            summary.attempt.task = TaskId([9; 16]);
        })
    }),
    ("of another term", |peer, lent, run| {
        of_changed(peer, lent, run, |summary| summary.term += 1)
    }),
    ("as another part", |peer, lent, run| {
        of_changed(peer, lent, run, |summary| {
            summary.part = match summary.part {
                Part::Author => Part::Checker,
                Part::Checker => Part::Author,
            };
        })
    }),
    ("bound to another node", |peer, lent, run| {
        let (opening, _) = of_changed(peer, lent, run, |_| {});
        let summary = lent.summary(peer, None, run);
        (
            opening.clone(),
            summary.commitment(key("nobody").peer_id(), &opening.salt),
        )
    }),
];

/// Has `opens` tried by an author and by a checker; what honest nodes do comes back right, and nobody honest is blamed.
fn is_harmless(scene: &Scene, number: u32, name: &str, opens: Opens) {
    for part in [Part::Author, Part::Checker] {
        let peer = Peer::join(&scene.network, &format!("{name} {part:?}"));
        let (running, lent) = match part {
            Part::Author => scene.lent_to(&peer, number),
            Part::Checker => scene.checked_by(&peer, number),
        };
        let truth = forge(&peer, scene.truth(&lent, None), |_| {});
        let (opening, commitment) = opens(&peer, &lent, &truth);
        peer.will_open(lent.held, opening);
        accepted(&peer.commit(lent.held, commitment, None));
        scene.resume();
        let ended = running.join().unwrap();
        scene.blames_nobody_honest();
        let answer = scene.printed(&ended, number);
        let signer = &answer["receipt"]["signer"];
        assert_ne!(*signer, peer.id().to_string(), "{name}, {part:?}");
    }
}

#[test]
fn a_result_that_is_not_what_was_fixed_or_lent_counts_for_nothing() {
    let scene = Scene::new();
    for (number, (name, opens)) in (100..).zip(OPENINGS) {
        is_harmless(&scene, number, name, opens);
    }
    assert_eq!(scene.evidence(), [""; 0], "none of it proves a lie");
}

#[test]
fn a_copied_commitment_opens_for_nobody_else() {
    let scene = Scene::new();
    let author = Peer::join(&scene.network, "author");
    let copier = Peer::join(&scene.network, "copier");
    let (running, lent) = scene.lent_to(&author, 7);
    let truth = forge(&author, scene.truth(&lent, None), |_| {});
    let (opening, commitment) = lent.opening(&author, lent.summary(&author, None, &truth), &truth);
    author.will_open(lent.held, opening.clone());
    accepted(&author.commit(lent.held, commitment, None));
    let copied = support::wait_for("a lease", || copier.take(1_000));
    assert!(!copied.is_author());
    copier.will_open(copied.held, opening);
    accepted(&copier.commit(copied.held, commitment, None));
    scene.resume();
    let answer = scene.is_right(running, 7);
    assert_eq!(answer["receipt"]["signer"], author.id().to_string());
}

#[test]
fn a_result_of_another_network_counts_for_nothing() {
    let scene = Scene::new();
    is_harmless(&scene, 1, "of another network", |peer, lent, run| {
        of_changed(peer, lent, run, |summary| {
            summary.network = NetworkId([9; 32])
        })
    });
    scene.still_works(2);
}

#[test]
fn a_result_of_an_answer_that_was_never_given_blames_no_honest_checker() {
    let scene = Scene::new();
    is_harmless(&scene, 1, "of another answer", |peer, lent, run| {
        of_changed(peer, lent, run, |summary| {
            summary.answer = ContentRef::of(b"other")
        })
    });
    scene.still_works(2);
}

#[test]
fn a_report_that_is_not_what_was_signed_does_not_reach_the_user_in_its_place() {
    let scene = Scene::new();
    is_harmless(&scene, 1, "with an unreadable report", |peer, lent, run| {
        let (mut opening, hash) = of_changed(peer, lent, run, |_| {});
        opening.report = Sealed::Inline(b"nothing".to_vec());
        (opening, hash)
    });
    is_harmless(&scene, 2, "with another report", |peer, lent, run| {
        let (mut opening, hash) = of_changed(peer, lent, run, |_| {});
        let mut told = run.clone();
        told.stdout = "3\n".into();
        let report = serde_json::to_vec(&told).unwrap();
        opening.report = lent.seal(peer, label::REPORT, &report);
        (opening, hash)
    });
}

#[test]
fn whoever_signs_another_thing_than_it_reports_has_signed_nothing() {
    let scene = Scene::new();
    // The lie in what is signed, and the truth in the report, so that what is kept of the lie would replay as true.
    is_harmless(
        &scene,
        5,
        "with a lie beside the truth",
        |peer, lent, run| {
            let lie = forge(peer, run.clone(), |body| body.fuel = Fuel(1));
            lent.opening(peer, lent.summary(peer, None, &lie), run)
        },
    );
    assert_eq!(scene.evidence(), [""; 0]);
    scene.still_works(6);
}

#[test]
fn whoever_signs_a_lie_is_named_with_evidence_that_replays_as_one() {
    let scene = Scene::new();
    let peer = Peer::join(&scene.network, "liar");
    let checked = scene.checked_by(&peer, 5);
    lies_about_fuel(&scene, &peer, checked, 5);
    // It is proposed to the operators with what proves it, wherever they look, and nobody is listed by that.
    let bundle = Hash::of(&std::fs::read(&scene.evidence()[0]).unwrap()).to_string();
    for node in [&scene.network.founder, &scene.workers[0]] {
        let said = node.home.run("council requests --json").json();
        let charges = said["charges"].as_array().unwrap();
        assert_eq!(charges.len(), 1, "{said}");
        assert_eq!(charges[0]["peer"], peer.id().to_string());
        assert_eq!(charges[0]["evidence"], bundle.as_str());
    }
}

#[test]
fn a_lie_about_a_sealed_task_is_found_by_its_submitter_and_costs_the_liar_that_task() {
    let mut scene = Scene::new();
    scene.class = "sealed";
    let liars = ["checker", "author"].map(|name| Peer::join(&scene.network, name));
    let checked = scene.checked_by(&liars[0], 5);
    lies_about_fuel(&scene, &liars[0], checked, 5);
    let authored = scene.lent_to(&liars[1], 6);
    lies_about_fuel(&scene, &liars[1], authored, 6);
    scene.blames_nobody_honest();
    // Nobody takes a submitter's word for more: both are lent things again.
    scene.class = "mesh";
    for (number, liar) in (10..).zip(&liars) {
        let (running, lent) = scene.lent_to(liar, number);
        liar.hand_back(&lent, WhyBack::Drained);
        scene.resume();
        scene.is_right(running, number);
    }
}

/// `peer` signs another fuel than was burned; the truth is delivered, and evidence that replays as a lie is kept.
fn lies_about_fuel(
    scene: &Scene,
    peer: &Peer,
    (running, lent): (std::thread::JoinHandle<support::Said>, Lent),
    number: u32,
) {
    let truth = forge(peer, scene.truth(&lent, None), |_| {});
    let lie = forge(peer, truth, |body| body.fuel = Fuel(1));
    accepted(&lent.hand_in(peer, None, lie));
    scene.resume();
    scene.is_right(running, number);
    let name = peer.id().to_string();
    let is_named = |path: &String| path.contains(&name);
    let named = support::wait_for("evidence", || scene.evidence().into_iter().find(is_named));
    let words = ["replay", "--json", named.as_str()];
    let said = scene.workers[0].home.edgecoder(&words).json();
    assert_eq!(said["verdict"], "disagreed", "{said}");
}

#[test]
fn an_answer_is_given_once_and_is_what_the_checker_replays() {
    let scene = Scene::new();
    let peer = Peer::join(&scene.network, "author");
    let (solving, lent) = scene.asks_of(&peer);
    let truth = forge(&peer, scene.truth(&lent, Some(SOLUTION)), |_| {});
    let answer = lent.sealed_answer(&peer, SOLUTION);
    let (opening, commitment) =
        lent.opening(&peer, lent.summary(&peer, Some(&answer), &truth), &truth);
    refused(
        &peer.commit(lent.held, commitment, None),
        "lacks its answer",
    );
    // Its checker would replay this, and the summary is of the other.
    let other = lent.sealed_answer(&peer, "def largest(nums):\n    return 9\n");
    peer.will_open(lent.held, opening);
    accepted(&peer.commit(lent.held, commitment, Some(other)));
    scene.resume();
    let done = scene.is_solved(solving);
    assert!(
        !done["code"].as_str().unwrap().contains("return 9"),
        "{done}"
    );
    assert!(scene.evidence().is_empty(), "{:?}", scene.evidence());
}

#[test]
fn an_answer_that_nobody_can_read_is_its_authors_fault() {
    let unreadable: [fn(&Peer, &Lent) -> Sealed; 3] = [
        |_, _| Sealed::Inline(Vec::new()),
        |_, _| Sealed::Inline(vec![7; 100]),
        |peer, lent| lent.seal(peer, label::ANSWER, b"{\"code\": 9}"),
    ];
    let scene = Scene::new();
    for (number, answer) in unreadable.into_iter().enumerate() {
        let peer = Peer::join(&scene.network, &format!("author {number}"));
        let (solving, lent) = scene.asks_of(&peer);
        let answer = answer(&peer, &lent);
        let truth = forge(&peer, scene.truth(&lent, Some(SOLUTION)), |_| {});
        let (opening, commitment) =
            lent.opening(&peer, lent.summary(&peer, Some(&answer), &truth), &truth);
        peer.will_open(lent.held, opening);
        accepted(&peer.commit(lent.held, commitment, Some(answer)));
        scene.resume();
        scene.is_solved(solving);
    }
}

#[test]
fn one_worker_alone_cannot_have_a_task_fail() {
    let scene = Scene::new();
    let peer = Peer::join(&scene.network, "author");
    let (running, lent) = scene.lent_to(&peer, 6);
    peer.hand_back(&lent, WhyBack::Impossible);
    scene.resume();
    scene.is_right(running, 6);
}

#[test]
fn a_checker_that_keeps_its_lease_and_never_answers_does_not_hold_the_task() {
    let scene = Scene::new();
    let peer = Peer::join(&scene.network, "checker");
    let (running, _lent) = scene.checked_by(&peer, 8);
    scene.resume();
    scene.is_right(running, 8);
}
