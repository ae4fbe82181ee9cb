//! Other people's libp2p meets ours over TCP: js-libp2p, from npm, and two meshes of our own.
//!
//! It shows that the handshakes, identify, ping, gossip and the DHT keep to their specifications. Requests are
//! not tried: their protocols are ours alone, so no foreign node speaks them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod support;

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use edgecoder_mesh::{Config, Event, Limits, Mesh, PeerView, PublishError, Started};
use edgecoder_protocol::{NetworkId, PeerId, key::NodeKey};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use support::{STEP, repository, shared_cache};

/// What the peers talk about.
const TOPIC: &str = "edgecoder/test/foreign";

/// Nothing here takes so long on an idle machine; it only ends a test that hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// What npm installs by; both must be the same for an installation to be used again.
const LISTS: [&str; 2] = ["package.json", "package-lock.json"];

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    match timeout(LIMIT, work).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// js-libp2p with its interpreter in the user's cache; installed when these versions are not there yet.
fn installed() -> PathBuf {
    let source = repository().join("tests/foreign");
    let mut hasher = DefaultHasher::new();
    for list in LISTS {
        fs::read(source.join(list)).unwrap().hash(&mut hasher);
    }
    let cache = shared_cache();
    let folder = cache.join(format!("foreign-{:016x}", hasher.finish()));
    if folder.exists() {
        return folder;
    }
    fs::create_dir_all(&cache).unwrap();
    // Made beside its place and then renamed, so that half of an installation is never taken for one.
    let making = tempfile::Builder::new()
        .prefix("foreign-making-")
        .tempdir_in(&cache)
        .unwrap();
    for list in LISTS {
        fs::copy(source.join(list), making.path().join(list)).unwrap();
    }
    println!("npm installs js-libp2p into {}", folder.display());
    npm_ci(making.path());
    // It fails when another run was faster, and then that one's is as good.
    let renamed = fs::rename(making.path(), &folder);
    assert!(folder.exists(), "{}: {renamed:?}", folder.display());
    folder
}

fn npm_ci(folder: &Path) {
    // The interpreter's package fetches the binary of this platform by its install script; package.json allows
    // that one alone.
    let words = "ci --no-audit --no-fund --ignore-scripts=false";
    let npm = std::process::Command::new("npm")
        .args(words.split(' '))
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "`npm` does not start ({error}): install it (Debian: apt-get install npm), \
                 then repeat this test"
            )
        });
    assert!(
        npm.status.success(),
        "npm cannot install js-libp2p: see below why, and whether `npm ping` reaches the registry, \
         then repeat this test\n{}",
        String::from_utf8_lossy(&npm.stderr)
    );
}

/// The foreign node: `tests/foreign/peer.mjs`, which says at its head how it is spoken to. Ends when dropped.
struct Foreign {
    _child: Child,
    commands: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// Events that nobody has waited for yet; a test's whole run brings a few dozen.
    events: Vec<Value>,
    asked: u64,
    peer: PeerId,
}

impl Foreign {
    async fn start(folder: &Path) -> Self {
        let script = fs::read_to_string(repository().join("tests/foreign/peer.mjs")).unwrap();
        let node = folder.join("node_modules/.bin/node");
        // By `--eval` in that folder, since imports are looked for beside a script and never in the cache.
        let mut child = Command::new(&node)
            .args(["--input-type=module", "--eval", &script])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{} does not start ({error}): rm -r {}, then repeat this test",
                    node.display(),
                    folder.display()
                )
            });
        let mut foreign = Self {
            commands: child.stdin.take().unwrap(),
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            _child: child,
            events: Vec::new(),
            asked: 0,
            peer: PeerId([0; 32]),
        };
        let ready = foreign.event("ready", |_| true).await;
        foreign.peer = ready["peer"].as_str().unwrap().parse().unwrap();
        foreign
    }

    async fn line(&mut self, awaited: &str) -> Value {
        let awaited = format!("`{awaited}` from the foreign node");
        let line = within(&awaited, self.lines.next_line()).await.unwrap();
        let line = line.expect("the foreign node has ended; it said above why");
        serde_json::from_str(&line).unwrap()
    }

    /// What a command leads to; `Err` with the foreign node's own words.
    async fn attempt(&mut self, name: &str, mut command: Value) -> Result<Value, String> {
        self.asked += 1;
        let id = json!(self.asked);
        command["id"] = id.clone();
        command["do"] = json!(name);
        let line = format!("{command}\n");
        self.commands.write_all(line.as_bytes()).await.unwrap();
        loop {
            let mut line = self.line(name).await;
            if line["id"] != id {
                self.events.push(line);
                continue;
            }
            return match line["error"].as_str() {
                Some(error) => Err(error.to_owned()),
                None => Ok(line["ok"].take()),
            };
        }
    }

    async fn ask(&mut self, name: &str, command: Value) -> Value {
        match self.attempt(name, command).await {
            Ok(answer) => answer,
            Err(error) => panic!("js-libp2p cannot {name}: {error}"),
        }
    }

    /// The first event `name` that `is_it`, as soon as there is one.
    async fn event(&mut self, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let is_it = |line: &Value| line["event"] == name && is_it(line);
        if let Some(at) = self.events.iter().position(is_it) {
            return self.events.remove(at);
        }
        loop {
            let line = self.line(name).await;
            if is_it(&line) {
                return line;
            }
            self.events.push(line);
        }
    }

    /// The next message that `author` signed, as the foreign node verified it.
    async fn gossip_of(&mut self, author: PeerId) -> Value {
        let author = author.to_string();
        let message = self
            .event("gossip", |line| line["peer"] == author.as_str())
            .await;
        assert_eq!(message["topic"], TOPIC);
        message["text"].clone()
    }

    /// What our node told it of itself.
    async fn sees(&mut self, node: &Node) {
        let peer = node.mesh.peer_id().to_string();
        let told = self
            .event("identified", |line| line["peer"] == peer.as_str())
            .await;
        assert_eq!(told["agent"], node.agent.as_str(), "{told}");
        assert_eq!(told["family"], "/edgecoder/1", "{told}");
        let protocols = told["protocols"].as_array().unwrap();
        for protocol in [
            "/edgecoder/kad/1",
            "/ipfs/id/1.0.0",
            "/ipfs/ping/1.0.0",
            "/meshsub/1.1.0",
        ] {
            assert!(protocols.contains(&json!(protocol)), "{protocol}: {told}");
        }
    }
}

/// A mesh of ours. Stops when dropped.
struct Node {
    mesh: Mesh,
    events: mpsc::Receiver<Event>,
    addresses: Vec<String>,
    agent: String,
    _stop: DropGuard,
}

impl Node {
    /// Node `number`, which gossips, serves the DHT and opens at most `outgoing` connections itself.
    async fn start(number: u8, outgoing: u32) -> Self {
        let mut config = Config::new(NetworkId([7; 32]));
        config.listen = vec!["/ip4/127.0.0.1/tcp/0".into()];
        config.mdns = false;
        config.subscriptions = vec![TOPIC.into()];
        config.limits = Limits {
            outgoing,
            ..Limits::default()
        };
        let agent = config.agent_version.clone();
        let stop = CancellationToken::new();
        let key = NodeKey::from_seed(&mut [number; 32]);
        let started = Mesh::start(config, &key, stop.clone()).unwrap();
        let Started { mesh, events, .. } = started;
        let addresses = within("a socket", mesh.listening()).await;
        Self {
            mesh,
            events,
            addresses,
            agent,
            _stop: stop.drop_guard(),
        }
    }

    /// What is known of `peer`, as soon as it `is_so`.
    async fn view(&self, what: &str, peer: PeerId, is_so: impl Fn(&PeerView) -> bool) -> PeerView {
        let look = async {
            loop {
                let views = self.mesh.peers().await;
                if let Some(view) = views
                    .into_iter()
                    .find(|view| view.peer == peer && is_so(view))
                {
                    return view;
                }
                sleep(STEP).await;
            }
        };
        within(what, look).await
    }

    /// The foreign node, connected to this one, has told who it is.
    async fn sees(&self, foreign: PeerId) {
        let view = self
            .view("identify", foreign, |view| view.agent.is_some())
            .await;
        let agent = view.agent.unwrap();
        assert!(view.connected, "{agent}");
        assert!(
            agent.starts_with("js-libp2p/") && agent.contains(" node/22."),
            "{agent}"
        );
    }

    /// Publishes as soon as a neighbour listens.
    async fn publish(&self, text: &str) {
        let publishing = async {
            while let Err(error) = self.mesh.publish(TOPIC, text.into()).await {
                assert_eq!(error, PublishError::NoPeers);
                sleep(STEP).await;
            }
        };
        within("somebody to gossip to", publishing).await;
    }

    /// The next message: who signed it, who passed it here, and what it says. It is accepted.
    async fn gossip(&mut self) -> (PeerId, PeerId, String) {
        let hearing = async {
            loop {
                let event = self.events.recv().await.expect("the mesh has stopped");
                if let Event::Gossip {
                    source,
                    forwarder,
                    body,
                    verdict,
                    ..
                } = event
                {
                    verdict.accept();
                    return (source, forwarder, String::from_utf8(body).unwrap());
                }
            }
        };
        within("gossip", hearing).await
    }
}

#[tokio::test]
#[ignore = "acceptance: foreign-node"]
async fn foreign_node_connects_pings_gossips_and_finds_a_third_by_kademlia() {
    let folder = installed();
    let mut first = Node::start(1, Limits::default().outgoing).await;
    let mut js = Foreign::start(&folder).await;
    meet(&mut js, &first).await;
    gossip_between_two(&mut js, &mut first).await;
    // One connection of its own, to the first node: it hears of the foreign node in the DHT, and must not meet
    // it before it is found.
    let mut third = Node::start(2, 1).await;
    let (here, there) = (first.mesh.peer_id(), third.mesh.peer_id());
    let unknown = js.attempt("find", json!({"peer": there.to_string()})).await;
    assert_eq!(unknown, Err("NotFoundError: Not found".into()));
    third.mesh.dial(here, first.addresses.clone()).await;
    first
        .view("the third node", there, |view| view.agent.is_some())
        .await;
    gossip_by_way_of_the_first(&mut js, &mut first, &mut third).await;
    find(&mut js, &first, &third).await;
}

/// They connect, tell each other who they are, and answer each other's pings.
async fn meet(js: &mut Foreign, first: &Node) {
    let peer = first.mesh.peer_id().to_string();
    let dialled = js.ask("dial", json!({"addresses": first.addresses})).await;
    assert_eq!(dialled["peer"], peer.as_str());
    js.sees(first).await;
    first.sees(js.peer).await;
    // What it does unasked is over. Its Kademlia pings whom it meets, and the specification has one ping stream
    // at a time: rust-libp2p drops the older of two. And it must find the third node only when told to.
    js.event("settled", |_| true).await;
    let pinged = js.ask("ping", json!({"peer": peer})).await;
    assert!(pinged["ms"].is_u64(), "{pinged}");
    first
        .view("an answered ping", js.peer, |view| {
            view.round_trip.is_some()
        })
        .await;
}

/// What each of the two says, the other hears, with its author.
async fn gossip_between_two(js: &mut Foreign, first: &mut Node) {
    let peer = first.mesh.peer_id().to_string();
    js.ask("subscribe", json!({"topic": TOPIC})).await;
    js.event("subscription", |line| {
        line["peer"] == peer.as_str() && line["topic"] == TOPIC && line["is_subscribed"] == true
    })
    .await;
    let said = json!({"topic": TOPIC, "text": "from js"});
    let published = js.ask("publish", said).await;
    assert_eq!(published["recipients"], json!([peer]));
    assert_eq!(first.gossip().await, (js.peer, js.peer, "from js".into()));
    first.publish("from the first").await;
    assert_eq!(js.gossip_of(first.mesh.peer_id()).await, "from the first");
}

/// What is accepted is passed on, in both directions, with its author's signature.
async fn gossip_by_way_of_the_first(js: &mut Foreign, first: &mut Node, third: &mut Node) {
    let (here, there) = (first.mesh.peer_id(), third.mesh.peer_id());
    third.publish("from the third").await;
    let heard = first.gossip().await;
    assert_eq!(heard, (there, there, "from the third".into()));
    assert_eq!(js.gossip_of(there).await, "from the third");
    js.ask("publish", json!({"topic": TOPIC, "text": "to everybody"}))
        .await;
    let heard = first.gossip().await;
    assert_eq!(heard, (js.peer, js.peer, "to everybody".into()));
    let heard = third.gossip().await;
    assert_eq!(heard, (js.peer, here, "to everybody".into()));
}

/// The foreign node learns from the first alone where the third is, and connects there.
async fn find(js: &mut Foreign, first: &Node, third: &Node) {
    let peer = third.mesh.peer_id().to_string();
    let found = js.ask("find", json!({"peer": peer})).await;
    assert_eq!(found["from"], first.mesh.peer_id().to_string().as_str());
    assert_eq!(found["addresses"], json!(third.addresses));
    let dialled = js
        .ask("dial", json!({"addresses": found["addresses"]}))
        .await;
    assert_eq!(dialled["peer"], peer.as_str());
    third.sees(js.peer).await;
    js.sees(third).await;
}
