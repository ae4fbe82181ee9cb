//! One guest run: prepared while idle, begun with a request, told as a [`RawRun`] whatever happens.

use std::{
    future::Future,
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use edgecoder_protocol::{Bytes, Fuel, Limits, TestResult, receipt::TestOutcome as Judged};
use wasmtime::{Store, Trap, component::bindgen};
use wasmtime_wasi::I32Exit;

use crate::{
    engine::Runtime,
    host::Host,
    raw::{RawEnded, RawRun},
    wire::{Job, Mode as JobMode},
};

bindgen!({
    path: "guests/python/wit",
    world: "guest",
    ownership: Borrowing { duplicate_if_necessary: false },
    exports: { default: async },
});

/// Fuel between two looks at the wall clock: about 5 ms.
const SLICE: u64 = 20_000_000;
/// Tests in one suite, and characters of a name and a message: the guest keeps to the same.
const TESTS_MAX: usize = 10_000;
const NAME_MAX: usize = 200;
const MESSAGE_MAX: usize = 4_000;
/// Bytes of all names and messages of a suite.
const TESTS_TEXT_MAX: usize = 16 << 20;
/// Bytes and number of files that a run hands back.
const WRITTEN_MAX: usize = 8 << 20;
const WRITTEN_COUNT_MAX: usize = 1_000;

/// A fresh guest that waits for its one request.
pub(crate) struct Prepared {
    store: Store<Host>,
    guest: Guest,
}

impl Prepared {
    /// Instantiates, and lets the guest touch what every run touches.
    pub(crate) fn new(runtime: &Runtime) -> wasmtime::Result<Self> {
        let mut store = Store::new(&runtime.engine, Host::new());
        store.limiter(|host| &mut host.limiter);
        store.data_mut().limiter.preparing();
        store.set_fuel(u64::MAX)?;
        let guest = finish(
            async {
                let instance = runtime.guest.instantiate_async(&mut store).await?;
                let guest = Guest::new(&mut store, &instance)?;
                guest.call_warm(&mut store).await?;
                Ok(guest)
            },
            || true,
        );
        let guest = guest.unwrap_or_else(|| Err(wasmtime::Error::msg("it was not prepared")))?;
        Ok(Self { store, guest })
    }

    /// Runs one request; what is left of the guest is dropped by the caller, after it has answered.
    pub(crate) fn run(mut self, job: &Job, call: &str, stop: &AtomicBool) -> (RawRun, Used) {
        let run = self.try_run(job, call, stop).unwrap_or_else(|error| {
            RawRun::not_run(format!("the guest could not be started: {error:#}"))
        });
        (run, Used(self))
    }

    fn try_run(&mut self, job: &Job, call: &str, stop: &AtomicBool) -> wasmtime::Result<RawRun> {
        let limits = job.limits;
        let store = &mut self.store;
        store
            .data_mut()
            .begin(job.seed, limits.memory.0, limits.output.0);
        store.set_fuel(limits.fuel.0)?;
        store.fuel_async_yield_interval(Some(SLICE))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the backstop against a stuck machine is real time"
        )]
        let began = Instant::now();
        let wall_max = Duration::from_millis(limits.wall_ms);
        let may_go_on = || !stop.load(Ordering::Relaxed) && began.elapsed() < wall_max;
        let files: Vec<_> = job
            .files
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_slice()))
            .collect();
        let request = Request {
            files: &files,
            mode: match job.mode {
                JobMode::Script => Mode::Script,
                JobMode::Unittest => Mode::Unittest,
                JobMode::Asserts => Mode::Asserts,
                JobMode::Call => Mode::Call,
            },
            entry: &job.entry,
            tests: &job.tests,
            call,
            stdin: &job.stdin,
            seed: job.seed,
            output_limit: limits.output.0,
            result_limit: limits.result.0,
        };
        let answer = finish(self.guest.call_run(&mut *store, request), may_go_on);
        let mut run = match answer {
            // The machine's shortage is nobody's result, whatever the guest made of it.
            _ if store.data().limiter.host_failed => {
                RawRun::not_run("this machine has no memory left for it".to_owned())
            }
            Some(Ok(response)) => read(response, &limits),
            Some(Err(error)) => RawRun::ended(trapped(&error)),
            None => RawRun::ended(RawEnded::WallClock),
        };
        let left = match run.ended {
            // The operator that did not fit is not counted, so that the sum is the limit everywhere.
            RawEnded::OutOfFuel => 0,
            _ => store.get_fuel()?,
        };
        run.fuel = Fuel(limits.fuel.0 - left);
        let host = store.data();
        let ((stdout, cut_out), (stderr, cut_err)) = (host.stdout.take(), host.stderr.take());
        (run.stdout, run.stderr, run.cut) = (stdout, stderr, cut_out || cut_err);
        run.memory = Bytes(host.limiter.peak as u64);
        run.denied = host.limiter.denied;
        Ok(run)
    }
}

/// Drives a guest's call to its end on this thread. It pauses only between slices of fuel, since no host
/// function ever waits; `None` when it may not go on there.
fn finish<T>(call: impl Future<Output = T>, may_go_on: impl Fn() -> bool) -> Option<T> {
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match call.as_mut().poll(&mut context) {
            Poll::Ready(answer) => return Some(answer),
            Poll::Pending if may_go_on() => {}
            Poll::Pending => return None,
        }
    }
}

/// A guest after its run. Dropping it unmaps some hundred megabytes of address space.
pub(crate) struct Used(#[expect(dead_code, reason = "held to be dropped later")] Prepared);

fn trapped(error: &wasmtime::Error) -> RawEnded {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return RawEnded::Exited(exit.0.to_string());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => RawEnded::OutOfFuel,
        Some(Trap::StackOverflow) => RawEnded::StackExhausted,
        Some(trap) => RawEnded::Trapped(trap.to_string()),
        None => RawEnded::Trapped(format!("{error:#}")),
    }
}

/// Takes the guest's answer, which may be forged, within bounds.
fn read(response: Response, limits: &Limits) -> RawRun {
    let cut = |text: String, max: usize| match text.char_indices().nth(max) {
        None => text,
        Some((at, _)) => text[..at].to_owned(),
    };
    let message = cut(response.message, MESSAGE_MAX);
    let ended = match response.ended {
        Ended::Returned => RawEnded::Returned,
        Ended::Raised => RawEnded::Raised {
            class: cut(response.class, NAME_MAX),
            bases: (response.bases.into_iter().take(50))
                .map(|base| cut(base, NAME_MAX))
                .collect(),
            message,
        },
        Ended::Exited => RawEnded::Exited(message),
        Ended::Unsupported => RawEnded::Unsupported(message),
    };
    let mut run = RawRun::ended(ended);
    let file = |(path, bytes): &(String, Vec<u8>)| path.len() + bytes.len();
    let written: usize = response.written.iter().map(file).sum();
    let tests = response.tests.iter();
    let tests_text: usize = tests.map(|test| test.name.len() + test.message.len()).sum();
    if response.value.len() as u64 > limits.result.0 {
        let why = format!("returned a value larger than {} bytes", limits.result);
        run.ended = RawEnded::Unsupported(why);
    } else if response.tests.len() > TESTS_MAX || tests_text > TESTS_TEXT_MAX {
        let why = format!("reported more than {TESTS_MAX} tests or {TESTS_TEXT_MAX} bytes of them");
        run.ended = RawEnded::Unsupported(why);
    } else if written > WRITTEN_MAX || response.written.len() > WRITTEN_COUNT_MAX {
        let why = format!("wrote more than {WRITTEN_COUNT_MAX} files or {WRITTEN_MAX} bytes");
        run.ended = RawEnded::Unsupported(why);
    } else {
        run.value = response.value;
        run.written = response.written;
        let result = |test: Test| TestResult {
            name: cut(test.name, NAME_MAX),
            outcome: match test.outcome {
                TestOutcome::Passed => Judged::Passed,
                TestOutcome::Failed => Judged::Failed,
                TestOutcome::Errored => Judged::Errored,
                TestOutcome::Skipped => Judged::Skipped,
            },
            message: cut(test.message, MESSAGE_MAX),
        };
        run.tests = response.tests.into_iter().map(result).collect();
    }
    run
}
