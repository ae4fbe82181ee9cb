//! A transfer under test: a content, its machine, and outputs that can be compared.

use super::super::*;
use edgecoder_protocol::content::{CHUNK, offset_of};

/// Bytes of the last chunk of each content here.
pub(super) const TAIL: usize = 100;

/// An output, comparable. That a begun outline and written bytes are the right ones is checked on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Ask(u8, Want),
    Withdraw(u8),
    Begin,
    Write(u32),
    End(Result<(), String>),
}

pub(super) fn peer(number: u8) -> PeerId {
    PeerId([number; 32])
}

pub(super) fn peers(numbers: impl IntoIterator<Item = u8>) -> Vec<PeerId> {
    numbers.into_iter().map(peer).collect()
}

pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) outline: Outline,
}

impl Content {
    pub(super) fn new(chunks: u32) -> Self {
        let mut bytes = vec![0; offset_of(chunks - 1) as usize + TAIL];
        for (index, chunk) in bytes.chunks_mut(CHUNK).enumerate() {
            chunk.fill(index as u8 + 1);
        }
        let outline = Outline::of(&bytes).unwrap();
        Self { bytes, outline }
    }

    pub(super) fn chunk(&self, index: u32) -> &[u8] {
        let begin = offset_of(index) as usize;
        &self.bytes[begin..self.bytes.len().min(begin + CHUNK)]
    }

    pub(super) fn give(&self, want: Want) -> Vec<u8> {
        match want {
            Want::Outline => ContentResponse::Outline(&self.outline.encode()).encode(),
            Want::Chunk(index) => ContentResponse::Chunk(self.chunk(index)).encode(),
        }
    }

    pub(super) fn no_provider(&self, missing: usize) -> Said {
        let hash = self.outline.hash();
        let chunks = self.outline.shape().chunks();
        Said::End(Err(FetchCause::NoProvider {
            hash,
            missing,
            chunks,
        }
        .to_string()))
    }

    pub(super) fn no_outline(&self) -> Said {
        let hash = self.outline.hash();
        Said::End(Err(FetchCause::NoOutline { hash }.to_string()))
    }
}

/// A transfer of a content.
pub(super) struct Transfer {
    pub(super) content: Content,
    pub(super) machine: Machine,
}

impl Transfer {
    /// Of `chunks` chunks, from the peers 1 to `providers`, not started.
    pub(super) fn new(chunks: u32, providers: u8) -> Self {
        Self::with(chunks, &peers(1..=providers), None)
    }

    pub(super) fn with(chunks: u32, providers: &[PeerId], left: Option<Outline>) -> Self {
        let content = Content::new(chunks);
        let max = Bytes(content.bytes.len() as u64);
        let machine = Machine::new(content.outline.hash(), providers, max, left);
        Self { content, machine }
    }

    /// As [`Transfer::new`], and all chunks of it are missing; also what was said to that, at the moment 0.
    pub(super) fn begun(chunks: u32, providers: u8) -> (Self, Vec<Said>) {
        let outline = Content::new(chunks).outline;
        let mut transfer = Self::with(chunks, &peers(1..=providers), Some(outline));
        assert_eq!(transfer.tick(0), [Said::Begin]);
        let missing = (0..chunks).collect();
        let said = transfer.at(0, Input::Begun { missing });
        (transfer, said)
    }

    pub(super) fn at(&mut self, now: u64, input: Input) -> Vec<Said> {
        self.machine.handle(Millis(now), input);
        let outputs = std::iter::from_fn(|| self.machine.poll_output());
        let content = &self.content;
        outputs.map(|output| said(content, output)).collect()
    }

    pub(super) fn tick(&mut self, now: u64) -> Vec<Said> {
        self.at(now, Input::Tick)
    }

    pub(super) fn answer(
        &mut self,
        now: u64,
        from: u8,
        want: Want,
        answer: Result<Vec<u8>, AskError>,
    ) -> Vec<Said> {
        let peer = peer(from);
        self.at(now, Input::Answered { peer, want, answer })
    }

    /// The right answer.
    pub(super) fn give(&mut self, now: u64, from: u8, want: Want) -> Vec<Said> {
        let body = self.content.give(want);
        self.answer(now, from, want, Ok(body))
    }

    pub(super) fn written(&mut self, now: u64, index: u32) -> Vec<Said> {
        self.at(now, Input::Written { index })
    }

    pub(super) fn wake_at(&self, now: u64) -> Option<u64> {
        self.machine.wake_at(Millis(now)).map(|at| at.0)
    }
}

fn said(content: &Content, output: Output) -> Said {
    match output {
        Output::Do(Work::Ask { peer, want }) => Said::Ask(peer.0[0], want),
        Output::Do(Work::Begin { outline }) => {
            assert_eq!(outline, content.outline);
            Said::Begin
        }
        Output::Do(Work::Write { index, bytes }) => {
            assert!(bytes == content.chunk(index), "wrong bytes of {index}");
            Said::Write(index)
        }
        Output::Withdraw { peer } => Said::Withdraw(peer.0[0]),
        Output::Finish(result) => Said::End(result.map_err(|cause| cause.to_string())),
    }
}

pub(super) fn chunk_asks(pairs: &[(u8, u32)]) -> Vec<Said> {
    let asks = pairs
        .iter()
        .map(|(peer, index)| Said::Ask(*peer, Want::Chunk(*index)));
    asks.collect()
}

pub(super) fn fetched(bytes: &[(u8, usize)], offences: &[(u8, OffenceKind)]) -> Fetched {
    let offences = offences.iter();
    Fetched {
        bytes_by_provider: bytes
            .iter()
            .map(|(number, bytes)| (peer(*number), Bytes(*bytes as u64)))
            .collect(),
        offences: offences
            .map(|(number, kind)| Offence {
                peer: peer(*number),
                kind: *kind,
            })
            .collect(),
    }
}
