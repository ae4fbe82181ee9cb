//! Contents that move between whole nodes, from several at once: some lie, vanish, or are cut short.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::support::{Node, TCP, quiet, start, within};
use edgecoder_mesh::{
    Event, Mesh, Service,
    transfer::{
        Ask, AskError, FetchCause, FetchError, Fetched, OffenceKind, Sink, SinkError, Source,
        Supply, answer, fetch,
    },
};
use edgecoder_protocol::{
    Bytes, Hash, PeerId,
    content::{CHUNK, ContentRequest, Outline},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const PROVIDERS: u8 = 4;
const SIZE: usize = 12 * CHUNK;
const CHUNKS: u32 = 12;

/// What every provider has.
struct Content {
    bytes: Vec<u8>,
    outline: Outline,
}

impl Content {
    fn new() -> Arc<Self> {
        let mut bytes = vec![0; SIZE];
        for (index, leaf) in bytes.chunks_mut(1024).enumerate() {
            leaf[..8].copy_from_slice(&(index as u64).to_le_bytes());
        }
        let outline = Outline::of(&bytes).unwrap();
        Arc::new(Self { bytes, outline })
    }
}

/// What the first provider does. The others give chunks only when it has done so, whatever the machine's load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// Nothing of note.
    Serves,
    /// Puts a wrong byte into the first chunk that it gives.
    Lies,
    /// Gives one chunk, and vanishes when it is asked for the next.
    Vanishes,
}

/// One provider's way of giving the content.
struct Shelf {
    content: Arc<Content>,
    /// `None`: it is not the first.
    first: Option<First>,
    /// Cancelled when the first has done what it does.
    done: CancellationToken,
    given: AtomicUsize,
}

impl Source for Shelf {
    fn outline(&self, hash: Hash) -> Supply {
        match hash == self.content.outline.hash() {
            true => Supply::Found(self.content.outline.encode()),
            false => Supply::Absent,
        }
    }

    fn chunk(&self, _: Hash, index: u32) -> Supply {
        let chunk = self.content.bytes.chunks(CHUNK).nth(index as usize);
        let Some(mut chunk) = chunk.map(<[u8]>::to_vec) else {
            return Supply::Absent;
        };
        let given = self.given.fetch_add(1, Ordering::SeqCst);
        if (self.first, given) == (Some(First::Lies), 0) {
            chunk[77] ^= 1;
        }
        Supply::Found(chunk)
    }
}

/// Answers what `node` is asked.
fn provide(node: &mut Node, shelf: Arc<Shelf>) {
    let mut events = std::mem::replace(&mut node.events, mpsc::channel(1).1);
    let stop = node.stop.clone();
    tokio::spawn(async move {
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
            let is_chunk = ContentRequest::decode(&body)
                .is_ok_and(|request| matches!(request, ContentRequest::Chunk { .. }));
            if shelf.first.is_none() && is_chunk {
                shelf.done.cancelled().await;
            }
            if shelf.first == Some(First::Vanishes) && shelf.given.load(Ordering::SeqCst) > 0 {
                stop.cancel();
                shelf.done.cancel();
                return;
            }
            let source = shelf.clone();
            let work = move || answer(&body, &*source).unwrap();
            let body = tokio::task::spawn_blocking(work).await.unwrap();
            // Whoever asked may have gone.
            reply.send(body).ok();
            if shelf.first == Some(First::Lies) && is_chunk {
                shelf.done.cancel();
            }
        }
    });
}

/// Four nodes with the content, and one without that is connected to each.
struct Swarm {
    content: Arc<Content>,
    shelves: Vec<Arc<Shelf>>,
    providers: Vec<Node>,
    node: Node,
}

impl Swarm {
    async fn new(first: First) -> Self {
        let content = Content::new();
        let done = CancellationToken::new();
        if first == First::Serves {
            done.cancel();
        }
        let mut node = start(100, quiet(TCP)).await;
        let (mut shelves, mut providers) = (Vec::new(), Vec::new());
        for number in 1..=PROVIDERS {
            let mut provider = start(number, quiet(TCP)).await;
            let shelf = Arc::new(Shelf {
                content: content.clone(),
                first: (number == 1).then_some(first),
                done: done.clone(),
                given: AtomicUsize::new(0),
            });
            provide(&mut provider, shelf.clone());
            node.join(&provider).await;
            shelves.push(shelf);
            providers.push(provider);
        }
        Self {
            content,
            shelves,
            providers,
            node,
        }
    }

    fn ids(&self) -> Vec<PeerId> {
        self.providers.iter().map(Node::id).collect()
    }

    async fn fetch(
        &self,
        ask: &impl Ask,
        sink: &Memory,
        stop: &CancellationToken,
    ) -> Result<Fetched, FetchError> {
        let hash = self.content.outline.hash();
        let max = Bytes(SIZE as u64);
        within(fetch(hash, &self.ids(), max, ask, sink, stop)).await
    }
}

/// A sink that stops the transfer, if it shall, as soon as it has so many chunks.
#[derive(Default)]
struct Memory {
    outline: Mutex<Option<Outline>>,
    chunks: Mutex<BTreeMap<u32, Vec<u8>>>,
    stop: Option<(usize, CancellationToken)>,
}

impl Memory {
    fn missing(&self) -> BTreeSet<u32> {
        let chunks = self.chunks.lock().unwrap();
        let all = 0..CHUNKS;
        all.filter(|index| !chunks.contains_key(index)).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        let chunks = self.chunks.lock().unwrap();
        chunks.values().flatten().copied().collect()
    }
}

impl Sink for Memory {
    async fn resume(&self) -> Result<Option<Outline>, SinkError> {
        Ok(self.outline.lock().unwrap().clone())
    }

    async fn begin(&self, outline: Outline) -> Result<Vec<u32>, SinkError> {
        *self.outline.lock().unwrap() = Some(outline);
        Ok(self.missing().into_iter().collect())
    }

    async fn write(&self, index: u32, bytes: Vec<u8>) -> Result<(), SinkError> {
        let mut chunks = self.chunks.lock().unwrap();
        chunks.insert(index, bytes);
        if let Some((count, stop)) = &self.stop
            && *count == chunks.len()
        {
            stop.cancel();
        }
        Ok(())
    }
}

/// The mesh, and what it was asked.
struct Noted<'a> {
    mesh: &'a Mesh,
    asked: Mutex<Vec<ContentRequest>>,
}

impl Ask for Noted<'_> {
    async fn ask(
        &self,
        peer: PeerId,
        body: Vec<u8>,
        within: Duration,
    ) -> Result<Vec<u8>, AskError> {
        let request = ContentRequest::decode(&body).unwrap();
        self.asked.lock().unwrap().push(request);
        self.mesh.ask(peer, body, within).await
    }
}

fn total(fetched: &Fetched) -> u64 {
    fetched
        .bytes_by_provider
        .values()
        .map(|bytes| bytes.0)
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_content_comes_whole_from_four_nodes_at_once() {
    let swarm = Swarm::new(First::Serves).await;
    let (sink, stop) = (Memory::default(), CancellationToken::new());
    let fetched = swarm.fetch(&swarm.node.mesh, &sink, &stop).await.unwrap();
    assert!(sink.bytes() == swarm.content.bytes);
    assert_eq!(
        (total(&fetched), &fetched.offences[..]),
        (SIZE as u64, &[][..])
    );
    assert!(fetched.bytes_by_provider.len() > 1, "{fetched:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lies_about_one_chunk_is_reported_and_the_content_is_right() {
    let swarm = Swarm::new(First::Lies).await;
    let (sink, stop) = (Memory::default(), CancellationToken::new());
    let fetched = swarm.fetch(&swarm.node.mesh, &sink, &stop).await.unwrap();
    assert!(sink.bytes() == swarm.content.bytes);
    let liar = swarm.providers[0].id();
    let [lie] = fetched.offences[..] else {
        panic!("{fetched:?}")
    };
    assert_eq!(lie.peer, liar);
    assert!(matches!(lie.kind, OffenceKind::WrongChunk { index } if index < CHUNKS));
    assert_eq!(total(&fetched), SIZE as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_node_vanishes_in_the_middle_the_others_give_the_rest() {
    let mut swarm = Swarm::new(First::Vanishes).await;
    let (sink, stop) = (Memory::default(), CancellationToken::new());
    let fetched = swarm.fetch(&swarm.node.mesh, &sink, &stop).await.unwrap();
    assert!(sink.bytes() == swarm.content.bytes);
    assert_eq!(
        (total(&fetched), &fetched.offences[..]),
        (SIZE as u64, &[][..])
    );
    let gone = &mut swarm.providers[0].actor;
    within(gone).await.unwrap();
    assert_eq!(swarm.shelves[0].given.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_stop_in_the_middle_only_the_missing_chunks_are_asked_for() {
    let swarm = Swarm::new(First::Serves).await;
    let stop = CancellationToken::new();
    let mut sink = Memory {
        stop: Some((5, stop.clone())),
        ..Memory::default()
    };
    let stopped = swarm.fetch(&swarm.node.mesh, &sink, &stop).await;
    let error = stopped.unwrap_err();
    assert!(matches!(error.cause, FetchCause::Stopped), "{error}");
    let missing = sink.missing();
    assert!((1..=7).contains(&missing.len()), "{missing:?}");

    sink.stop = None;
    let mesh = &swarm.node.mesh;
    let asked = Mutex::default();
    let noted = Noted { mesh, asked };
    let fetched = swarm.fetch(&noted, &sink, &CancellationToken::new()).await;
    assert!(sink.bytes() == swarm.content.bytes);
    assert_eq!(total(&fetched.unwrap()), (missing.len() * CHUNK) as u64);
    let hash = swarm.content.outline.hash();
    // A slow machine may have asked two for the same.
    let asked = noted.asked.into_inner().unwrap();
    let mut indices = BTreeSet::new();
    for request in asked {
        let ContentRequest::Chunk { hash: of, index } = request else {
            panic!("the outline was there: {request:?}")
        };
        assert_eq!(of, hash);
        indices.insert(index);
    }
    assert_eq!(indices, missing);
}
