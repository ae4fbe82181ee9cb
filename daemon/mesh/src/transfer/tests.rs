//! Whole transfers in virtual time, between peers that are a table of manners and a sink in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::*;
use edgecoder_protocol::content::{
    CHUNK, ContentRequest, ContentResponse, Outline, Shape, offset_of,
};
use tokio::time::sleep;

/// Bytes of the last chunk of each content here.
const TAIL: usize = 100;
/// What an honest peer takes for an answer.
const TURN: Duration = Duration::from_millis(100);
/// No transfer here takes so long; it only ends tests that hang, at once in virtual time.
const LIMIT: Duration = Duration::from_secs(3_600);

fn peer(number: u8) -> PeerId {
    PeerId([number; 32])
}

struct Content {
    bytes: Vec<u8>,
    outline: Outline,
}

impl Content {
    fn new(chunks: u32) -> Self {
        let mut bytes = vec![0; offset_of(chunks - 1) as usize + TAIL];
        for (index, chunk) in bytes.chunks_mut(CHUNK).enumerate() {
            chunk.fill(index as u8 + 1);
        }
        let outline = Outline::of(&bytes).unwrap();
        Self { bytes, outline }
    }
}

impl Source for Content {
    fn outline(&self, _: Hash) -> Supply {
        Supply::Found(self.outline.encode())
    }

    fn chunk(&self, _: Hash, index: u32) -> Supply {
        let chunk = self.bytes.chunks(CHUNK).nth(index as usize);
        chunk.map_or(Supply::Absent, |chunk| Supply::Found(chunk.to_vec()))
    }
}

/// How a peer answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// As it should, each after so long.
    Honest(Duration),
    /// The outline as it should; the first chunk wrongly, and the others not at all.
    Lying,
    /// Never, and without minding the time limit.
    Silent,
}

struct Peers<'a> {
    content: &'a Content,
    manners: BTreeMap<PeerId, Manner>,
    asked: Mutex<Vec<(PeerId, ContentRequest)>>,
    /// Asks of liars that were neither answered nor withdrawn.
    held: AtomicUsize,
}

impl<'a> Peers<'a> {
    /// Peer 1, peer 2 and so on.
    fn new(content: &'a Content, manners: &[Manner]) -> Self {
        let numbered = (1..).map(peer).zip(manners.iter().copied());
        Self {
            content,
            manners: numbered.collect(),
            asked: Mutex::default(),
            held: AtomicUsize::new(0),
        }
    }

    fn ids(&self) -> Vec<PeerId> {
        self.manners.keys().copied().collect()
    }

    /// What was asked, of whomever, in order of what was asked.
    fn asked(&self) -> (usize, Vec<u32>) {
        let asked = self.asked.lock().unwrap();
        let mut outlines = 0;
        let mut chunks = Vec::new();
        for (_, request) in asked.iter() {
            match request {
                ContentRequest::Outline { .. } => outlines += 1,
                ContentRequest::Chunk { index, .. } => chunks.push(*index),
            }
        }
        chunks.sort_unstable();
        (outlines, chunks)
    }
}

/// Counts for as long as it lives.
struct Held<'a>(&'a AtomicUsize);

impl<'a> Held<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ask for Peers<'_> {
    async fn ask(&self, peer: PeerId, body: Vec<u8>, _: Duration) -> Result<Vec<u8>, AskError> {
        let request = ContentRequest::decode(&body).unwrap();
        let is_first = {
            let mut asked = self.asked.lock().unwrap();
            let is_chunk = |asked: &ContentRequest| matches!(asked, ContentRequest::Chunk { .. });
            let is_first = !asked
                .iter()
                .any(|(who, what)| *who == peer && is_chunk(what));
            asked.push((peer, request));
            is_first
        };
        match (self.manners[&peer], request) {
            (Manner::Honest(turn), _) => sleep(turn).await,
            (Manner::Lying, ContentRequest::Outline { .. }) => {}
            (Manner::Lying, ContentRequest::Chunk { .. }) if is_first => {
                sleep(TURN / 2).await;
                return Ok(ContentResponse::Chunk(b"lie").encode());
            }
            (Manner::Lying, ContentRequest::Chunk { .. }) => {
                let _held = Held::new(&self.held);
                pending().await
            }
            (Manner::Silent, _) => pending().await,
        }
        Ok(answer(&body, self.content).unwrap())
    }
}

/// Where a sink fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Resume,
    Begin,
    Write,
}

#[derive(Default)]
struct Memory {
    outline: Mutex<Option<Outline>>,
    chunks: Mutex<BTreeMap<u32, Vec<u8>>>,
    fault: Option<Fault>,
    /// Stops the transfer as soon as there are so many chunks.
    stop: Option<(usize, CancellationToken)>,
}

impl Memory {
    fn fail_at(&self, fault: Fault) -> Result<(), SinkError> {
        match self.fault == Some(fault) {
            true => Err(SinkError(format!("{fault:?} failed").into())),
            false => Ok(()),
        }
    }

    fn missing(&self, shape: Shape) -> Vec<u32> {
        let chunks = self.chunks.lock().unwrap();
        let all = 0..shape.chunks();
        all.filter(|index| !chunks.contains_key(index)).collect()
    }

    fn bytes(&self) -> Vec<u8> {
        let chunks = self.chunks.lock().unwrap();
        chunks.values().flatten().copied().collect()
    }
}

impl Sink for Memory {
    async fn resume(&self) -> Result<Option<Outline>, SinkError> {
        self.fail_at(Fault::Resume)?;
        Ok(self.outline.lock().unwrap().clone())
    }

    async fn begin(&self, outline: Outline) -> Result<Vec<u32>, SinkError> {
        self.fail_at(Fault::Begin)?;
        let missing = self.missing(outline.shape());
        *self.outline.lock().unwrap() = Some(outline);
        Ok(missing)
    }

    async fn write(&self, index: u32, bytes: Vec<u8>) -> Result<(), SinkError> {
        self.fail_at(Fault::Write)?;
        let mut chunks = self.chunks.lock().unwrap();
        let earlier = chunks.insert(index, bytes);
        assert_eq!(earlier, None, "{index} was written twice");
        if let Some((count, stop)) = &self.stop
            && *count == chunks.len()
        {
            stop.cancel();
        }
        Ok(())
    }
}

async fn run(
    peers: &Peers<'_>,
    sink: &Memory,
    stop: &CancellationToken,
) -> Result<Fetched, FetchError> {
    let hash = peers.content.outline.hash();
    let max = Bytes(peers.content.bytes.len() as u64);
    let providers = peers.ids();
    let fetching = fetch(hash, &providers, max, peers, sink, stop);
    timeout(LIMIT, fetching).await.expect("it hangs")
}

fn bytes_from(fetched: &Fetched) -> Vec<(u8, u64)> {
    let by_provider = fetched.bytes_by_provider.iter();
    by_provider
        .map(|(peer, bytes)| (peer.0[0], bytes.0))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_content_comes_from_several_providers_and_each_chunk_once() {
    let content = Content::new(7);
    let peers = Peers::new(&content, &[Manner::Honest(TURN); 3]);
    let sink = Memory::default();
    let begin = Instant::now();
    let fetched = run(&peers, &sink, &CancellationToken::new()).await.unwrap();
    assert!(sink.bytes() == content.bytes);
    let mib = CHUNK as u64;
    let from = [(1, 2 * mib + TAIL as u64), (2, 2 * mib), (3, 2 * mib)];
    assert_eq!(
        (bytes_from(&fetched), fetched.offences),
        (from.into(), vec![])
    );
    assert_eq!(peers.asked(), (1, (0..7).collect()));
    // The outline, and then all seven: 1 was quick with the outline, so it may have three.
    assert_eq!(begin.elapsed(), 2 * TURN);
}

#[tokio::test(start_paused = true)]
async fn after_a_stop_what_was_written_stays_and_only_the_rest_is_asked_for() {
    let content = Content::new(9);
    let stop = CancellationToken::new();
    let mut sink = Memory {
        stop: Some((4, stop.clone())),
        ..Memory::default()
    };
    let peers = Peers::new(&content, &[Manner::Honest(TURN); 2]);
    let error = run(&peers, &sink, &stop).await.unwrap_err();
    assert!(matches!(error.cause, FetchCause::Stopped), "{error}");
    let missing = sink.missing(content.outline.shape());
    assert_eq!(missing.len(), 5);

    sink.stop = None;
    let peers = Peers::new(&content, &[Manner::Honest(TURN); 2]);
    run(&peers, &sink, &CancellationToken::new()).await.unwrap();
    assert!(sink.bytes() == content.bytes);
    assert_eq!(peers.asked(), (0, missing), "not even the outline");
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_is_dropped_can_be_taken_up_too() {
    let content = Content::new(9);
    let sink = Memory::default();
    let stop = CancellationToken::new();
    let peers = Peers::new(&content, &[Manner::Honest(TURN); 2]);
    let dropped = timeout(TURN * 5 / 2, run(&peers, &sink, &stop)).await;
    assert!(dropped.is_err());
    let missing = sink.missing(content.outline.shape());
    assert_eq!(missing, [5, 6, 7, 8]);

    let peers = Peers::new(&content, &[Manner::Honest(TURN); 2]);
    run(&peers, &sink, &stop).await.unwrap();
    assert!(sink.bytes() == content.bytes);
    assert_eq!(peers.asked(), (0, missing));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_cancelled_before_asks_nobody() {
    let content = Content::new(1);
    let peers = Peers::new(&content, &[Manner::Honest(TURN)]);
    let stop = CancellationToken::new();
    stop.cancel();
    let error = run(&peers, &Memory::default(), &stop).await.unwrap_err();
    assert!(matches!(error.cause, FetchCause::Stopped), "{error}");
    assert_eq!(peers.asked(), (0, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_costs_a_second_and_not_its_time_limit() {
    let content = Content::new(4);
    let peers = Peers::new(&content, &[Manner::Silent, Manner::Honest(TURN)]);
    let sink = Memory::default();
    let begin = Instant::now();
    let fetched = run(&peers, &sink, &CancellationToken::new()).await.unwrap();
    assert!(sink.bytes() == content.bytes);
    let all = vec![(2, content.bytes.len() as u64)];
    assert_eq!((bytes_from(&fetched), fetched.offences), (all, vec![]));
    // Once for the outline, and once for the chunk that 1 was then asked for.
    let spent = begin.elapsed();
    assert!(spent < Duration::from_secs(3), "{spent:?}");
}

#[tokio::test(start_paused = true)]
async fn asks_that_never_end_are_given_up_three_times() {
    let content = Content::new(4);
    let peers = Peers::new(&content, &[Manner::Silent]);
    let begin = Instant::now();
    let stop = CancellationToken::new();
    let error = run(&peers, &Memory::default(), &stop).await.unwrap_err();
    assert!(
        matches!(error.cause, FetchCause::NoOutline { .. }),
        "{error}"
    );
    let waits = Duration::from_millis(500 + 1_000);
    assert_eq!(begin.elapsed(), 3 * ASK_TIMEOUT + waits);
    assert_eq!(peers.asked(), (3, vec![]));
}

#[tokio::test(start_paused = true)]
async fn what_a_liar_was_asked_besides_is_withdrawn() {
    let content = Content::new(6);
    let manners = [Manner::Lying, Manner::Honest(TURN)];
    let peers = Peers::new(&content, &manners);
    let sink = Memory::default();
    let stop = CancellationToken::new();
    let fetching = run(&peers, &sink, &stop);
    let watching = async {
        sleep(TURN / 4).await;
        let before = peers.held.load(Ordering::SeqCst);
        sleep(TURN / 2).await;
        (before, peers.held.load(Ordering::SeqCst))
    };
    let (fetched, held) = tokio::join!(fetching, watching);
    // A quick outline has given it a window of three.
    assert_eq!(held, (2, 0));
    let fetched = fetched.unwrap();
    assert!(sink.bytes() == content.bytes);
    let lie = Offence {
        peer: peer(1),
        kind: OffenceKind::WrongChunk { index: 0 },
    };
    assert_eq!(fetched.offences, [lie]);
    let by: BTreeSet<u8> = bytes_from(&fetched).iter().map(|(peer, _)| *peer).collect();
    assert_eq!(by, BTreeSet::from([2]));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_ends_the_transfer_and_nobody_is_blamed() {
    let content = Content::new(2);
    for fault in [Fault::Resume, Fault::Begin, Fault::Write] {
        let sink = Memory {
            fault: Some(fault),
            ..Memory::default()
        };
        let peers = Peers::new(&content, &[Manner::Honest(TURN)]);
        let error = run(&peers, &sink, &CancellationToken::new())
            .await
            .unwrap_err();
        let expected = format!("cannot write the content: {fault:?} failed");
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.fetched.offences, [], "{fault:?}");
    }
}

#[test]
fn a_transfer_may_move_between_threads() {
    fn check(_: impl Send) {}
    let content = Content::new(1);
    let peers = Peers::new(&content, &[]);
    let (sink, stop) = (Memory::default(), CancellationToken::new());
    check(fetch(Hash([0; 32]), &[], Bytes(0), &peers, &sink, &stop));
}
