//! A coordinator that dies with a thousand tasks waiting: none is lost, and each is delivered once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

use edgecoder_protocol::{
    Signed, TaskId, TaskState,
    wire::{Request, Response},
};

use support::peer::{Draft, Peer, Scene, draft, submit};

mod support;

const TASKS: u16 = 1_000;

fn id(number: u16) -> TaskId {
    let mut id = [7; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    TaskId(id)
}

fn state(peer: &Peer, number: u16, wait_ms: u32) -> Option<(TaskState, usize)> {
    let task = id(number);
    let (after, wait_ms) = (if wait_ms > 0 { u64::MAX } else { 0 }, wait_ms);
    match peer.try_ask(Request::Watch {
        task,
        after,
        wait_ms,
    })? {
        Response::Task(news) => Some((news.state, news.results.len())),
        // It is being granted the duty anew.
        Response::Elsewhere { .. } => None,
        other => panic!("task {number} is lost: {other:?}"),
    }
}

#[test]
fn a_coordinator_that_dies_with_a_thousand_tasks_loses_none_and_delivers_each_once() {
    let mut scene = Scene::new();
    let peer = Peer::join(&scene.network, "submitter");
    for number in 0..TASKS {
        let Draft { spec, job, key, .. } = draft(&peer, id(number));
        let sent = submit(&peer, Signed::new(spec, peer.key()), job, Some(key));
        assert!(matches!(sent, Response::Done { .. }), "{number}: {sent:?}");
    }
    let address = scene.network.founder.view()["addresses"][0].clone();
    let address = address.as_str().unwrap().split("/p2p/").next().unwrap();
    scene.network.founder.kill();
    // Where all know it to be.
    scene
        .network
        .founder
        .home
        .set("EDGECODER_LISTEN", Some(address));
    scene.network.founder.start();
    let is_back = || state(&peer, 0, 0).map(|_| ());
    support::wait_for("the coordinator", is_back);
    for number in 0..TASKS {
        let (state, results) = state(&peer, number, 0).unwrap();
        assert!(!state.is_final() && results == 0, "{number}: {state:?}");
    }
    scene.network.founder.wait_registered();
    for worker in &scene.workers {
        worker.wait_registered();
    }
    scene.resume();
    for number in 0..TASKS {
        support::wait_for("a result", || {
            let (state, results) = state(&peer, number, 5_000)?;
            (state == TaskState::Checked && results == 1).then_some(())
        });
        let task = id(number);
        assert!(matches!(
            peer.ask(Request::Received { task }),
            Response::Done { .. }
        ));
        let again = peer.ask(Request::Watch {
            task,
            after: 0,
            wait_ms: 0,
        });
        assert!(
            matches!(again, Response::Refused(_)),
            "delivered twice: {again:?}"
        );
    }
}
