//! Gossip: it reaches everybody, and what is rejected goes no further.

use crate::support::{MEMORY, Node, quiet, start, within};
use edgecoder_mesh::{Config, Event, GOSSIP_MAX, Offence, PublishError};

const TOPIC: &str = "edgecoder/tasks/1";

fn gossiping() -> Config {
    Config {
        gossip: true,
        subscriptions: vec![TOPIC.into()],
        ..quiet(MEMORY)
    }
}

/// Nodes 1 to `count`, each connected to the next.
async fn line(count: u8) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for number in 1..=count {
        let mut node = start(number, gossiping()).await;
        if let Some(last) = nodes.last() {
            node.join(last).await;
        }
        nodes.push(node);
    }
    nodes
}

/// Publishes as soon as a neighbour listens.
async fn publish(node: &Node, body: &[u8]) {
    within(async {
        while let Err(error) = node.mesh.publish(TOPIC, body.to_vec()).await {
            assert_eq!(error, PublishError::NoPeers);
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn is_gossip(event: &Event) -> bool {
    matches!(event, Event::Gossip { .. })
}

#[tokio::test]
async fn a_message_reaches_ten_nodes_in_a_line_with_its_author() {
    let mut nodes = line(10).await;
    let author = nodes[0].id();
    publish(&nodes[0], b"task").await;
    for number in 1..nodes.len() {
        let before = nodes[number - 1].id();
        let event = nodes[number].event(is_gossip).await;
        let Event::Gossip {
            topic,
            source,
            forwarder,
            body,
            verdict,
        } = event
        else {
            unreachable!()
        };
        assert_eq!(
            (topic.as_str(), source, body),
            (TOPIC, author, b"task".to_vec())
        );
        assert_eq!(forwarder, before, "the line has no short cuts");
        verdict.accept();
    }
    let again = nodes[0].mesh.publish(TOPIC, b"task".to_vec()).await;
    assert_eq!(again, Err(PublishError::Duplicate));
}

#[tokio::test]
async fn a_rejected_message_goes_no_further_and_lowers_its_forwarders_score() {
    let mut nodes = line(3).await;
    publish(&nodes[0], b"bad").await;
    let Event::Gossip { verdict, .. } = nodes[1].event(is_gossip).await else {
        unreachable!()
    };
    verdict.reject();
    let view = nodes[1].view(nodes[0].id(), |view| view.score < 0.0).await;
    assert_eq!(view.offences, 1);
    // What is ignored goes no further either, and blames nobody.
    publish(&nodes[0], b"odd").await;
    let Event::Gossip { verdict, .. } = nodes[1].event(is_gossip).await else {
        unreachable!()
    };
    drop(verdict);
    publish(&nodes[0], b"good").await;
    let Event::Gossip { verdict, .. } = nodes[1].event(is_gossip).await else {
        unreachable!()
    };
    verdict.accept();
    let Event::Gossip { body, .. } = nodes[2].event(is_gossip).await else {
        unreachable!()
    };
    assert_eq!(body, b"good", "only what was accepted is passed on");
    assert_eq!(nodes[1].view(nodes[0].id(), |_| true).await.offences, 1);
}

#[tokio::test]
async fn enough_rejected_messages_get_their_forwarder_blocked() {
    let mut nodes = line(2).await;
    let bad = nodes[0].id();
    for number in 0..10_u8 {
        publish(&nodes[0], &[number]).await;
        let Event::Gossip { verdict, .. } = nodes[1].event(is_gossip).await else {
            unreachable!()
        };
        verdict.reject();
        if nodes[1].view(bad, |_| true).await.score <= -80.0 {
            // Gossip itself does not listen any more; the rest is the daemon's word.
            nodes[1].mesh.penalise(bad, Offence::BadSignature).await;
            nodes[1].mesh.penalise(bad, Offence::BadSignature).await;
            nodes[1].mesh.penalise(bad, Offence::BadSignature).await;
            break;
        }
    }
    nodes[1]
        .event(|event| matches!(event, Event::Disconnected { peer } if *peer == bad))
        .await;
    assert!(nodes[1].view(bad, |_| true).await.blocked);
}

#[tokio::test]
async fn what_cannot_be_published_says_why() {
    let off = start(1, quiet(MEMORY)).await;
    assert_eq!(
        off.mesh.publish(TOPIC, vec![1]).await,
        Err(PublishError::Off)
    );
    let alone = start(2, gossiping()).await;
    assert_eq!(
        alone.mesh.publish(TOPIC, vec![1]).await,
        Err(PublishError::NoPeers)
    );
    let bytes = GOSSIP_MAX + 1;
    let large = alone.mesh.publish(TOPIC, vec![1; bytes]).await;
    assert_eq!(large, Err(PublishError::TooLarge { bytes }));

    let mut nodes = line(2).await;
    publish(&nodes[0], &vec![1; GOSSIP_MAX]).await;
    let Event::Gossip { body, .. } = nodes[1].event(is_gossip).await else {
        unreachable!()
    };
    assert_eq!(body.len(), GOSSIP_MAX);
}

#[tokio::test]
async fn only_what_is_subscribed_to_is_heard() {
    let mut nodes = line(2).await;
    nodes[1].mesh.unsubscribe(TOPIC).await;
    nodes[1].mesh.subscribe("other").await;
    within(async {
        while nodes[0]
            .mesh
            .publish("other", b"here".to_vec())
            .await
            .is_err()
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let Event::Gossip { topic, .. } = nodes[1].event(is_gossip).await else {
        unreachable!()
    };
    assert_eq!(topic, "other");
    assert_eq!(
        nodes[0].mesh.publish(TOPIC, b"x".to_vec()).await,
        Err(PublishError::NoPeers)
    );
}
