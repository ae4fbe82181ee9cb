//! Which leases are believed, and what is signed.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_lease_of_which_anything_is_wrong_is_dropped() {
    let mut world = World::new(8);
    let (keys, reply) = world.take().await;
    let right = |subtask: u16| lease(subtask, &keys[usize::from(subtask)]);
    let foreign = SealKey([1; 32]);
    let grants = vec![
        grant(SubtaskLease {
            network: NetworkId([0; 32]),
            ..right(0)
        }),
        grant(SubtaskLease {
            worker: PeerId([2; 32]),
            ..right(1)
        }),
        grant(SubtaskLease {
            key: foreign,
            ..right(2)
        }),
        grant_by(right(3), &node()),
        forged(right(4)),
        // By another grant than the coordinator's.
        grant(SubtaskLease {
            term: 2,
            ..right(7)
        }),
        grant(right(5)),
        // One key is good for one lease.
        grant(SubtaskLease {
            attempt: attempt(6),
            ..right(5)
        }),
    ];
    reply.send(Ok(given(grants))).ok();
    let begun = soon(world.works.recv()).await.unwrap();
    assert_eq!(begun.grant, grant(right(5)));
    assert_eq!(world.stages(), [(5, Stage::Working)]);
    assert_eq!(world.worker.status().free, 7);
    let before = Instant::now();
    let (_, _waits) = world.take().await;
    let (request, _) = soon(world.asks.recv()).await.unwrap();
    let named = vec![held(5)];
    assert_eq!(request, Request::Heartbeat { held: named });
    assert_eq!(before.elapsed(), Duration::from_millis(500));
    assert!(world.works.try_recv().is_err());
}

/// A lease whose signature is the coordinator's, but of something else.
fn forged(lease: SubtaskLease) -> Grant {
    let mut forged = grant(lease);
    let mut bytes = forged.lease.to_bytes();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    forged.lease = Signed::from_bytes(&bytes).unwrap();
    forged
}

#[tokio::test(start_paused = true)]
async fn a_result_that_does_not_fit_its_lease_is_never_signed() {
    let large = Sealed::Inline(vec![0; edgecoder_protocol::wire::INLINE_MAX + 1]);
    let summary = || made(1).summary;
    let with = |summary| Made { summary, ..made(1) };
    let cases = [
        (made(2), "not of the lease"),
        (
            with(ResultSummary {
                part: Part::Checker,
                ..summary()
            }),
            "not of the lease",
        ),
        (
            with(ResultSummary {
                term: 4,
                ..summary()
            }),
            "not of the lease",
        ),
        (
            with(ResultSummary {
                network: NetworkId([0; 32]),
                ..summary()
            }),
            "not of the lease",
        ),
        (
            with(ResultSummary {
                answer: ContentRef::of(b"other"),
                ..summary()
            }),
            "not the one that was judged",
        ),
        (
            Made {
                report: large,
                ..made(1)
            },
            "too large",
        ),
    ];
    for (made, reason) in cases {
        let mut world = World::new(1);
        let begun = world.begin(1).await;
        begun.deed.send(Deed::Made(Box::new(made))).ok();
        let (back, why, sentence, _) = world.given_back().await;
        assert_eq!((back, why), (held(1), WhyBack::Unable));
        assert!(sentence.contains(reason), "{sentence}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_result_without_an_answer_is_committed_to_as_well() {
    let mut world = World::new(1);
    let begun = world.begin(1).await;
    let answer = None;
    begun
        .deed
        .send(Deed::Made(Box::new(Made { answer, ..made(1) })))
        .ok();
    assert_eq!(world.committed().await.0.answer, None);
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_has_its_work_cancelled() {
    let mut world = World::new(1);
    let begun = world.begin(1).await;
    let (request, reply) = soon(world.asks.recv()).await.unwrap();
    assert!(matches!(request, Request::Heartbeat { .. }));
    let lost = Response::Lost {
        held: vec![held(1)],
        now: Millis(0),
    };
    assert!(!begun.stop.is_cancelled());
    reply.send(Ok(lost)).ok();
    soon(begun.stop.cancelled()).await;
    world.take().await;
    assert_eq!(world.stages(), []);
}

#[tokio::test(start_paused = true)]
async fn the_coordinator_alone_may_stop_work() {
    let mut world = World::new(1);
    let begun = world.begin(1).await;
    let refused = world.worker.stopped(PeerId([2; 32]), held(1)).await;
    assert_eq!(refusal(&refused), Some(ErrorKind::Policy));
    assert!(!begun.stop.is_cancelled());
    let answer = world.worker.stopped(chief().peer_id(), held(1)).await;
    assert!(matches!(answer, Response::Done { .. }), "{answer:?}");
    assert!(begun.stop.is_cancelled());
    world.take().await;
}
