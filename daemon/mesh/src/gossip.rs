//! How gossip is configured and scored. What a message says is the daemon's to judge: nothing is passed on
//! before its verdict.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use libp2p::{
    gossipsub::{
        self, AllowAllSubscriptionFilter, ConfigBuilder, IdentTopic, IdentityTransform,
        MaxCountSubscriptionFilter, Message, MessageAuthenticity, MessageId, PeerScoreParams,
        PeerScoreThresholds, TopicScoreParams, ValidationMode,
    },
    identity::Keypair,
};

use crate::StartError;

/// The largest gossip body, in bytes: announcements and digests. rust-gossipsub verifies every copy it
/// receives, so what is large goes by request.
pub const GOSSIP_MAX: usize = 64 * 1024;

/// Around a body: topic, signature, key, sequence number, protobuf.
const ENVELOPE_MAX: usize = 1024;

/// Topics that one peer may subscribe to. Ours are a few dozen shards; a peer that asks for more is not
/// listened to.
const TOPICS_PER_PEER_MAX: usize = 128;

/// Messages waiting for one slow peer; further ones to it are dropped.
const QUEUE_MAX: usize = 1_000;

/// Messages in one RPC; a peer that packs more has the rest ignored.
const MESSAGES_PER_RPC_MAX: usize = 500;

/// How long a message's id is remembered, so that it is handled once.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Nodes behind one address that are not yet suspicious: a laboratory, an office behind NAT.
const SAME_ADDRESS_MAX: f64 = 32.0;

/// Gossip with a cap on subscriptions.
pub type Gossip =
    gossipsub::Behaviour<IdentityTransform, MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>>;

/// Gossip for the node that `key` names.
pub fn behaviour(key: &Keypair) -> Result<Gossip, StartError> {
    let setup = |reason: String| StartError::Setup {
        part: "gossip",
        reason,
    };
    let config = ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .validate_messages()
        .message_id_fn(message_id)
        .max_transmit_size(GOSSIP_MAX + ENVELOPE_MAX)
        .flood_publish(false)
        .duplicate_cache_time(REMEMBERED)
        .connection_handler_queue_len(QUEUE_MAX)
        .max_publish_messages(MESSAGES_PER_RPC_MAX)
        .heartbeat_initial_delay(Duration::from_millis(500))
        .build()
        .map_err(|error| setup(error.to_string()))?;
    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter {},
        max_subscribed_topics: TOPICS_PER_PEER_MAX,
        max_subscriptions_per_request: TOPICS_PER_PEER_MAX,
    };
    let authenticity = MessageAuthenticity::Signed(key.clone());
    let mut gossip = Gossip::new_with_subscription_filter(authenticity, config, filter)
        .map_err(|reason| setup(reason.into()))?;
    gossip
        .with_peer_score(score(), thresholds())
        .map_err(setup)?;
    Ok(gossip)
}

/// Subscribes, and scores what comes on the topic.
pub fn subscribe(gossip: &mut Gossip, topic: &str) {
    let topic = IdentTopic::new(topic);
    if let Err(error) = gossip.subscribe(&topic) {
        tracing::warn!(%topic, %error, "subscription refused");
        return;
    }
    if let Err(error) = gossip.set_topic_params(topic, topic_score()) {
        tracing::warn!(error, "topic score refused");
    }
}

/// Of the content, so that nobody can choose the id of somebody else's message, and one text counts once
/// whoever says it.
fn message_id(message: &Message) -> MessageId {
    let topic = message.topic.as_str().as_bytes();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(topic.len() as u64).to_le_bytes());
    hasher.update(topic);
    hasher.update(&message.data);
    MessageId::new(hasher.finalize().as_bytes())
}

/// What counts against a peer: rejected messages (per topic), breaches of the protocol, offences (the
/// application's score, in units of [`crate::offences::BLOCK_AT`]), and many nodes behind one address.
fn score() -> PeerScoreParams {
    PeerScoreParams {
        topics: HashMap::new(),
        topic_score_cap: 50.0,
        app_specific_weight: 1.0,
        ip_colocation_factor_weight: -5.0,
        ip_colocation_factor_threshold: SAME_ADDRESS_MAX,
        ip_colocation_factor_whitelist: [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ]
        .into(),
        behaviour_penalty_decay: 0.9,
        ..PeerScoreParams::default()
    }
}

fn thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -20.0,
        publish_threshold: -50.0,
        graylist_threshold: -80.0,
        accept_px_threshold: 10.0,
        opportunistic_graft_threshold: 2.0,
    }
}

/// Deliveries that fail to come are not punished: our topics are quiet for minutes, and the default would
/// expel everybody from a quiet mesh.
fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 300.0,
        first_message_deliveries_weight: 0.5,
        first_message_deliveries_decay: 0.9,
        first_message_deliveries_cap: 20.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -5.0,
        invalid_message_deliveries_decay: 0.99,
        ..TopicScoreParams::default()
    }
}
