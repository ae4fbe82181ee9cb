//! Messages read back whole; nothing else is one, and no cap can be passed by.

use super::*;
use crate::{
    ids::{PeerId, TaskId},
    task::TaskState,
    work::{AttemptId, Part},
};

fn held() -> Held {
    Held {
        attempt: AttemptId {
            task: TaskId([1; 16]),
            subtask: 2,
            attempt: 3,
        },
        part: Part::Checker,
        term: 4,
    }
}

fn read(bytes: &[u8]) -> Result<Request, WireError> {
    decode::<Request, CONTROL_MAX>(bytes)
}

#[test]
fn a_message_reads_back_whole_and_nothing_else_does() {
    let message = Request::Heartbeat { held: vec![held()] };
    let bytes = encode::<_, CONTROL_MAX>(&message).unwrap();
    assert_eq!(read(&bytes), Ok(message));
    for cut in 0..bytes.len() {
        let got = read(&bytes[..cut]);
        assert!(
            matches!(got, Err(WireError::Malformed(_))),
            "{cut}: {got:?}"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(read(&longer), Err(WireError::Trailing(1)));
}

#[test]
fn a_message_above_the_services_cap_is_neither_sent_nor_read() {
    let sentence = "x".repeat(CONTROL_MAX);
    let message = Request::GiveBack {
        held: held(),
        why: WhyBack::Unable,
        sentence,
    };
    let too_large = WireError::TooLarge { max: CONTROL_MAX };
    assert_eq!(encode::<_, CONTROL_MAX>(&message), Err(too_large.clone()));
    assert_eq!(read(&vec![0; CONTROL_MAX + 1]), Err(too_large));
}

#[test]
fn lists_and_texts_above_their_caps_are_not_read() {
    let refused = |message: &Request| {
        let bytes = encode::<_, CONTROL_MAX>(message).unwrap();
        matches!(read(&bytes), Err(WireError::Malformed(_)))
    };
    let beats = |count| Request::Heartbeat {
        held: vec![held(); count],
    };
    assert!(!refused(&beats(HELD_MAX)));
    assert!(refused(&beats(HELD_MAX + 1)));
    let back = |length| Request::GiveBack {
        held: held(),
        why: WhyBack::Drained,
        sentence: "x".repeat(length),
    };
    assert!(!refused(&back(2_048)));
    assert!(refused(&back(2_049)));
    let bytes = |count| Sealed::Inline(vec![0; count]);
    let inline = |sealed: &Sealed| {
        let bytes = encode::<_, CONTROL_MAX>(sealed).unwrap();
        decode::<Sealed, CONTROL_MAX>(&bytes)
    };
    assert_eq!(inline(&bytes(INLINE_MAX)), Ok(bytes(INLINE_MAX)));
    assert!(inline(&bytes(INLINE_MAX + 1)).is_err());
    let news = |readers| {
        let news = News {
            cursor: 0,
            state: TaskState::Queued,
            notes: Vec::new(),
            fault: None,
            plan: None,
            results: Vec::new(),
            asks: None,
            dispute: None,
            readers: vec![PeerId([1; 32]); readers],
        };
        let bytes = encode::<_, CONTROL_MAX>(&Response::Task(Box::new(news))).unwrap();
        decode::<Response, CONTROL_MAX>(&bytes)
    };
    assert!(news(1_024).is_ok());
    assert!(news(1_025).is_err());
}

#[test]
fn a_length_that_lies_allocates_nothing() {
    // A heartbeat with a list of 2^60 leases.
    let bytes = encode::<_, CONTROL_MAX>(&Request::Heartbeat { held: Vec::new() }).unwrap();
    let lying = [&bytes[..4], &(1u64 << 60).to_le_bytes()].concat();
    assert!(matches!(read(&lying), Err(WireError::Malformed(_))));
}

#[test]
fn random_bytes_are_never_a_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20_000_usize {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        let mut bytes: Vec<u8> = (0..round % 200).map(|_| next()).collect();
        // A valid tag more often than chance would give.
        if let Some(tag) = bytes.get_mut(..4) {
            tag.copy_from_slice(&[(round % 16) as u8, 0, 0, 0]);
        }
        read(&bytes).ok();
        decode::<Response, CONTROL_MAX>(&bytes).ok();
        decode::<ModelAsk, INFERENCE_MAX>(&bytes).ok();
    }
}
