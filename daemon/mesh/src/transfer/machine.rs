//! The pure half of a transfer: what is asked of whom next, given what came, what did not, and the time.
//!
//! First the outline, which is verified against the hash; then the missing chunks in order, each from whoever has
//! least to do, so that quick providers give more by coming back sooner. What takes long is asked of an idle
//! provider too. Every answer is verified here; a provider that gives something wrong is dropped and reported.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use edgecoder_protocol::{
    Bytes, Hash, Millis, PeerId,
    content::{ContentRequest, ContentResponse, Outline},
};

use super::{
    ports::{AskError, SinkError},
    provider::{Provider, Setback},
    report::{FetchCause, Fetched, Offence, OffenceKind},
};

#[cfg(test)]
mod tests;

/// Providers of one transfer; those after are not asked. More would not be faster: sixteen chunks are on the way at a
/// time, from all together.
pub const PROVIDERS_MAX: usize = 64;
/// Chunks asked for or being written, of all providers together: as many MiB of memory. Further ones wait.
const ON_THE_WAY_MAX: usize = 16;
/// Providers asked for the same at a time: two may be silent, and a third is still asked at once.
const COPIES_MAX: usize = 3;
/// After so long without an answer an idle provider is asked as well. Sooner, small contents would come twice.
const COPY_AFTER: Duration = Duration::from_secs(1);

/// Something that a provider is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    Outline,
    Chunk(u32),
}

impl Want {
    pub(super) fn request(self, hash: Hash) -> ContentRequest {
        match self {
            Self::Outline => ContentRequest::Outline { hash },
            Self::Chunk(index) => ContentRequest::Chunk { hash, index },
        }
    }
}

/// Everything that can happen to a transfer.
#[derive(Debug)]
pub(super) enum Input {
    /// An ask ended.
    Answered {
        peer: PeerId,
        want: Want,
        answer: Result<Vec<u8>, AskError>,
    },
    /// The sink is ready, and lacks these chunks.
    Begun { missing: Vec<u32> },
    /// The sink has the chunk.
    Written { index: u32 },
    /// The sink failed.
    Broken(SinkError),
    /// The time of [`Machine::wake_at`] has come.
    Tick,
}

/// Everything that a transfer asks of its driver.
#[derive(Debug)]
pub(super) enum Output {
    /// Work that ends with an input, unless it is withdrawn.
    Do(Work),
    /// End what this provider was asked and has not answered: nothing of it is wanted any more.
    Withdraw { peer: PeerId },
    /// It has ended; nothing comes after this.
    Finish(Result<(), FetchCause>),
}

/// What takes time.
#[derive(Debug)]
pub(super) enum Work {
    /// Ask; answer with [`Input::Answered`], within the ask's time limit in any case.
    Ask { peer: PeerId, want: Want },
    /// Make room; answer with [`Input::Begun`] or [`Input::Broken`].
    Begin { outline: Outline },
    /// Write; answer with [`Input::Written`] or [`Input::Broken`].
    Write { index: u32, bytes: Vec<u8> },
}

#[derive(Debug)]
pub(super) struct Machine {
    hash: Hash,
    max_size: Bytes,
    /// Verified.
    outline: Option<Outline>,
    /// In the caller's order: of two that are equal the first is asked.
    providers: Vec<Provider>,
    /// What is still to come. Until the sink has said what is missing: the outline, or nothing.
    wanted: BTreeSet<Want>,
    begun: bool,
    writing: BTreeSet<u32>,
    ended: bool,
    /// Bounded by [`ON_THE_WAY_MAX`] and the driver, which takes all after each input.
    outputs: VecDeque<Output>,
    fetched: Fetched,
}

impl Machine {
    /// `outline` is what an earlier attempt left, if anything; it is not trusted.
    pub(super) fn new(
        hash: Hash,
        providers: &[PeerId],
        max_size: Bytes,
        outline: Option<Outline>,
    ) -> Self {
        let mut seen = BTreeSet::new();
        let providers = providers.iter().filter(|peer| seen.insert(**peer));
        let mut machine = Self {
            hash,
            max_size,
            outline: None,
            providers: providers
                .take(PROVIDERS_MAX)
                .map(|peer| Provider::new(*peer))
                .collect(),
            wanted: BTreeSet::from([Want::Outline]),
            begun: false,
            writing: BTreeSet::new(),
            ended: false,
            outputs: VecDeque::new(),
            fetched: Fetched::default(),
        };
        if let Some(outline) = outline.filter(|outline| outline.verify(hash).is_ok()) {
            machine.accept_outline(outline);
        }
        machine
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What was got and from whom, and who gave something wrong.
    pub(super) fn into_fetched(self) -> Fetched {
        self.fetched
    }

    /// Takes in `input`, and decides what comes next. `now` is a moment of any clock that never goes back.
    pub(super) fn handle(&mut self, now: Millis, input: Input) {
        if self.ended {
            return;
        }
        match input {
            Input::Answered { peer, want, answer } => self.answered(now, peer, want, answer),
            Input::Begun { missing } => {
                self.begun = true;
                self.wanted = missing.into_iter().map(Want::Chunk).collect();
            }
            Input::Written { index } => {
                self.writing.remove(&index);
            }
            Input::Broken(error) => self.finish(Err(FetchCause::Sink(error))),
            Input::Tick => {}
        }
        self.ask_next(now);
        self.end_if_over();
    }

    /// When to call with [`Input::Tick`] if nothing else happens before.
    pub(super) fn wake_at(&self, now: Millis) -> Option<Millis> {
        let waits = self.providers.iter().filter_map(|p| p.waits_until(now));
        let copies = self.wanted_and_asked().map(|(_, _, last)| copy_at(last));
        waits.chain(copies).filter(|at| *at > now).min()
    }

    fn answered(
        &mut self,
        now: Millis,
        peer: PeerId,
        want: Want,
        answer: Result<Vec<u8>, AskError>,
    ) {
        let Some(at) = self.providers.iter().position(|p| p.peer == peer) else {
            return;
        };
        let Some(asked_at) = self.providers[at].asked.remove(&want) else {
            return;
        };
        // Another was faster: nobody needs this any more.
        if !self.wanted.contains(&want) {
            return;
        }
        let accepted = match answer {
            Ok(body) => self.accept(peer, want, body),
            Err(AskError::Busy) => Err(Refusal::Setback(Setback::Busy)),
            Err(AskError::Timeout | AskError::Unreachable(_)) => {
                Err(Refusal::Setback(Setback::Silent))
            }
        };
        match accepted {
            Ok(()) => self.providers[at].succeed(now, asked_at),
            Err(refusal) => self.refuse(now, at, asked_at, refusal),
        }
    }

    fn accept(&mut self, peer: PeerId, want: Want, mut body: Vec<u8>) -> Result<(), Refusal> {
        let response =
            ContentResponse::decode(&body).map_err(|_| Refusal::Offence(OffenceKind::Malformed))?;
        match (want, response) {
            (Want::Outline, ContentResponse::Outline(bytes)) => {
                let outline = Outline::decode(bytes)
                    .ok()
                    .filter(|outline| outline.verify(self.hash).is_ok())
                    .ok_or(Refusal::Offence(OffenceKind::WrongOutline))?;
                self.accept_outline(outline);
            }
            (Want::Chunk(index), ContentResponse::Chunk(bytes)) => {
                let outline = self.outline.as_ref();
                if !outline.is_some_and(|outline| outline.chunk_matches(index, bytes)) {
                    return Err(Refusal::Offence(OffenceKind::WrongChunk { index }));
                }
                let got = self.fetched.bytes_by_provider.entry(peer).or_default();
                *got = got.saturating_add(Bytes(bytes.len() as u64));
                self.wanted.remove(&want);
                self.writing.insert(index);
                // The tag.
                body.remove(0);
                self.perform(Work::Write { index, bytes: body });
            }
            (_, ContentResponse::Absent) => return Err(Refusal::Absent),
            (_, ContentResponse::Busy) => return Err(Refusal::Setback(Setback::Busy)),
            (Want::Outline, ContentResponse::Chunk(_))
            | (Want::Chunk(_), ContentResponse::Outline(_)) => {
                return Err(Refusal::Offence(OffenceKind::Malformed));
            }
        }
        Ok(())
    }

    /// `outline` was verified: its size is true, and too large a one is nobody's lie.
    fn accept_outline(&mut self, outline: Outline) {
        self.wanted.clear();
        let size = Bytes(outline.shape().size());
        if size > self.max_size {
            let (hash, max) = (self.hash, self.max_size);
            return self.finish(Err(FetchCause::TooLarge { hash, size, max }));
        }
        self.outline = Some(outline.clone());
        self.perform(Work::Begin { outline });
    }

    fn refuse(&mut self, now: Millis, at: usize, asked_at: Millis, refusal: Refusal) {
        let provider = &mut self.providers[at];
        let peer = provider.peer;
        match refusal {
            Refusal::Setback(setback) => provider.set_back(now, asked_at, setback),
            Refusal::Absent => provider.drop_for_good(),
            Refusal::Offence(kind) => {
                provider.drop_for_good();
                self.fetched.offences.push(Offence { peer, kind });
            }
        }
        if !provider.is_live() {
            self.outputs.push_back(Output::Withdraw { peer });
        }
    }

    /// Asks as many providers for as much as the bounds allow.
    fn ask_next(&mut self, now: Millis) {
        while !self.ended && self.on_the_way() < ON_THE_WAY_MAX {
            let ready = |provider: &&mut Provider| provider.is_ready(now);
            let fresh = self.first_unasked();
            let copy = self.longest_asked(now);
            let by_load = |provider: &&mut Provider| provider.asked.len();
            let Some(provider) = self.providers.iter_mut().filter(ready).min_by_key(by_load) else {
                return;
            };
            let idle = provider.asked.is_empty();
            let Some(want) = fresh.or(copy.filter(|_| idle)) else {
                return;
            };
            let peer = provider.peer;
            provider.asked.insert(want, now);
            self.perform(Work::Ask { peer, want });
        }
    }

    fn on_the_way(&self) -> usize {
        let asked: usize = self.providers.iter().map(|p| p.asked.len()).sum();
        asked + self.writing.len()
    }

    /// What is wanted and was asked of somebody: by how many, and when last.
    fn wanted_and_asked(&self) -> impl Iterator<Item = (Want, usize, Millis)> {
        let mut asked = BTreeMap::<Want, (usize, Millis)>::new();
        for (want, at) in self.providers.iter().flat_map(|provider| &provider.asked) {
            let (count, last) = asked.entry(*want).or_insert((0, *at));
            (*count, *last) = (*count + 1, *at.max(last));
        }
        asked.retain(|want, _| self.wanted.contains(want));
        asked
            .into_iter()
            .map(|(want, (count, last))| (want, count, last))
    }

    fn first_unasked(&self) -> Option<Want> {
        let asked = |want: &Want| self.providers.iter().any(|p| p.asked.contains_key(want));
        self.wanted.iter().copied().find(|want| !asked(want))
    }

    /// What an idle provider should be asked for too.
    fn longest_asked(&self, now: Millis) -> Option<Want> {
        self.wanted_and_asked()
            .filter(|(_, count, last)| *count < COPIES_MAX && copy_at(*last) <= now)
            .min_by_key(|(_, _, last)| *last)
            .map(|(want, _, _)| want)
    }

    fn end_if_over(&mut self) {
        if self.ended || !self.writing.is_empty() {
            return;
        }
        if self.begun && self.wanted.is_empty() {
            return self.finish(Ok(()));
        }
        let live = self.providers.iter().any(Provider::is_live);
        if self.wanted.is_empty() || live {
            return;
        }
        let hash = self.hash;
        self.finish(Err(match &self.outline {
            None => FetchCause::NoOutline { hash },
            Some(outline) => FetchCause::NoProvider {
                hash,
                missing: self.wanted.len(),
                chunks: outline.shape().chunks(),
            },
        }));
    }

    fn perform(&mut self, work: Work) {
        self.outputs.push_back(Output::Do(work));
    }

    fn finish(&mut self, result: Result<(), FetchCause>) {
        self.ended = true;
        self.outputs.push_back(Output::Finish(result));
    }
}

/// Why an answer does not help.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Setback(Setback),
    Absent,
    Offence(OffenceKind),
}

fn copy_at(last: Millis) -> Millis {
    last.after(COPY_AFTER)
}
