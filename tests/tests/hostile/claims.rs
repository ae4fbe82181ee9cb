//! Records, keys and tasks that are not the asker's own, or not of this network.

use edgecoder_protocol::{
    Fuel, NetworkId, PeerId, Signed, TaskId, Tokens,
    operator::{Blob, ExecRequest},
    record::PeerRecord,
    sealing::{Purpose, TaskKey, WrappedKey},
    task::PrivacyClass,
    wire::{Request, Response, Sealed, Submission},
    work::{ContentRef, Job, LeaseKey, Requirements, TaskSpec, label},
};

use super::{accepted, refused};
use crate::support::peer::{Peer, Scene, key};

/// What the coordinator has heard of everybody.
fn records(peer: &Peer) -> Vec<Signed<PeerRecord>> {
    match peer.ask(Request::Peers { after: None }) {
        Response::Peers(listed) => listed.into_iter().map(|one| one.record).collect(),
        other => panic!("{other:?}"),
    }
}

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

/// A task as an honest node would send it.
struct Draft {
    spec: TaskSpec,
    job: Sealed,
    key: WrappedKey,
}

fn draft(peer: &Peer, id: u8) -> Draft {
    let known = records(peer);
    let coordinator = known.iter().find_map(|record| {
        let (record, signer) = record.open().unwrap();
        (signer == peer.coordinator()).then(|| record.clone())
    });
    let coordinator = coordinator.unwrap();
    let path = edgecoder_protocol::RelPath::new("main.py").unwrap();
    let request = ExecRequest {
        files: edgecoder_protocol::operator::Files(
            [(path.clone(), Blob(b"print(1)".to_vec()))].into(),
        ),
        entry: path,
        tests: None,
        stdin: Blob::default(),
        seed: 0,
        limits: None,
        bundle: false,
        privacy: PrivacyClass::Local,
    };
    let (id, key) = (TaskId([id; 16]), TaskKey::new(&mut peer.fresh()));
    let nonce = peer.fresh();
    let bytes = Job::Exec(request).to_bytes().unwrap();
    let sealed = key.seal(label::JOB, &bytes, nonce.first_chunk().unwrap());
    let job = Sealed::Inline(sealed.unwrap());
    let spec = TaskSpec {
        network: peer.network(),
        id,
        class: PrivacyClass::Mesh,
        requirements: Requirements {
            languages: vec!["python".into()],
            profile: peer.record().profile,
            model: false,
        },
        content: job.reference(),
        heldout: None,
        tokens: Tokens(0),
        fuel: Fuel(60_000_000_000),
        deadline_ms: 60_000,
    };
    let purpose = of_whole(id, coordinator.peer);
    let key = key.wrap(&coordinator.seal, &purpose, &mut peer.fresh());
    Draft {
        spec,
        job,
        key: key.unwrap(),
    }
}

/// Why a coordinator reads a task.
fn of_whole(task: TaskId, reader: PeerId) -> Purpose {
    Purpose {
        task,
        subtask: 0,
        attempt: 0,
        reader,
        term: 0,
    }
}

fn submit(peer: &Peer, spec: Signed<TaskSpec>, job: Sealed, key: Option<WrappedKey>) -> Response {
    peer.ask(Request::Submit(Box::new(Submission { spec, job, key })))
}

#[test]
fn a_task_comes_from_its_signer_whole_and_readable() {
    let scene = Scene::new();
    let peer = Peer::join(&scene.network, "stranger");
    let sign = |spec: TaskSpec| Signed::new(spec, peer.key());
    let with = |change: fn(&mut TaskSpec), is_keyed: bool| {
        let Draft { mut spec, job, key } = draft(&peer, 1);
        change(&mut spec);
        submit(&peer, sign(spec), job, is_keyed.then_some(key))
    };
    let Draft { spec, job, key: of } = draft(&peer, 1);
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
    let Draft { spec, job, key } = draft(&owner, 5);
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
    let Draft { spec, job, key } = draft(&thief, 5);
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
