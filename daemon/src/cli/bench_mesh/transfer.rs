//! 100 MB from four providers against one, each behind a link of its own that carries a quarter of all; and what is
//! sent again after all links were cut in the middle and the fetching node began anew.
//!
//! Each node is a thread with a network of its own (`link`), so that this needs root.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread::JoinHandle,
    time::Duration,
};

use edgecoder_mesh::{Event, Mesh, Service, Started, transfer};
use edgecoder_protocol::{Bytes, NetworkId, PeerId};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    at_least,
    content::{SIZE, Shelf, Shop},
    link::{Cable, own_network},
    peers::{config, key},
};
use crate::cli::{
    Place,
    bench::{Figure, Row, clock, figure, odd},
    failure::Failure,
};

const PROVIDERS: u8 = 4;
/// Of each provider's link, 10 MB/s: one transfer from one takes ten seconds.
const RATE: &str = "80mbit";
const ROUNDS: usize = 3;
const NETWORK: NetworkId = NetworkId([0xbf; 32]);
/// How long one transfer, or a connection, may take.
const TRANSFER_MAX: Duration = Duration::from_secs(120);
const CONNECT_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long all links are cut.
const CUT: Duration = Duration::from_secs(1);
/// Chunks that are kept when they are cut.
const CUT_AFTER: usize = 40;

pub async fn rows(at: &Place) -> Result<Vec<Row>, Failure> {
    let stop = CancellationToken::new();
    let _guard: DropGuard = stop.clone().drop_guard();
    let folder = at
        .config
        .cache_dir
        .join(format!("bench-transfer-{}", std::process::id()));
    let _folder = Folder(folder.clone());
    let (said, result) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        // Whoever waits may be gone.
        said.send(measured(&folder, &stop)).ok();
    });
    let rows = result.await.map_err(|error| odd(&error))?;
    // It has nothing left to do.
    spawn_blocking(|| thread.join()).await.ok();
    rows
}

/// Removed when dropped; in the cache, which may be deleted at any time.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// On the fetching node's thread.
fn measured(folder: &Path, stop: &CancellationToken) -> Result<Vec<Row>, Failure> {
    own_network()?;
    let shelf = Shelf::new()?;
    let mut providers = Vec::new();
    for number in 1..=PROVIDERS {
        providers.push(Provider::start(Cable(number), shelf.clone(), stop.clone())?);
    }
    let fetching = Fetching {
        shelf,
        providers,
        folder,
    };
    let runtime = runtime()?;
    let rows = runtime.block_on(async {
        stop.run_until_cancelled(fetching.rows())
            .await
            .unwrap_or_else(|| Err(odd(&"the benchmark was interrupted")))
    });
    // What the runtime still holds are connections to providers that end too.
    runtime.shutdown_background();
    stop.cancel();
    for provider in fetching.providers {
        // A provider's failure was told when it started.
        provider.thread.join().ok();
    }
    rows
}

/// One thread: a network namespace is a thread's, and so are the sockets that it opens.
fn runtime() -> Result<Runtime, Failure> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| odd(&error))
}

/// A node that has the content, behind a link of its own.
struct Provider {
    cable: Cable,
    peer: PeerId,
    addresses: Vec<String>,
    thread: JoinHandle<()>,
}

impl Provider {
    /// Called on the fetching node's thread, in whose network the cable begins.
    fn start(cable: Cable, shelf: Arc<Shelf>, stop: CancellationToken) -> Result<Self, Failure> {
        let (said_thread, number) = mpsc::sync_channel(1);
        let (lay, laid) = mpsc::sync_channel(1);
        let (said_addresses, addresses) = mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || {
            // Each is waited for, unless the benchmark has ended.
            said_thread.send(own_network()).ok();
            if laid.recv().is_err() {
                return;
            }
            let served = cable.take(RATE).and_then(|()| runtime()).map(|runtime| {
                runtime.block_on(serve(cable, shelf, stop, &said_addresses));
            });
            if let Err(failure) = served {
                said_addresses.send(Err(failure)).ok();
            }
        });
        cable.lay(number.recv().map_err(|error| odd(&error))??)?;
        lay.send(()).map_err(|error| odd(&error))?;
        Ok(Self {
            cable,
            peer: key(cable.0.into()).peer_id(),
            addresses: addresses.recv().map_err(|error| odd(&error))??,
            thread,
        })
    }
}

/// Gives the content until `stop`.
async fn serve(
    cable: Cable,
    shelf: Arc<Shelf>,
    stop: CancellationToken,
    said: &mpsc::SyncSender<Result<Vec<String>, Failure>>,
) {
    let listen = format!("/ip4/{}/tcp/0", cable.far_address());
    let config = config(NETWORK, listen, Vec::new(), "edgecoder/bench/1");
    let started = Mesh::start(config, &key(cable.0.into()), stop);
    let Started {
        mesh,
        mut events,
        actor,
    } = match started {
        Ok(started) => started,
        Err(error) => {
            said.send(Err(odd(&error))).ok();
            return;
        }
    };
    said.send(Ok(mesh.listening().await)).ok();
    while let Some(event) = events.recv().await {
        let Event::Request {
            service: Service::Chunk,
            body,
            reply,
            ..
        } = event
        else {
            continue;
        };
        let shelf = shelf.clone();
        let answer = spawn_blocking(move || transfer::answer(&body, &*shelf)).await;
        if let Ok(Ok(answer)) = answer {
            // Whoever asked may have gone.
            reply.send(answer).ok();
        }
    }
    actor.await.ok();
}

/// The node without the content.
struct Fetching<'a> {
    shelf: Arc<Shelf>,
    providers: Vec<Provider>,
    folder: &'a Path,
}

impl Fetching<'_> {
    async fn rows(&self) -> Result<Vec<Row>, Failure> {
        let (mut four, mut one) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            four.push(self.transfer(&self.providers).await?);
            one.push(self.transfer(&self.providers[..1]).await?);
        }
        let rates = at_least(
            format!("100 MB from {PROVIDERS} providers, each at {RATE}"),
            figure(None, four, "MB/s"),
            figure(Some("from one"), one, "MB/s"),
            2.0,
        );
        Ok(vec![rates, self.cut().await?])
    }

    /// MB/s of one transfer into an empty store, by a node that has just started.
    async fn transfer(&self, from: &[Provider]) -> Result<f64, Failure> {
        let node = Node::start(from).await?;
        let shop = Shop::open(self.folder, self.shelf.outline.hash())?;
        let began = clock();
        node.fetch(from, &self.shelf, &shop, &CancellationToken::new())
            .await?;
        shop.finish().await?;
        let seconds = began.elapsed().as_secs_f64();
        node.stop().await;
        self.clear()?;
        Ok(SIZE as f64 / 1e6 / seconds)
    }

    /// The links are cut, the node ends without having finished, and another goes on with the same folder.
    async fn cut(&self) -> Result<Row, Failure> {
        let hash = self.shelf.outline.hash();
        let node = Node::start(&self.providers).await?;
        let shop = Shop::open(self.folder, hash)?;
        let stop = CancellationToken::new();
        let cutting = async {
            shop.holds(CUT_AFTER).await;
            let cut = self.set("down");
            sleep(CUT).await;
            stop.cancel();
            cut
        };
        let (fetched, cut) = tokio::join!(
            node.fetch(&self.providers, &self.shelf, &shop, &stop),
            cutting
        );
        cut?;
        if fetched.is_ok() {
            return Err(odd(&"the transfer ended before its links were cut"));
        }
        node.stop().await;
        let kept = shop.kept();
        drop(shop);
        self.set("up")?;
        // What was asked for before the cut.
        self.shelf.given();
        let node = Node::start(&self.providers).await?;
        let shop = Shop::open(self.folder, hash)?;
        node.fetch(
            &self.providers,
            &self.shelf,
            &shop,
            &CancellationToken::new(),
        )
        .await?;
        shop.finish().await?;
        node.stop().await;
        self.clear()?;
        let given = self.shelf.given();
        let again = given.iter().filter(|index| kept.contains(index)).count();
        Ok(sent_again(again, kept.len()))
    }

    fn set(&self, state: &str) -> Result<(), Failure> {
        let mut cables = self.providers.iter().map(|provider| provider.cable);
        cables.try_for_each(|cable| cable.set(state))
    }

    fn clear(&self) -> Result<(), Failure> {
        std::fs::remove_dir_all(self.folder)
            .map_err(|error| Failure::file("remove", self.folder, &error))
    }
}

fn sent_again(again: usize, kept: usize) -> Row {
    let chunks = |name, count: usize| Figure {
        name,
        median: count as f64,
        p99: None,
        n: 1,
        unit: "chunks",
    };
    Row {
        name: "sent again after a cut".into(),
        ours: chunks(None, again),
        peer: chunks(Some("verified before"), kept),
        ratio: again as f64 / kept as f64,
        bar: "at most 0".into(),
        ok: again == 0 && kept > 0,
    }
}

/// The fetching node's mesh.
struct Node {
    started: Started,
    stop: CancellationToken,
}

impl Node {
    /// Connected to each of `to`.
    async fn start(to: &[Provider]) -> Result<Self, Failure> {
        let stop = CancellationToken::new();
        let listen = "/ip4/127.0.0.1/tcp/0".to_owned();
        let config = config(NETWORK, listen, Vec::new(), "edgecoder/bench/1");
        let started = Mesh::start(config, &key(0), stop.clone()).map_err(|error| odd(&error))?;
        let node = Self { started, stop };
        for provider in to {
            let addresses = provider.addresses.clone();
            node.started.mesh.dial(provider.peer, addresses).await;
        }
        let connected = timeout(CONNECT_MAX, node.connected(to.len())).await;
        connected.map_err(|_| odd(&"a provider cannot be reached"))?;
        Ok(node)
    }

    async fn connected(&self, count: usize) {
        loop {
            let known = self.started.mesh.peers().await;
            if known.iter().filter(|one| one.connected).count() >= count {
                return;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn fetch(
        &self,
        from: &[Provider],
        shelf: &Shelf,
        shop: &Shop,
        stop: &CancellationToken,
    ) -> Result<(), Failure> {
        let (hash, max) = (shelf.outline.hash(), Bytes(SIZE as u64));
        let peers: Vec<PeerId> = from.iter().map(|provider| provider.peer).collect();
        let fetching = transfer::fetch(hash, &peers, max, &self.started.mesh, shop, stop);
        let fetched = timeout(TRANSFER_MAX, fetching).await;
        let fetched = fetched.map_err(|_| odd(&"a transfer takes too long"))?;
        fetched.map(|_| ()).map_err(|error| odd(&error))
    }

    async fn stop(self) {
        self.stop.cancel();
        // Its end is all that is waited for.
        self.started.actor.await.ok();
    }
}
