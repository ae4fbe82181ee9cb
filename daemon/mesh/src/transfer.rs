//! Fetches one large content from several providers at once, and gives contents to others.
//!
//! `machine` decides what is asked of whom, and verifies what comes; this file performs it through two ports. Who
//! provides what is found elsewhere, and what is done with an offender too. Whoever answers a chunk every half
//! minute is slow, not wrong: how long a fetch may take is the caller's to say, with the token.

use std::{collections::BTreeMap, future::pending, time::Duration};

use edgecoder_protocol::{Bytes, Hash, Millis, PeerId};
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

mod machine;
mod over_mesh;
mod ports;
mod provider;
mod report;
mod serve;
#[cfg(test)]
mod tests;

use machine::{Input, Machine, Output, Work};

pub use machine::PROVIDERS_MAX;
pub use ports::{Ask, AskError, Sink, SinkError, Source, Supply};
pub use report::{FetchCause, FetchError, Fetched, Offence, OffenceKind};
pub use serve::answer;

/// How long a provider may take for one answer: four MiB at 1.5 Mbit/s.
const ASK_TIMEOUT: Duration = Duration::from_secs(30);

/// Fetches what is missing of `hash` into `sink`, from the first [`PROVIDERS_MAX`] of `providers`; of two that are
/// equally good the first is asked. Holds at most 16 MiB of chunks. Cancel-safe: what was written stays, and another
/// call goes on from there; so does one that `stop` ends.
///
/// # Errors
/// [`FetchError`], with what came until then.
pub async fn fetch(
    hash: Hash,
    providers: &[PeerId],
    max_size: Bytes,
    ask: &impl Ask,
    sink: &impl Sink,
    stop: &CancellationToken,
) -> Result<Fetched, FetchError> {
    let begin = Instant::now();
    let outline = match sink.resume().await {
        Ok(outline) => outline,
        Err(error) => {
            let cause = FetchCause::Sink(error);
            let fetched = Fetched::default();
            return Err(FetchError { cause, fetched });
        }
    };
    let mut machine = Machine::new(hash, providers, max_size, outline);
    let mut working = FuturesUnordered::new();
    // One a provider, so at most PROVIDERS_MAX.
    let mut withdrawals = BTreeMap::<PeerId, CancellationToken>::new();
    // The first one gets it going.
    let mut input = Input::Tick;
    let result = loop {
        machine.handle(moment(begin), input);
        let mut finished = None;
        while let Some(output) = machine.poll_output() {
            match output {
                Output::Do(work) => {
                    let withdrawn = match &work {
                        Work::Ask { peer, .. } => withdrawals.entry(*peer).or_default().clone(),
                        Work::Begin { .. } | Work::Write { .. } => CancellationToken::new(),
                    };
                    let performed = perform(work, hash, ask, sink);
                    working.push(unless(withdrawn, performed));
                }
                Output::Withdraw { peer } => {
                    if let Some(withdrawn) = withdrawals.get(&peer) {
                        withdrawn.cancel();
                    }
                }
                Output::Finish(result) => finished = Some(result),
            }
        }
        if let Some(result) = finished {
            break result;
        }
        let wake = machine.wake_at(moment(begin));
        input = tokio::select! {
            biased;
            () = stop.cancelled() => break Err(FetchCause::Stopped),
            Some(input) = working.next() => input,
            () = wait(begin, wake) => Input::Tick,
        };
    };
    let fetched = machine.into_fetched();
    match result {
        Ok(()) => Ok(fetched),
        Err(cause) => Err(FetchError { cause, fetched }),
    }
}

async fn perform(work: Work, hash: Hash, ask: &impl Ask, sink: &impl Sink) -> Input {
    match work {
        Work::Ask { peer, want } => {
            let asked = ask.ask(peer, want.request(hash).encode(), ASK_TIMEOUT);
            // The machine counts on an end, whatever the port does.
            let answer = timeout(ASK_TIMEOUT, asked).await;
            let answer = answer.unwrap_or(Err(AskError::Timeout));
            Input::Answered { peer, want, answer }
        }
        Work::Begin { outline } => match sink.begin(outline).await {
            Ok(missing) => Input::Begun { missing },
            Err(error) => Input::Broken(error),
        },
        Work::Write { index, bytes } => match sink.write(index, bytes).await {
            Ok(()) => Input::Written { index },
            Err(error) => Input::Broken(error),
        },
    }
}

/// What is withdrawn ends at once: a provider that was dropped must not fill memory with further chunks.
async fn unless(withdrawn: CancellationToken, work: impl Future<Output = Input>) -> Input {
    let input = withdrawn.run_until_cancelled(work).await;
    input.unwrap_or(Input::Tick)
}

async fn wait(begin: Instant, wake: Option<Millis>) {
    match wake {
        Some(at) => sleep_until(begin + at.since(Millis(0))).await,
        None => pending().await,
    }
}

/// The machine's clock: it begins with the transfer.
fn moment(begin: Instant) -> Millis {
    Millis(0).after(begin.elapsed())
}
