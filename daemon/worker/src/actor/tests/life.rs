//! A lease from its grant to its opening, and a worker from its start to its end.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_lease_is_worked_on_committed_to_and_opened_only_after_that_and_for_the_coordinator() {
    let mut world = World::new(2);
    let (chief, stranger) = (chief().peer_id(), PeerId([2; 32]));
    let (keys, reply) = world.take().await;
    let lease = lease(1, &keys[1]);
    let offered = lease.key;
    let grant = grant(lease);
    reply.send(Ok(given(vec![grant.clone()]))).ok();
    let begun = soon(world.works.recv()).await.unwrap();
    assert_eq!(begun.grant, grant);
    assert_eq!(
        begun.key.public(),
        Ok(offered),
        "the private half of that key"
    );
    assert_eq!(
        refusal(&world.worker.opened(chief, held(1)).await),
        Some(ErrorKind::Conflict)
    );

    begun.deed.send(Deed::Made(Box::new(made(1)))).ok();
    let (commit, reply) = world.committed().await;
    assert!(world.beats.is_empty(), "the commitment confirms it");
    assert_eq!((commit.held, &commit.answer), (held(1), &made(1).answer));
    assert_eq!(
        refusal(&world.worker.opened(chief, held(1)).await),
        Some(ErrorKind::Conflict)
    );
    assert_eq!(world.stages(), [(1, Stage::Committing)]);

    reply.send(Ok(done())).ok();
    world.until(|status| status.counters.done == 1).await;
    assert_eq!(world.stages(), [(1, Stage::Committed)]);
    let refused = world.worker.opened(stranger, held(1)).await;
    assert_eq!(refusal(&refused), Some(ErrorKind::Policy));
    let Response::Opened(opening) = world.worker.opened(chief, held(1)).await else {
        panic!("not opened");
    };
    let summary = opening.summary.open_by(node().peer_id()).unwrap();
    assert_eq!(*summary, made(1).summary);
    assert_eq!(
        commit.commitment,
        summary.commitment(node().peer_id(), &opening.salt)
    );
    assert_eq!(
        (&opening.report, opening.tokens),
        (&made(1).report, Tokens(11))
    );
    assert_eq!(
        world.worker.opened(chief, held(1)).await,
        Response::Opened(opening)
    );
    assert_eq!(world.stages(), [(1, Stage::Opened)]);
    assert_eq!(world.worker.status().counters.done, 1);
}

#[tokio::test(start_paused = true)]
async fn no_key_and_no_salt_is_used_twice() {
    let mut world = World::new(16);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let (keys, reply) = world.take().await;
        assert_eq!(keys.len(), 16);
        for key in keys {
            let key = key.open_by(node().peer_id()).unwrap().key;
            assert!(seen.insert(key.0), "{key:?}");
        }
        reply.send(Ok(given(Vec::new()))).ok();
    }
    let mut salts = std::collections::BTreeSet::new();
    for subtask in 1..4 {
        let begun = world.begin(subtask).await;
        begun.deed.send(Deed::Made(Box::new(made(subtask)))).ok();
        let (_, reply) = world.committed().await;
        reply.send(Ok(done())).ok();
        world
            .until(|status| status.counters.done == u64::from(subtask))
            .await;
        match world.worker.opened(chief().peer_id(), held(subtask)).await {
            Response::Opened(opening) => assert!(salts.insert(opening.salt)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_is_silent_until_it_is_woken() {
    let mut world = World::new(1);
    let (_, reply) = world.take().await;
    tokio::time::advance(Duration::from_secs(4)).await;
    reply.send(Ok(given(Vec::new()))).ok();
    let silence = tokio::time::timeout(Duration::from_millis(14_900), world.asks.recv());
    assert!(silence.await.is_err());
    let before = Instant::now();
    world.worker.wake();
    world.take().await;
    assert!(before.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn it_works_on_when_nobody_holds_a_handle_any_more() {
    let mut world = World::new(1);
    let (_, reply) = world.take().await;
    let World {
        worker,
        mut asks,
        stop,
        ..
    } = world;
    drop(worker);
    reply.send(Err(AskError::Timeout)).ok();
    let next = soon(asks.recv()).await;
    assert!(matches!(next, Some((Request::Take { .. }, _))));
    assert!(!stop.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn what_the_owner_says_counts_once_it_has_returned() {
    let mut world = World::new(1);
    let (_, reply) = world.take().await;
    world.worker.pause().await;
    assert_eq!(world.worker.status().state.to_string(), "paused");
    reply.send(Ok(given(Vec::new()))).ok();
    let silence = tokio::time::timeout(Duration::from_secs(1_000), world.asks.recv());
    assert!(silence.await.is_err());
    world.worker.drain().await;
    assert_eq!(world.worker.status().state.to_string(), "draining");
    world
        .worker
        .set_policy(Policy {
            slots: 3,
            hours: None,
            only_when_idle: false,
        })
        .await;
    world.worker.resume().await;
    assert_eq!(world.worker.status().state.to_string(), "working");
    assert_eq!(world.take().await.0.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn when_the_node_stops_work_is_cancelled_and_given_back_and_results_can_still_be_opened() {
    let mut world = World::new(2);
    let finished = world.begin(1).await;
    finished.deed.send(Deed::Made(Box::new(made(1)))).ok();
    let (_, reply) = world.committed().await;
    reply.send(Ok(done())).ok();
    let begun = world.begin(2).await;
    world.stop.cancel();
    let (held_back, why, sentence, reply) = world.given_back().await;
    assert_eq!(
        (held_back, why, &*sentence),
        (held(2), WhyBack::Drained, "The node stops.")
    );
    assert!(begun.stop.is_cancelled());
    reply.send(Ok(done())).ok();
    assert_eq!(world.worker.status().state.to_string(), "draining");
    let before = Instant::now();
    let opened = world.worker.opened(chief().peer_id(), held(1)).await;
    assert!(matches!(opened, Response::Opened(_)), "{opened:?}");
    soon(world.task).await.unwrap();
    assert!(
        before.elapsed() < Duration::from_millis(10),
        "nothing is left to wait for"
    );
    let after = world.worker.opened(chief().peer_id(), held(1)).await;
    assert_eq!(refusal(&after), Some(ErrorKind::Conflict), "it has stopped");
    world.worker.pause().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_takes_two_seconds_at_most_whoever_is_silent() {
    let mut world = World::new(2);
    let begun = world.begin(1).await;
    begun.deed.send(Deed::Deaf).ok();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = Instant::now();
    world.stop.cancel();
    soon(world.task).await.unwrap();
    assert_eq!(before.elapsed().as_secs_f64().round() as u64, 2);
    assert!(begun.stop.is_cancelled());
}
