//! Bytes that are no messages, from many nodes at once: the daemon lives, the senders are blocked, and work goes on.

use std::{io::Write, net::TcpStream, thread};

use edgecoder_mesh::Service;
use edgecoder_protocol::{
    Hash, NetworkId, TaskId,
    wire::{self, CONTROL_MAX, Held, Request},
    work::{AttemptId, Part},
};

use crate::support::{
    peer::{Peer, Scene, invite},
    wait_for,
};

/// Kinds of requests.
const REQUESTS: u32 = 16;
/// Messages that one node has under way at a time.
const AT_ONCE: usize = 64;
/// Nodes that send at a time.
const TOGETHER: usize = 4;
/// Nodes between two tasks of an honest user.
const NODES_BETWEEN: usize = 40;

/// Draws that repeat.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: u64) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

fn heartbeat(count: usize) -> Vec<u8> {
    let attempt = AttemptId {
        task: TaskId([3; 16]),
        subtask: 0,
        attempt: 1,
    };
    let held = Held {
        attempt,
        part: Part::Author,
        term: 1,
    };
    let held = vec![held; count];
    wire::encode::<_, CONTROL_MAX>(&Request::Heartbeat { held }).unwrap()
}

/// Something that does not read as a request.
fn bad(draws: &mut Draws) -> Vec<u8> {
    let good = heartbeat(3);
    let tag = (draws.next() % u64::from(REQUESTS)) as u32;
    let with_tag = |tag: u32, rest: Vec<u8>| [&tag.to_le_bytes()[..], &rest].concat();
    let body = match draws.next() % 8 {
        0 => Vec::new(),
        1 => {
            let count = draws.next() % 300;
            draws.bytes(count)
        }
        2 => good[..(draws.next() % good.len() as u64) as usize].to_vec(),
        3 => [&good[..], &[0]].concat(),
        // A list that says it is longer than anything.
        4 => with_tag(7, u64::MAX.to_le_bytes().to_vec()),
        5 => {
            let count = draws.next() % 300;
            with_tag(tag, draws.bytes(count))
        }
        // More leases than a message may name.
        6 => heartbeat(wire::HELD_MAX + 1),
        _ => with_tag(REQUESTS + tag, draws.bytes(20)),
    };
    match wire::decode::<Request, CONTROL_MAX>(&body) {
        Err(_) => body,
        // Chance made a message.
        Ok(_) => Vec::new(),
    }
}

/// Sends until `count` messages went out; tells how many nodes that took.
fn pour(scene: &Scene, count: usize, seed: u64) -> usize {
    eprintln!("seed {seed}");
    let mut draws = Draws(seed);
    let (mut sent, mut nodes) = (0, 0);
    let network = invite(&scene.network).genesis.id();
    while sent < count {
        let peers: Vec<Peer> = (nodes..nodes + TOGETHER)
            .map(|node| Peer::connect(&scene.network, &format!("flood {node}"), network))
            .collect();
        sent += thread::scope(|scope| {
            let mut pouring = Vec::new();
            for peer in &peers {
                let mut bodies: Vec<_> = (0..AT_ONCE).map(|_| bad(&mut draws)).collect();
                // As large as any may be: what is larger, its sender's own mesh does not send.
                bodies[0] = draws.bytes(Service::Control.request_max() as u64);
                pouring.push(scope.spawn(move || peer.pour(bodies)));
            }
            let sent = pouring.into_iter().map(|one| one.join().unwrap());
            sent.sum::<usize>()
        });
        if nodes % NODES_BETWEEN == 0 {
            peers.iter().for_each(|peer| is_blocked(scene, peer));
            let number = u32::try_from(nodes).unwrap();
            scene.is_right(scene.running(number), number);
        }
        nodes += TOGETHER;
    }
    nodes
}

fn is_blocked(scene: &Scene, peer: &Peer) {
    wait_for("a block", || {
        let row = scene.seen(peer)?;
        (row["state"] == "blocked" && row["offences"].as_u64()? >= 10).then_some(())
    });
}

/// Bytes on the port itself, which no handshake begins with; and one that ends in the middle.
fn knock(scene: &Scene, count: u64) {
    let view = scene.network.founder.view();
    let address = view["addresses"][0].as_str().unwrap();
    let port = address.split('/').nth(4).unwrap();
    let mut draws = Draws(0x51ce_b00c);
    for turn in 0..count {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let bytes = match turn % 2 {
            0 => draws.bytes(1 + turn % 2_000),
            _ => b"\x13/multistream/1.0.0\n\x07/noi".to_vec(),
        };
        // It may have hung up already.
        stream.write_all(&bytes).ok();
    }
}

/// Frames that name another network.
fn strange(scene: &Scene) {
    let elsewhere = NetworkId(Hash::of(b"elsewhere").0);
    let peer = Peer::connect(&scene.network, "elsewhere", elsewhere);
    assert!(peer.pour(vec![heartbeat(1); AT_ONCE]) > 0);
    wait_for("a block", || {
        (scene.seen(&peer)?["state"] == "blocked").then_some(())
    });
}

fn stands(count: usize) {
    let scene = Scene::new();
    scene.resume();
    let before = scene.network.founder.home.status();
    knock(&scene, 200);
    strange(&scene);
    let nodes = pour(&scene, count, 0x9e37_79b9_7f4a_7c15);
    eprintln!("{count} messages from {nodes} nodes");
    scene.network.founder.home.still_lives(&before);
    scene.still_works(1);
}

#[test]
fn three_thousand_messages_that_are_none_block_their_senders_and_nobody_else() {
    stands(3_000);
}

#[test]
#[ignore = "acceptance: bad-messages"]
fn a_hundred_thousand_bad_messages_block_their_senders_and_nobody_else() {
    stands(100_000);
}
