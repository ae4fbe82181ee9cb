//! A workshop that breaks, a coordinator that is silent.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_workshop_that_panics_costs_its_lease_and_nothing_else() {
    let mut world = World::new(1);
    let begun = world.begin(1).await;
    begun.deed.send(Deed::Panic).ok();
    let (back, why, _, reply) = world.given_back().await;
    assert_eq!((back, why), (held(1), WhyBack::Unable));
    reply.send(Ok(done())).ok();
    let begun = world.begin(2).await;
    begun.deed.send(Deed::Made(Box::new(made(2)))).ok();
    assert_eq!(world.committed().await.0.held, held(2));
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_end_when_cancelled_is_dropped_after_five_seconds() {
    let mut world = World::new(1);
    let begun = world.begin(1).await;
    begun.deed.send(Deed::Deaf).ok();
    world.worker.stopped(chief().peer_id(), held(1)).await;
    let before = Instant::now();
    assert_eq!(world.worker.status().free, 0, "its slot is not free yet");
    world.take().await;
    assert_eq!(before.elapsed().as_secs(), 5);
    assert_eq!(world.worker.status().free, 1);
}

#[tokio::test(start_paused = true)]
async fn what_came_to_nothing_is_given_back_with_its_reason() {
    let mut world = World::new(1);
    let begun = world.begin(1).await;
    let not_made = NotMade {
        why: WhyBack::Impossible,
        sentence: "It asks for ".to_owned() + &"ü".repeat(2_000),
    };
    begun.deed.send(Deed::NotMade(not_made)).ok();
    let (back, why, sentence, _) = world.given_back().await;
    assert_eq!((back, why), (held(1), WhyBack::Impossible));
    assert!(sentence.starts_with("It asks for ü") && sentence.len() <= 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_commitment_that_nobody_answers_is_sent_again_and_is_the_same() {
    let mut world = World::new(1);
    let begun = world.begin(1).await;
    begun.deed.send(Deed::Made(Box::new(made(1)))).ok();
    let (first, silent) = world.committed().await;
    let before = Instant::now();
    let (second, reply) = world.committed().await;
    assert!(
        before.elapsed() > Duration::from_secs(5),
        "it waited for the answer"
    );
    reply.send(Err(AskError::Unreachable("away".into()))).ok();
    let (third, reply) = world.committed().await;
    reply.send(Ok(done())).ok();
    assert_eq!((&first, &second), (&second, &third));
    drop(silent);
    world.take().await;
    assert_eq!(world.stages(), [(1, Stage::Committed)]);
}

#[tokio::test(start_paused = true)]
async fn a_request_for_work_that_nobody_answers_is_made_again() {
    let mut world = World::new(1);
    let (_, silent) = world.take().await;
    let before = Instant::now();
    world.take().await;
    let waited = before.elapsed().as_secs_f64();
    assert!((8.0..10.0).contains(&waited), "{waited} s");
    assert_eq!(world.worker.status().state.to_string(), "unreachable");
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_another_question_is_no_work() {
    let mut world = World::new(1);
    let (_, reply) = world.take().await;
    reply.send(Ok(Response::Peers(Vec::new()))).ok();
    world.take().await;
    assert_eq!(world.stages(), []);
}
