//! One guest run: prepared while idle, begun with a request, told as a [`RawRun`] whatever happens.

use edgecoder_protocol::{Bytes, Fuel, Limits, TestResult, receipt::TestOutcome as Judged};
use wasmtime::{
    Store, Trap,
    component::{HasSelf, Linker, bindgen},
};
use wasmtime_wasi::I32Exit;

use crate::{
    engine::Runtime,
    host::{Captured, Host},
    raw::{RawEnded, RawRun},
    wire::{Job, Mode as JobMode},
};

bindgen!({
    path: "guests/python/wit",
    world: "guest",
    ownership: Borrowing { duplicate_if_necessary: false },
    imports: { default: trappable },
});

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
        let instance = runtime.guest.instantiate(&mut store)?;
        let guest = Guest::new(&mut store, &instance)?;
        guest.call_warm(&mut store)?;
        Ok(Self { store, guest })
    }

    /// Standard output and standard error, which can be read while it runs.
    pub(crate) fn output(&self) -> [Captured; 2] {
        let host = self.store.data();
        [host.stdout.clone(), host.stderr.clone()]
    }

    /// Runs one request; what is left of the guest is dropped by the caller, after it has answered.
    pub(crate) fn run(mut self, job: &Job, call: &str) -> (RawRun, Used) {
        let run = self.try_run(job, call).unwrap_or_else(|error| {
            RawRun::not_run(format!("the guest could not be started: {error:#}"))
        });
        (run, Used(self))
    }

    fn try_run(&mut self, job: &Job, call: &str) -> wasmtime::Result<RawRun> {
        let limits = job.limits;
        let fuel = i64::try_from(limits.fuel.0)?;
        let store = &mut self.store;
        // What warming up burned is gone with it.
        self.guest.call_meter(&mut *store, fuel)?;
        let host = store.data_mut();
        host.begin(job.seed, limits.memory.0, limits.output.0);
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
        let answer = self.guest.call_run(&mut *store, request);
        let (mut run, left) = match answer {
            // The machine's shortage is nobody's result, whatever the guest made of it.
            _ if store.data().limiter.host_failed => {
                let why = "this machine has no memory left for it".to_owned();
                (RawRun::not_run(why), fuel)
            }
            Ok(response) => {
                let left = self.guest.call_meter(&mut *store, 0)?;
                (read(response, &limits), left)
            }
            // While the host has it make room for values it cannot say anything; all that it would say is this.
            Err(error) if is_mute(&error) && !store.data().limiter.denied => {
                (RawRun::ended(RawEnded::OutOfFuel), 0)
            }
            // A guest that broke without a word, as outside its memory, is taken to have burned everything.
            Err(error) => {
                let left = store.data().fuel_left.unwrap_or(0);
                (RawRun::ended(trapped(&error)), left)
            }
        };
        if left < 0 {
            // Between its checks it may burn more than there is. The sum is the limit everywhere.
            run = RawRun::ended(RawEnded::OutOfFuel);
        }
        run.fuel = Fuel(limits.fuel.0 - left.clamp(0, fuel).cast_unsigned());
        let host = store.data();
        let ((stdout, cut_out), (stderr, cut_err)) = (host.stdout.take(), host.stderr.take());
        (run.stdout, run.stderr, run.cut) = (stdout, stderr, cut_out || cut_err);
        run.memory = Bytes(host.limiter.peak as u64);
        run.denied = host.limiter.denied;
        Ok(run)
    }
}

/// Adds what only our guests import.
pub(crate) fn add_to_linker(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    Guest::add_to_linker_imports::<_, HasSelf<_>>(linker, |host| host)
}

impl GuestImports for Host {
    fn fuel_left(&mut self, left: i64) -> wasmtime::Result<()> {
        self.fuel_left = Some(left);
        if left < 0 {
            return Err(wasmtime::Error::msg("all fuel is burned"));
        }
        Ok(())
    }
}

/// A guest after its run. Dropping it unmaps some hundred megabytes of address space.
pub(crate) struct Used(#[expect(dead_code, reason = "held to be dropped later")] Prepared);

fn is_mute(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref(), Some(Trap::CannotLeaveComponent))
}

fn trapped(error: &wasmtime::Error) -> RawEnded {
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return RawEnded::Exited(exit.0.to_string());
    }
    match error.downcast_ref::<Trap>() {
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
