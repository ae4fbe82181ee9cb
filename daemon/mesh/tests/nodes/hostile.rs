//! Peers that break the rules: a bare libp2p swarm sends what no node of ours would. The node must count it,
//! block the sender after enough of it, and go on serving others.

use std::io;

use crate::support::{LIMIT, NETWORK, Node, TCP, key, quiet, start, within};
use edgecoder_mesh::{Config, Event, FoundBy, RequestError, Service};
use edgecoder_protocol::PeerId;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, StreamProtocol, Swarm, SwarmBuilder, identity, noise,
    request_response::{
        self, Behaviour, Event as Exchange, Message, OutboundFailure, ProtocolSupport,
    },
    swarm::SwarmEvent,
    tcp, yamux,
};

const CONTROL: &str = "/edgecoder/control/1";
const GOSSIP: &str = "/meshsub/1.1.0";

/// Bytes as they are, both ways.
#[derive(Clone, Default)]
struct Bare;

impl request_response::Codec for Bare {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut bytes = vec![0; 64];
        let read = io.read(&mut bytes).await?;
        bytes.truncate(read);
        Ok(bytes)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        io.take(1 << 20).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }
}

/// The breaker of rules, connected to a node.
pub struct Foe {
    swarm: Swarm<Behaviour<Bare>>,
    node: libp2p::PeerId,
}

impl Foe {
    pub async fn connect(number: u8, protocol: &'static str, node: &Node) -> Self {
        let stored = key(number).to_stored();
        let identity = identity::Keypair::from_protobuf_encoding(&stored[..]).unwrap();
        let behaviour = Behaviour::new(
            [(StreamProtocol::new(protocol), ProtocolSupport::Full)],
            request_response::Config::default(),
        );
        let mut swarm = SwarmBuilder::with_existing_identity(identity)
            .with_tokio()
            .with_tcp(
                tcp::Config::default(),
                noise::Config::new,
                yamux::Config::default,
            )
            .unwrap()
            .with_behaviour(|_| behaviour)
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(LIMIT))
            .build();
        swarm
            .dial(node.addresses[0].parse::<Multiaddr>().unwrap())
            .unwrap();
        let target = node.id().to_string().parse().unwrap();
        let mut foe = Self {
            swarm,
            node: target,
        };
        foe.until(|event| matches!(event, SwarmEvent::ConnectionEstablished { .. }))
            .await;
        foe.run_while(&[], node.view(id(number), |view| view.connected))
            .await;
        foe
    }

    async fn until(
        &mut self,
        is_it: impl Fn(&SwarmEvent<Exchange<Vec<u8>, Vec<u8>>>) -> bool,
    ) -> SwarmEvent<Exchange<Vec<u8>, Vec<u8>>> {
        within(async {
            loop {
                let event = self.swarm.select_next_some().await;
                if is_it(&event) {
                    return event;
                }
            }
        })
        .await
    }

    /// Sends bytes on a stream of its own; false when the connection is gone.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        if !self.swarm.is_connected(&self.node) {
            return false;
        }
        self.swarm
            .behaviour_mut()
            .send_request(&self.node, bytes.to_vec());
        let event = self
            .until(|event| {
                let SwarmEvent::Behaviour(event) = event else {
                    return false;
                };
                matches!(
                    event,
                    Exchange::OutboundFailure { .. }
                        | Exchange::Message {
                            message: Message::Response { .. },
                            ..
                        }
                )
            })
            .await;
        !matches!(
            event,
            SwarmEvent::Behaviour(Exchange::OutboundFailure {
                error: OutboundFailure::ConnectionClosed | OutboundFailure::DialFailure,
                ..
            })
        )
    }

    /// Goes on for as long as `what` takes, and answers whatever it is asked with `answer`.
    pub async fn run_while<T>(&mut self, answer: &[u8], what: impl Future<Output = T>) -> T {
        let mut what = std::pin::pin!(what);
        loop {
            tokio::select! {
                result = &mut what => return result,
                event = self.swarm.select_next_some() => {
                    if let SwarmEvent::Behaviour(Exchange::Message {
                        message: Message::Request { channel, .. }, ..
                    }) = event {
                        self.swarm.behaviour_mut().send_response(channel, answer.to_vec()).ok();
                    }
                }
            }
        }
    }
}

fn frame(version: u8, network: u8, length: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![version];
    bytes.extend_from_slice(&[network; 32]);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(body);
    bytes
}

pub fn id(number: u8) -> PeerId {
    key(number).peer_id()
}

/// An honest peer is still served.
async fn still_serves(node: &mut Node) {
    let friend = start(200, quiet(TCP)).await;
    friend
        .mesh
        .learn(node.id(), node.addresses.clone(), FoundBy::Invite)
        .await;
    let answer = friend
        .mesh
        .request(node.id(), Service::Control, vec![1, 2], LIMIT)
        .await;
    assert_eq!(answer.unwrap(), [2, 1]);
}

#[tokio::test]
async fn each_kind_of_bad_frame_is_counted_and_enough_get_the_sender_blocked() {
    assert_eq!(NETWORK.0, [7; 32]);
    let mut node = start(1, quiet(TCP)).await;
    node.serve();
    let cases: [(&str, Vec<u8>, u32); 4] = [
        ("another version", frame(9, 7, 3, b"abc"), 10),
        ("another network", frame(1, 8, 3, b"abc"), 5),
        (
            "more than a control message carries",
            frame(1, 7, 256 * 1024 + 1, b"abc"),
            5,
        ),
        ("four gigabytes announced", frame(1, 7, u32::MAX, b""), 5),
    ];
    for (number, (name, bytes, enough)) in (10..).zip(cases) {
        let mut foe = Foe::connect(number, CONTROL, &node).await;
        let mut sent = 0;
        while foe.send(&bytes).await {
            sent += 1;
            assert!(sent <= enough, "{name}");
        }
        let view = node.view(id(number), |view| view.blocked).await;
        assert_eq!((view.offences, view.connected), (enough, false), "{name}");
    }
    still_serves(&mut node).await;
}

#[tokio::test]
async fn a_frame_that_ends_early_is_counted_only_if_the_connection_stays() {
    let mut node = start(1, quiet(TCP)).await;
    node.serve();
    let bytes = frame(1, 7, 100, b"too little");
    let mut lost = Foe::connect(10, CONTROL, &node).await;
    assert!(lost.send(&bytes).await);
    let mut foe = Foe::connect(11, CONTROL, &node).await;
    for _ in 0..10 {
        assert!(foe.send(&bytes).await);
    }
    drop(lost);
    let view = foe
        .run_while(&[], node.view(id(11), |view| view.blocked))
        .await;
    assert_eq!(view.offences, 10);
    let view = node.view(id(10), |_| true).await;
    assert_eq!(
        (view.offences, view.connected),
        (0, false),
        "its connection broke"
    );
    still_serves(&mut node).await;
}

#[tokio::test]
async fn a_flood_is_refused_and_its_sender_blocked() {
    let mut node = start(1, quiet(TCP)).await;
    node.serve();
    let mut foe = Foe::connect(10, CONTROL, &node).await;
    let mut sent = 0;
    while foe.send(&frame(1, 7, 1, b"x")).await {
        sent += 1;
        assert!(sent < 100_000);
    }
    assert!(sent >= 899, "{sent}: a burst of 800 is nobody's crime");
    let view = node.view(id(10), |view| view.blocked).await;
    assert!(view.offences >= 100, "{view:?}");
    still_serves(&mut node).await;
}

#[tokio::test]
async fn garbage_does_no_harm() {
    let mut node = start(1, quiet(TCP)).await;
    node.serve();
    let mut seed = blake3::Hasher::new().update(b"garbage").finalize_xof();
    for number in 10..20 {
        let mut foe = Foe::connect(number, CONTROL, &node).await;
        for length in 0..60_usize {
            let mut bytes = vec![0; length * length];
            seed.fill(&mut bytes);
            if length % 3 == 0 && length > 0 {
                bytes[0] = 1;
            }
            if !foe.send(&bytes).await {
                break;
            }
        }
        node.view(id(number), |view| view.offences > 0).await;
    }
    still_serves(&mut node).await;
}

#[tokio::test]
async fn a_bad_answer_is_refused_and_blamed_on_whoever_gave_it() {
    let node = start(1, quiet(TCP)).await;
    let answers: [(&str, Vec<u8>, u32); 5] = [
        ("another network", frame(1, 8, 3, b"abc"), 1),
        ("too much", frame(1, 7, u32::MAX, b"abc"), 1),
        ("nonsense", b"HTTP/1.1 400 Bad Request".to_vec(), 1),
        ("a refusal", vec![0], 0),
        ("nothing", vec![], 0),
    ];
    for (number, (name, bytes, offences)) in (10..).zip(answers) {
        let mut foe = Foe::connect(number, CONTROL, &node).await;
        let ask = node
            .mesh
            .request(id(number), Service::Control, vec![1], LIMIT);
        let answer = foe.run_while(&bytes, ask).await;
        match bytes.is_empty() {
            true => assert!(
                matches!(answer, Err(RequestError::Lost { .. })),
                "{name}: {answer:?}"
            ),
            false => assert!(
                matches!(answer, Err(RequestError::Refused { .. })),
                "{name}: {answer:?}"
            ),
        }
        assert_eq!(
            node.view(id(number), |_| true).await.offences,
            offences,
            "{name}"
        );
    }
    let mut foe = Foe::connect(30, GOSSIP, &node).await;
    let ask = node.mesh.request(id(30), Service::Control, vec![1], LIMIT);
    let answer = foe.run_while(&[], ask).await;
    assert!(
        matches!(answer, Err(RequestError::Refused { .. })),
        "it does not speak it: {answer:?}"
    );
}

/// A protobuf field of bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    out.extend(varint(bytes.len() as u64));
    out.extend_from_slice(bytes);
    out
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A gossip RPC with its length before it.
fn rpc(body: &[u8]) -> Vec<u8> {
    let mut out = varint(body.len() as u64);
    out.extend_from_slice(body);
    out
}

/// PRUNE of a topic with a backoff in seconds (GHSA-vrx6-jcp8-vm7m and its kin: it overflowed a moment).
fn prune(topic: &[u8], backoff: u64) -> Vec<u8> {
    let mut prune = field(1, topic);
    prune.push(3 << 3);
    prune.extend(varint(backoff));
    field(3, &field(4, &prune))
}

fn graft(topic: &[u8]) -> Vec<u8> {
    field(3, &field(3, &field(1, topic)))
}

fn subscription(topic: &[u8]) -> Vec<u8> {
    let mut subscription = vec![1 << 3, 1];
    subscription.extend(field(2, topic));
    field(1, &subscription)
}

#[tokio::test]
async fn gossip_control_messages_that_crashed_older_versions_do_no_harm() {
    let topic = "tasks";
    let config = || Config {
        gossip: true,
        subscriptions: vec![topic.into()],
        ..quiet(TCP)
    };
    let mut node = start(1, config()).await;
    let mut stream = rpc(&subscription(topic.as_bytes()));
    stream.extend(rpc(&graft(topic.as_bytes())));
    for backoff in [
        0,
        1,
        u64::from(u32::MAX),
        u64::MAX / 2,
        u64::MAX - 1,
        u64::MAX,
    ] {
        stream.extend(rpc(&prune(topic.as_bytes(), backoff)));
        stream.extend(rpc(&graft(topic.as_bytes())));
    }
    // Topics that nobody has, by the thousand: they were remembered for ever.
    for number in 0..3_000_u32 {
        let name = format!("unknown-{number}-{}", "x".repeat(100));
        stream.extend(rpc(&prune(name.as_bytes(), u64::MAX)));
        stream.extend(rpc(&graft(name.as_bytes())));
        stream.extend(rpc(&subscription(name.as_bytes())));
    }
    let many: Vec<u8> = (0..5_000_u32)
        .flat_map(|number| graft(&number.to_le_bytes()))
        .collect();
    stream.extend(rpc(&many[..60_000.min(many.len())]));
    stream.extend(varint(u64::MAX));
    let mut foe = Foe::connect(10, GOSSIP, &node).await;
    for _ in 0..3 {
        foe.send(&stream).await;
    }
    foe.run_while(
        &[],
        node.view(id(10), |view| view.score < 0.0 || !view.connected),
    )
    .await;

    let mut friend = start(2, config()).await;
    friend.join(&node).await;
    within(async {
        while friend.mesh.publish(topic, b"news".to_vec()).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let heard = node
        .event(|event| matches!(event, Event::Gossip { .. }))
        .await;
    let Event::Gossip { body, source, .. } = heard else {
        unreachable!()
    };
    assert_eq!((body, source), (b"news".to_vec(), friend.id()));
}
