//! Messages of every kind, each well-formed, as many as a node can send: all are answered, an honest user's work goes on
//! meanwhile, and none of it stays in memory. What is beyond a node's rate, or not its to say, costs it.

use std::{cell::Cell, collections::BTreeMap, fs, sync::Arc, thread};

use edgecoder_daemon::mesh::work_topic;
use edgecoder_mesh::Service;
use edgecoder_protocol::{
    Hash, NetworkId, PeerId, Signed,
    content::{ContentRequest, ContentResponse},
    key::NodeKey,
    wire::{self, CONTROL_MAX, INFERENCE_MAX, ModelAnswer, ModelAsk, Request, Response},
    work::CapabilityToken,
};

use super::{
    kinds::{KINDS, TASKS, To, place},
    leave::{generate, token},
};
use crate::support::{
    network::Node,
    peak,
    peer::{Peer, Scene, id, now, seen},
    resident, wait_for,
};

/// Messages of each kind: fewer than the burst that the mesh lets a peer send, so that none of them is beyond its rate.
const EACH: u32 = 500;
/// Of the kinds that one submitter sends, whose tasks are written to the disk.
const EACH_OF_TASKS: u32 = 300;
/// Bytes that a daemon may hold more after all of it than before: the threads that write to its disk keep some. What was
/// sent is more than that.
const GROWTH_MAX: u64 = 48 << 20;
/// Floods over three connections in which a node is beyond any rate: far more than it takes.
const ROUNDS: usize = 20;
/// Nodes that read one large content at once, each as often as its own mesh lets it,
const READERS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
/// and bytes that their answers may take up at a time, with what their connections need. What they ask for at a time is
/// 384 MiB.
const READ_MAX: u64 = 128 << 20;
/// Messages that are rejected before gossip hears nothing more of who says them.
const REJECTED: u64 = 4;

/// The C library gives what is free back, so that what is held is seen.
const THRIFTY: [(&str, &str); 2] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
];

/// A network with an honest user, and nodes that flood it.
struct Ground {
    scene: Scene,
    user: Node,
    flooders: BTreeMap<&'static str, Arc<Peer>>,
    /// Tasks of the honest user so far.
    tasks: u32,
    /// Bytes that were sent by those that flood it.
    sent: u64,
}

impl Ground {
    fn new() -> Self {
        let scene = Scene::with(&THRIFTY);
        scene.resume();
        let user = scene.network.join("agent", &[]);
        Self {
            scene,
            user,
            flooders: BTreeMap::new(),
            tasks: 0,
            sent: 0,
        }
    }

    fn founder(&self) -> &Node {
        &self.scene.network.founder
    }

    /// A registered worker that knows where the first honest one is.
    fn flooder(&mut self, name: &'static str) -> Arc<Peer> {
        let scene = &self.scene;
        let join = || {
            let peer = Peer::join(&scene.network, name);
            knows(&peer, &scene.workers[0]);
            Arc::new(peer)
        };
        self.flooders.entry(name).or_insert_with(join).clone()
    }

    /// The honest user has something run while `meanwhile` happens, and it comes back right.
    fn works<T>(&mut self, meanwhile: impl FnOnce(&Self) -> T) -> T {
        self.tasks += 1;
        let running = self.scene.running_for(&self.user, self.tasks);
        let happened = meanwhile(self);
        self.scene.is_right(running, self.tasks);
        happened
    }

    /// `name` sends `bodies` while the honest user works, and each is answered as `check` says.
    fn flood(
        &mut self,
        name: &'static str,
        (to, service): (PeerId, Service),
        bodies: Vec<Vec<u8>>,
        check: impl Fn(&[u8]),
    ) {
        let peer = self.flooder(name);
        self.sent += bodies.iter().map(|body| body.len() as u64).sum::<u64>();
        for answer in self.works(|_| peer.flood(to, service, bodies)) {
            check(&answer.unwrap_or_else(|error| panic!("{name}: {error}")));
        }
    }

    /// What the daemons hold that are flooded: the coordinator's, and a worker's.
    fn held(&self) -> [u64; 2] {
        let nodes = [self.founder(), &self.scene.workers[0]];
        nodes.map(|node| resident(node.daemon.as_ref().unwrap().id()))
    }
}

fn peer_of(node: &Node) -> PeerId {
    id(node).parse().unwrap()
}

/// Teaches `peer` where `node` is.
fn knows(peer: &Peer, node: &Node) {
    let addresses = serde_json::from_value(node.view()["addresses"].clone());
    peer.learn(peer_of(node), addresses.unwrap());
}

/// Every kind of request, to whoever it is for.
fn requests(ground: &mut Ground) {
    for (at, kind) in KINDS.iter().enumerate() {
        let peer = ground.flooder(kind.from);
        let body = |number| {
            let request = (kind.request)(&peer, number);
            assert_eq!(place(&request), at, "{request:?}");
            wire::encode::<_, CONTROL_MAX>(&request).unwrap()
        };
        let each = match TASKS.contains(&at) {
            true => EACH_OF_TASKS,
            false => EACH,
        };
        let bodies = (0..each).map(body).collect();
        let to = match kind.to {
            To::Coordinator => peer.coordinator(),
            To::Worker => peer_of(&ground.scene.workers[0]),
        };
        ground.flood(kind.from, (to, Service::Control), bodies, |bytes| {
            let response = wire::decode::<Response, CONTROL_MAX>(bytes).unwrap();
            assert!((kind.fits)(&response), "{}: {response:?}", kind.from);
        });
    }
}

/// Leave for another attempt.
fn numbered(leave: &CapabilityToken, number: u32) -> CapabilityToken {
    let mut leave = leave.clone();
    leave.attempt.attempt = number;
    leave
}

/// Both kinds of questions to a model: one with the coordinator's leave, one without.
fn questions(ground: &mut Ground) {
    let stored = fs::read(ground.founder().home.data().join("node.key")).unwrap();
    let coordinator = NodeKey::from_stored(&stored).unwrap();
    let to = (peer_of(ground.founder()), Service::Inference);
    let bodies = |ask: &dyn Fn(u32) -> ModelAsk| {
        let body = |number| wire::encode::<_, INFERENCE_MAX>(&ask(number)).unwrap();
        (1..=EACH).map(body).collect::<Vec<_>>()
    };
    let read = |bytes: &[u8]| wire::decode::<ModelAnswer, INFERENCE_MAX>(bytes).unwrap();
    let peer = ground.flooder("customer");
    let leave = token(&peer, ground.founder(), 1);
    let cards = bodies(&|number| {
        let token = Signed::new(numbered(&leave, number), &coordinator);
        ModelAsk::Card { token }
    });
    ground.flood("customer", to, cards, |bytes| {
        let answer = read(bytes);
        assert!(matches!(answer, ModelAnswer::Card(_)), "{answer:?}");
    });
    let peer = ground.flooder("beggar");
    let leave = token(&peer, ground.founder(), 1);
    let answers = bodies(&|number| generate(Signed::new(numbered(&leave, number), peer.key())));
    ground.flood("beggar", to, answers, |bytes| {
        let answer = read(bytes);
        assert!(matches!(answer, ModelAnswer::Refused(_)), "{answer:?}");
    });
}

/// A content that the coordinator's node gives: what its own user sent away and no message carries.
fn content(ground: &Ground) -> Hash {
    let home = &ground.founder().home;
    let code = format!("print(1)\n# {}\n", "large".repeat(220_000));
    let file = home.write("large.py", code);
    let said = home.edgecoder(&["exec", "--mesh", file.to_str().unwrap()]);
    assert_eq!((said.code, said.out.as_str()), (0, "1\n"), "{said:?}");
    let kept = fs::read_dir(home.data().join("contents")).unwrap();
    let names = kept.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let hash = names.filter_map(|name| name.parse().ok()).next();
    hash.expect("what is large is kept")
}

/// Both kinds of requests for contents, of one that is there and of one that is not.
fn contents(ground: &mut Ground) {
    let (there, absent) = (content(ground), Hash::of(b"absent"));
    let chunk = |hash| ContentRequest::Chunk { hash, index: 0 };
    let outline = |hash| ContentRequest::Outline { hash };
    type Fits = fn(&ContentResponse<'_>) -> bool;
    let is_absent: Fits = |response| matches!(response, ContentResponse::Absent);
    let rows: [(&'static str, ContentRequest, Fits); 4] = [
        (
            "chunk reader",
            chunk(there),
            |response| matches!(response, ContentResponse::Chunk(bytes) if !bytes.is_empty()),
        ),
        ("outline reader", outline(there), |response| {
            matches!(response, ContentResponse::Outline(_))
        }),
        ("chunk seeker", chunk(absent), is_absent),
        ("outline seeker", outline(absent), is_absent),
    ];
    let to = (peer_of(ground.founder()), Service::Chunk);
    for (name, request, fits) in rows {
        let bodies = vec![request.encode(); EACH as usize];
        let given = Cell::new(0);
        ground.flood(name, to, bodies, |bytes| {
            let response = ContentResponse::decode(bytes).unwrap();
            match response {
                // There is no room for more answers to one peer.
                ContentResponse::Busy => {}
                response => {
                    assert!(fits(&response), "{name}: {response:?}");
                    given.set(given.get() + 1);
                }
            }
        });
        assert!(given.get() > 0, "{name}");
    }
}

#[test]
fn a_flood_of_any_kind_of_message_keeps_nobody_from_work_and_stays_nowhere() {
    let mut ground = Ground::new();
    let status = ground.founder().home.status();
    ground.works(|_| ());
    let before = ground.held();
    requests(&mut ground);
    questions(&mut ground);
    contents(&mut ground);
    let sent = ground.sent;
    assert!(sent > GROWTH_MAX, "{sent} bytes would not be missed");
    for (before, after) in before.into_iter().zip(ground.held()) {
        assert!(after <= before + GROWTH_MAX, "{before} became {after}");
    }
    ground.founder().home.still_lives(&status);
    ground.works(|_| ());
}

#[test]
fn whoever_reads_much_at_once_fills_its_own_share_and_not_the_memory() {
    let mut ground = Ground::new();
    let hash = content(&ground);
    let chunk = ContentRequest::Chunk { hash, index: 0 };
    let readers = READERS.map(|name| ground.flooder(name));
    let to = peer_of(ground.founder());
    let process = ground.founder().daemon.as_ref().unwrap().id();
    let before = resident(process);
    let bodies = || vec![chunk.encode(); EACH as usize];
    let read = |peer: &Peer| {
        let answers = peer.flood(to, Service::Chunk, bodies());
        let is_chunk = |bytes: &Vec<u8>| {
            matches!(
                ContentResponse::decode(bytes),
                Ok(ContentResponse::Chunk(_))
            )
        };
        answers.iter().flatten().filter(|b| is_chunk(b)).count()
    };
    ground.works(|_| {
        thread::scope(|scope| {
            let reading = readers.each_ref().map(|peer| scope.spawn(|| read(peer)));
            for (reading, name) in reading.into_iter().zip(READERS) {
                assert!(reading.join().unwrap() > 0, "{name}");
            }
        });
    });
    let after = peak(process);
    assert!(after <= before + READ_MAX, "{before} became {after}");
}

#[test]
fn whoever_sends_beyond_its_rate_is_blocked_and_nobody_else() {
    let mut ground = Ground::new();
    let network = &ground.scene.network;
    // One node, connected three times: each of its meshes keeps to a peer's rate, and together they do not.
    let first = Peer::join(network, "many");
    let connect = || Peer::connect(network, "many", first.network());
    let all = [connect(), connect(), first];
    let bodies = || {
        let request = Request::Peers { after: None };
        vec![wire::encode::<_, CONTROL_MAX>(&request).unwrap(); EACH as usize]
    };
    let row = ground.works(|ground| {
        (0..ROUNDS).find_map(|_| {
            thread::scope(|scope| {
                for peer in &all {
                    scope.spawn(|| peer.flood(peer.coordinator(), Service::Control, bodies()));
                }
            });
            seen(ground.founder(), &all[0]).filter(|row| row["state"] == "blocked")
        })
    });
    let row = row.expect("a block");
    // Each message beyond the rate weighs a hundredth of a block.
    assert!(row["offences"].as_u64().unwrap() >= 100, "{row}");
    let rows = ground.founder().home.run("peers --json").json();
    let is_blocked = |row: &&serde_json::Value| row["state"] == "blocked";
    let blocked = rows.as_array().unwrap().iter().filter(is_blocked).count();
    assert_eq!(blocked, 1, "{rows}");
    ground.works(|_| ());
}

/// The topic on which the coordinator says who is here.
fn roster(network: NetworkId) -> String {
    let short: String = network.0[..8]
        .iter()
        .map(|one| format!("{one:02x}"))
        .collect();
    format!("edgecoder/1/{short}/roster")
}

#[test]
fn gossip_that_is_the_coordinators_to_say_costs_whoever_else_says_it() {
    let mut ground = Ground::new();
    let network = &ground.scene.network;
    let names = ["of the roster", "of work"];
    let criers = names.map(|name| Peer::gossip(network, name));
    knows(&criers[1], &ground.scene.workers[0]);
    let id = criers[0].network();
    // As the coordinator's: a moment, and of the roster its digest.
    let news = |number: u32| {
        let moment = (now().0 + u64::from(number)).to_le_bytes();
        [&moment[..], &Hash::of(&number.to_le_bytes()).0].concat()
    };
    let topics = [roster(id), work_topic(id, "python", false)];
    for ((crier, topic), hearer) in criers.iter().zip(topics).zip([0, 1]) {
        wait_for("somebody who listens", || crier.say(&topic, news(0)).ok());
        ground.works(|_| {
            // Who is blocked has nobody that listens.
            (1..EACH)
                .map_while(|number| crier.say(&topic, news(number)).ok())
                .count()
        });
        let hearer = [ground.founder(), &ground.scene.workers[0]][hearer];
        wait_for("offences", || {
            let row = seen(hearer, crier)?;
            (row["offences"].as_u64()? >= REJECTED).then_some(())
        });
    }
    ground.works(|_| ());
}
