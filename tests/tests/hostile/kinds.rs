//! Every kind of request that there is, well-formed, as a hostile node can send it by the hundred.

use std::ops::Range;

use edgecoder_protocol::{
    Hash, Signed, TaskId,
    wire::{
        Commit, HELD_MAX, Held, INLINE_MAX, KEPT_MAX, Kept, Mark, Request, Response, Sealed,
        Submission, WhyBack,
    },
    work::{AttemptId, Part, SubtaskLease},
};

use crate::support::peer::{Draft, Peer, draft, now};

/// Bytes of the longest sentence that a message may carry.
const SENTENCE: usize = 2_048;

fn task(number: u32) -> TaskId {
    let mut id = [6; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    TaskId(id)
}

/// A lease that there is not.
fn held(number: u32) -> Held {
    let attempt = AttemptId {
        task: TaskId([3; 16]),
        subtask: 0,
        attempt: number,
    };
    Held {
        attempt,
        part: Part::Author,
        term: 1,
    }
}

/// Sealed bytes, as many as a message carries, and others for each number.
fn sealed(number: u32) -> Sealed {
    Sealed::Inline(number.to_le_bytes().repeat(INLINE_MAX / 4))
}

/// Who the requests are for.
#[derive(Clone, Copy, Debug)]
pub enum To {
    Coordinator,
    Worker,
}

/// Requests of one kind: who sends them (those of one name are one node), to whom, and what each is answered.
pub struct Kind {
    pub from: &'static str,
    pub to: To,
    pub request: fn(&Peer, u32) -> Request,
    pub fits: fn(&Response) -> bool,
}

/// Those of [`KINDS`] that are a submitter's, about tasks of its own.
pub const TASKS: Range<usize> = 2..6;

/// Where the kind stands in [`KINDS`]: a new one belongs there as well.
pub fn place(request: &Request) -> usize {
    match request {
        Request::Register(_) => 0,
        Request::Peers { .. } => 1,
        Request::Submit(_) => 2,
        Request::Watch { .. } => 3,
        Request::Cancel { .. } => 4,
        Request::Received { .. } => 5,
        Request::Take { .. } => 6,
        Request::Heartbeat { .. } => 7,
        Request::Commit(_) => 8,
        Request::GiveBack { .. } => 9,
        Request::Judge { .. } => 10,
        Request::Resolve { .. } => 11,
        Request::Open { .. } => 12,
        Request::Stop { .. } => 13,
        Request::Keep(_) => 14,
        Request::Unkeep { .. } => 15,
        Request::Marks { .. } => 16,
        Request::Fetch { .. } => 17,
        Request::Key { .. } => 18,
        Request::AskAdmission { .. } => 19,
        Request::Desk => 20,
    }
}

fn is_done(response: &Response) -> bool {
    matches!(response, Response::Done { .. })
}

fn is_refused(response: &Response) -> bool {
    matches!(response, Response::Refused(error) if !error.next.is_empty())
}

fn is_elsewhere(response: &Response) -> bool {
    matches!(response, Response::Elsewhere { .. })
}

pub const KINDS: [Kind; 21] = [
    Kind {
        from: "registrant",
        to: To::Coordinator,
        request: |peer, _| Request::Register(Box::new(peer.signed_record())),
        fits: is_done,
    },
    Kind {
        from: "reader",
        to: To::Coordinator,
        request: |_, _| Request::Peers { after: None },
        fits: |response| matches!(response, Response::Peers(listed) if !listed.is_empty()),
    },
    Kind {
        from: "submitter",
        to: To::Coordinator,
        request: |peer, number| {
            let Draft { spec, job, key, .. } = draft(peer, task(number));
            let spec = Signed::new(spec, peer.key());
            let keys = vec![(peer.coordinator(), key)];
            Request::Submit(Box::new(Submission { spec, job, keys }))
        },
        fits: is_done,
    },
    // Of its own tasks, and it waits for news that do not come.
    Kind {
        from: "submitter",
        to: To::Coordinator,
        request: |_, number| Request::Watch {
            task: task(number),
            after: u64::MAX,
            wait_ms: 100,
        },
        fits: |response| matches!(response, Response::Task(_)),
    },
    Kind {
        from: "submitter",
        to: To::Coordinator,
        request: |_, number| Request::Cancel { task: task(number) },
        fits: is_done,
    },
    Kind {
        from: "submitter",
        to: To::Coordinator,
        request: |_, number| Request::Received { task: task(number) },
        fits: is_done,
    },
    // What it is lent it does nothing about.
    Kind {
        from: "taker",
        to: To::Coordinator,
        request: |peer, _| Request::Take {
            keys: vec![Signed::new(peer.lease_key().1, peer.key())],
            wait_ms: 100,
        },
        fits: |response| matches!(response, Response::Granted { .. }),
    },
    Kind {
        from: "holder",
        to: To::Coordinator,
        request: |_, _| Request::Heartbeat {
            held: (0..HELD_MAX as u32).map(held).collect(),
        },
        fits: |response| matches!(response, Response::Lost { held, .. } if held.len() == HELD_MAX),
    },
    Kind {
        from: "author",
        to: To::Coordinator,
        request: |_, number| {
            Request::Commit(Box::new(Commit {
                held: held(number),
                commitment: Hash::of(b"anything"),
                answer: Some(sealed(number)),
            }))
        },
        fits: is_refused,
    },
    Kind {
        from: "returner",
        to: To::Coordinator,
        request: |_, number| Request::GiveBack {
            held: held(number),
            why: WhyBack::Impossible,
            sentence: "s".repeat(SENTENCE),
        },
        fits: is_done,
    },
    Kind {
        from: "judge",
        to: To::Coordinator,
        request: |_, number| Request::Judge {
            held: held(number),
            opening: None,
        },
        fits: is_refused,
    },
    Kind {
        from: "resolver",
        to: To::Coordinator,
        request: |_, number| Request::Resolve {
            task: task(number),
            step: 0,
            answer: sealed(number),
        },
        fits: is_refused,
    },
    // These two are the coordinator's to say.
    Kind {
        from: "opener",
        to: To::Worker,
        request: |_, number| Request::Open { held: held(number) },
        fits: is_refused,
    },
    Kind {
        from: "stopper",
        to: To::Worker,
        request: |_, number| Request::Stop { held: held(number) },
        fits: is_refused,
    },
    // These four are among members of the council.
    Kind {
        from: "sharer",
        to: To::Coordinator,
        request: |_, number| {
            let kept = |_| Kept {
                task: task(number),
                mark: Mark {
                    term: u64::MAX,
                    version: u64::MAX,
                },
                record: vec![0; 1 << 10],
            };
            Request::Keep((0..KEPT_MAX).map(kept).collect())
        },
        fits: is_elsewhere,
    },
    Kind {
        from: "forgetter",
        to: To::Coordinator,
        request: |_, number| Request::Unkeep {
            task: task(number),
            term: u64::MAX,
        },
        fits: is_elsewhere,
    },
    Kind {
        from: "lister",
        to: To::Coordinator,
        request: |_, _| Request::Marks { after: None },
        fits: is_refused,
    },
    Kind {
        from: "fetcher",
        to: To::Coordinator,
        request: |_, number| Request::Fetch { task: task(number) },
        fits: is_refused,
    },
    Kind {
        from: "key seeker",
        to: To::Coordinator,
        request: |peer, number| {
            let key = peer.lease_key().1;
            let lease = SubtaskLease {
                network: peer.network(),
                attempt: held(number).attempt,
                part: Part::Author,
                worker: peer.id(),
                key: key.key,
                term: 1,
                granted: now(),
            };
            Request::Key {
                lease: Box::new(Signed::new(lease, peer.key())),
                key: Box::new(Signed::new(key, peer.key())),
            }
        },
        fits: is_refused,
    },
    Kind {
        from: "stranger",
        to: To::Coordinator,
        request: |_, number| Request::AskAdmission {
            is_trusted: false,
            note: number.to_string(),
        },
        fits: is_done,
    },
    Kind {
        from: "clerk",
        to: To::Coordinator,
        request: |_, _| Request::Desk,
        fits: |response| matches!(response, Response::Desk(_)),
    },
];
