//! Tasks as an honest node would send them, for a test to send, change, or send twice.

use edgecoder_protocol::{
    Fuel, PeerId, Signed, TaskId, Tokens,
    operator::{Blob, ExecRequest},
    record::PeerRecord,
    sealing::{Purpose, TaskKey, WrappedKey},
    task::PrivacyClass,
    wire::{Request, Response, Sealed, Submission},
    work::{Job, Requirements, TaskSpec, label},
};

use super::Peer;

/// What the coordinator has heard of everybody.
pub fn records(peer: &Peer) -> Vec<Signed<PeerRecord>> {
    match peer.ask(Request::Peers { after: None }) {
        Response::Peers(listed) => listed.into_iter().map(|one| one.record).collect(),
        other => panic!("{other:?}"),
    }
}

/// A task as an honest node would send it.
pub struct Draft {
    pub spec: TaskSpec,
    pub job: Sealed,
    pub key: WrappedKey,
    /// The same for everybody whose record the coordinator has.
    pub keys: Vec<(PeerId, WrappedKey)>,
}

/// A task of `peer` that prints 1, sealed for the coordinator.
pub fn draft(peer: &Peer, id: TaskId) -> Draft {
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
    let key = TaskKey::new(&mut peer.fresh());
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
        deadline_ms: 600_000,
    };
    let wrap = |reader: &PeerRecord| {
        let purpose = Purpose::of_member(id, reader.peer);
        key.wrap(&reader.seal, &purpose, &mut peer.fresh()).unwrap()
    };
    let all = known.iter().map(|record| record.open().unwrap().0);
    Draft {
        key: wrap(&coordinator),
        keys: all.map(|reader| (reader.peer, wrap(reader))).collect(),
        spec,
        job,
    }
}

/// Sends it.
pub fn submit(
    peer: &Peer,
    spec: Signed<TaskSpec>,
    job: Sealed,
    key: Option<WrappedKey>,
) -> Response {
    let keys = key.map(|key| (peer.coordinator(), key));
    let keys = keys.into_iter().collect();
    peer.ask(Request::Submit(Box::new(Submission { spec, job, keys })))
}
