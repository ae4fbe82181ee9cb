//! Records, keys and tasks that are not the asker's own, or not of this network.

use edgecoder_protocol::{
    NetworkId, Signed, TaskId,
    record::PeerRecord,
    task::PrivacyClass,
    wire::{Request, Response, Sealed},
    work::{ContentRef, LeaseKey, TaskSpec},
};

use super::{accepted, refused};
use crate::support::peer::{Draft, Peer, Scene, draft, key, records, submit};

/// The same bytes with one bit of the signature changed.
fn damaged<T: edgecoder_protocol::canonical::Canonical>(signed: &Signed<T>) -> Signed<T> {
    let mut bytes = signed.to_bytes();
    bytes[5] ^= 1;
    Signed::from_bytes(&bytes).unwrap()
}

#[test]
fn a_node_registers_as_itself_in_its_own_network_alone() {
    let scene = Scene::new();
    let peer = Peer::join(&scene.network, "stranger");
    let own = peer.record();
    let another = key("another").peer_id();
    let honest = records(&peer)
        .into_iter()
        .find(|record| record.open().unwrap().1 != peer.id());
    let of = |record: PeerRecord| Signed::new(record, peer.key());
    let rows = [
        (honest.unwrap(), "another node's"),
        (
            of(PeerRecord {
                peer: another,
                ..own.clone()
            }),
            "expected",
        ),
        (
            of(PeerRecord {
                network: NetworkId([9; 32]),
                ..own.clone()
            }),
            "network",
        ),
        (Signed::new(own.clone(), &key("another")), "expected"),
        (damaged(&of(own)), "signature"),
    ];
    for (record, why) in rows {
        refused(&peer.ask(Request::Register(Box::new(record))), why);
    }
    let known = records(&peer);
    assert!(
        known
            .iter()
            .all(|record| record.open().unwrap().0.peer != another)
    );
    scene.still_works(1);
}

#[test]
fn work_is_lent_under_keys_of_the_node_that_asks() {
    let scene = Scene::new();
    let peer = Peer::join(&scene.network, "stranger");
    let running = scene.running(2);
    let own = || peer.lease_key().1;
    let signed = |key: LeaseKey| Signed::new(key, peer.key());
    let elsewhere = LeaseKey {
        network: NetworkId([9; 32]),
        ..own()
    };
    let rows = [
        vec![Signed::new(own(), &key("another"))],
        vec![signed(own()), Signed::new(own(), &key("another"))],
        vec![signed(elsewhere)],
        vec![damaged(&signed(own()))],
        vec![],
    ];
    for keys in rows {
        let answer = peer.ask(Request::Take { keys, wait_ms: 0 });
        refused(&answer, "lease key");
    }
    scene.resume();
    let answer = scene.is_right(running, 2);
    assert_ne!(answer["receipt"]["signer"], peer.id().to_string());
}

#[test]
fn a_task_comes_from_its_signer_whole_and_readable() {
    let scene = Scene::new();
    let peer = Peer::join(&scene.network, "stranger");
    let sign = |spec: TaskSpec| Signed::new(spec, peer.key());
    let with = |change: fn(&mut TaskSpec), is_keyed: bool| {
        let Draft {
            mut spec, job, key, ..
        } = draft(&peer, TaskId([1; 16]));
        change(&mut spec);
        submit(&peer, sign(spec), job, is_keyed.then_some(key))
    };
    let Draft {
        spec, job, key: of, ..
    } = draft(&peer, TaskId([1; 16]));
    let forged = Signed::new(spec.clone(), &key("another"));
    let key = || Some(of.clone());
    refused(&submit(&peer, forged, job.clone(), key()), "expected");
    let broken = damaged(&sign(spec.clone()));
    refused(&submit(&peer, broken, job.clone(), key()), "signature");
    let network = |spec: &mut TaskSpec| spec.network = NetworkId([9; 32]);
    refused(&with(network, true), "another network");
    let content = |spec: &mut TaskSpec| spec.content = ContentRef::of(b"other");
    refused(&with(content, true), "not what the task names");
    let other = Sealed::Inline(b"other".to_vec());
    refused(&submit(&peer, sign(spec.clone()), other, key()), "not what");
    let sealed = |spec: &mut TaskSpec| spec.class = PrivacyClass::Sealed;
    refused(&with(sealed, true), "came with its key");
    refused(&with(|_| {}, false), "without its key");
    let id = |spec: &mut TaskSpec| spec.id = TaskId([2; 16]);
    // The key was wrapped for another task.
    refused(&with(id, true), "sealed for another");
    let profile = |spec: &mut TaskSpec| spec.requirements.profile.0 = [9; 32];
    refused(&with(profile, true), "nobody here can do this");
    // It was none of that which kept it out.
    accepted(&submit(&peer, sign(spec), job, key()));
    scene.still_works(3);
}

#[test]
fn a_task_is_its_submitters_to_watch_withdraw_and_forget() {
    let scene = Scene::new();
    let owner = Peer::join(&scene.network, "owner");
    let thief = Peer::join(&scene.network, "thief");
    let Draft { spec, job, key, .. } = draft(&owner, TaskId([5; 16]));
    let task = spec.id;
    let signed = Signed::new(spec, owner.key());
    accepted(&submit(&owner, signed, job, Some(key)));
    let watch = || Request::Watch {
        task,
        after: 0,
        wait_ms: 0,
    };
    refused(&thief.ask(watch()), "does not know this task");
    // These say nothing of whether there is such a task.
    accepted(&thief.ask(Request::Cancel { task }));
    accepted(&thief.ask(Request::Received { task }));
    let Draft { spec, job, key, .. } = draft(&thief, TaskId([5; 16]));
    let signed = Signed::new(spec, thief.key());
    refused(&submit(&thief, signed, job, Some(key)), "id is taken");
    let standing = owner.ask(watch());
    let Response::Task(news) = standing else {
        panic!("{standing:?}");
    };
    assert!(!news.state.is_final(), "{news:?}");
    accepted(&owner.ask(Request::Cancel { task }));
    scene.still_works(4);
}
