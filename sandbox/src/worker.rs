//! The child process: takes requests from the socket that is its standard input, runs guests on a thread,
//! and answers. It decides nothing about results.

use std::{
    collections::{HashMap, VecDeque},
    fs,
    io::{self, Write as _},
    os::{fd::FromRawFd as _, unix::net::UnixStream},
    path::Path,
    process::ExitCode,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use edgecoder_node_store::Faults;

use crate::{
    bounds::OwnLimits,
    cache,
    client::EngineOptions,
    engine::{GUEST_THREAD_STACK, Runtime},
    host::Captured,
    raw::{RawEnded, RawRun},
    run::Prepared,
    seal::seal,
    self_test,
    wire::{self, FromChild, Job, NotReady, Role, ToChild},
};

/// Jobs held at once. The daemon keeps to fewer; more means that it is not the daemon who is talking.
const JOBS_MAX: usize = 1024;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The body of the program's hidden `sandbox-worker` command. Its standard input is a connected Unix socket;
/// the first frame says what to be.
pub fn worker_main() -> ExitCode {
    // SAFETY: standard input is open by convention and nothing else in this process uses it.
    let socket = unsafe { UnixStream::from_raw_fd(0) };
    match serve_role(socket) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "sandbox-worker: {error}; this command is started by the daemon, not by hand"
            );
            ExitCode::FAILURE
        }
    }
}

/// The body of the hidden `compile-guest` command: `compile-guest CACHE_DIR` compiles ahead of first use.
pub fn compile_main(args: &[std::ffi::OsString]) -> ExitCode {
    let Some(cache_dir) = args.first() else {
        eprintln!("usage: compile-guest CACHE_DIR");
        return ExitCode::from(64);
    };
    match cache::ensure(Path::new(cache_dir), EngineOptions::default()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("compile-guest: {why}; check free space and permissions of the cache folder");
            ExitCode::from(70)
        }
    }
}

fn serve_role(mut socket: UnixStream) -> io::Result<()> {
    // SAFETY: closes only descriptors that this process was not meant to inherit; none is in use yet.
    unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    match wire::read(&mut socket)? {
        Role::Serve {
            cache_dir,
            options,
            own,
        } => serve(socket, &cache_dir, options, own),
        Role::Compile {
            cache_dir,
            options,
            faults,
        } => {
            let faults = Faults::parse(&faults).unwrap_or_default();
            let done = cache::compile(&cache_dir, options, &faults).map(drop);
            wire::write(&mut socket, &FromChild::Compiled(done))
        }
        Role::SelfTest => {
            seal(None)?;
            wire::write(&mut socket, &FromChild::SelfTest(self_test::attempts()))
        }
    }
}

fn load(cache_dir: &Path, options: EngineOptions) -> Result<Runtime, NotReady> {
    let broken = |error: wasmtime::Error| NotReady::Broken(format!("{error:#}"));
    let engine = options.engine().map_err(broken)?;
    let compiled = cache::open(&cache::path(cache_dir, &engine, options))
        .map_err(|error| NotReady::NotCompiled(error.to_string()))?;
    // SAFETY: written by `cache::compile` under this engine's compatibility hash; its checksum was compared
    // and only this user can write to it.
    unsafe { Runtime::load(engine, &compiled) }.map_err(broken)
}

/// Leaves the processors to whoever else wants them. Threads take it from the one that starts them.
fn yield_to_others() -> io::Result<()> {
    // A session of its own is what the kernel weighs against other sessions, where it groups by those (sched(7),
    // autogroup). One that leads a session already, and a kernel without such groups, need nothing of that.
    rustix::process::setsid().ok();
    fs::write("/proc/self/autogroup", "19").ok();
    rustix::process::nice(19)?;
    Ok(())
}

fn serve(
    mut socket: UnixStream,
    cache_dir: &Path,
    options: EngineOptions,
    own: OwnLimits,
) -> io::Result<()> {
    if own.yields {
        yield_to_others()?;
    }
    let runtime = match load(cache_dir, options) {
        Ok(runtime) => runtime,
        Err(why) => return wire::write(&mut socket, &FromChild::Ready(Err(why))),
    };
    let shared = Arc::new(Shared::new(socket.try_clone()?));
    let guests = shared.clone();
    thread::Builder::new()
        .name("guest".into())
        .stack_size(GUEST_THREAD_STACK)
        .spawn(move || execute(&runtime, &guests))?;
    let clock = shared.clone();
    thread::Builder::new()
        .name("wall-clock".into())
        .spawn(move || clock.watch())?;
    if let Err(error) = seal(own.data_max) {
        let why = NotReady::Broken(format!("it could not be sealed: {error}"));
        return wire::write(&mut socket, &FromChild::Ready(Err(why)));
    }
    shared.answer(&FromChild::Ready(Ok(())));
    loop {
        // When the daemon is gone the socket ends, this returns, and the process with its threads ends.
        match wire::read(&mut socket)? {
            ToChild::Job(id, job) => shared.accept(id, job)?,
            ToChild::Cancel(id) => shared.cancel(id),
        }
    }
}

/// The guests' thread: have a fresh guest ready, take a call, run it, answer, and only then clean up.
fn execute(runtime: &Runtime, shared: &Shared) {
    // The WASI host asks for a runtime, though nothing of ours ever waits in it.
    let Ok(waiting) = tokio::runtime::Builder::new_current_thread().build() else {
        return;
    };
    let _entered = waiting.enter();
    loop {
        let prepared = Prepared::new(runtime);
        let unit = shared.next();
        let call = unit
            .active
            .job
            .calls
            .get(unit.index)
            .map_or("", String::as_str);
        let (run, used) = match prepared {
            Ok(prepared) => {
                if !shared.begin(&unit, prepared.output()) {
                    continue;
                }
                let (run, used) = prepared.run(&unit.active.job, call);
                (run, Some(used))
            }
            Err(error) => (
                RawRun::not_run(format!("no guest could be made: {error:#}")),
                None,
            ),
        };
        shared.finish(&unit, run);
        drop(used);
    }
}

struct Active {
    job: Job,
    left: AtomicUsize,
}

struct Unit {
    id: u64,
    index: usize,
    active: Arc<Active>,
}

/// The run that the guests' thread is in.
struct Running {
    id: u64,
    index: usize,
    since: Instant,
    wall_max: Duration,
    output: [Captured; 2],
}

struct Shared {
    running: Mutex<Option<Running>>,
    begun: Condvar,
    queue: Mutex<VecDeque<Unit>>,
    filled: Condvar,
    active: Mutex<HashMap<u64, Arc<Active>>>,
    socket: Mutex<UnixStream>,
}

impl Running {
    /// What is known of a run that is stopped by the wall clock.
    fn stopped(&self) -> RawRun {
        let mut run = RawRun::ended(RawEnded::WallClock);
        let [(stdout, cut_out), (stderr, cut_err)] = self.output.each_ref().map(Captured::take);
        (run.stdout, run.stderr, run.cut) = (stdout, stderr, cut_out || cut_err);
        run
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the backstop against a stuck machine is real time"
)]
fn now() -> Instant {
    Instant::now()
}

impl Shared {
    fn new(socket: UnixStream) -> Self {
        Self {
            running: Mutex::default(),
            begun: Condvar::new(),
            queue: Mutex::default(),
            filled: Condvar::new(),
            active: Mutex::default(),
            socket: Mutex::new(socket),
        }
    }

    fn accept(&self, id: u64, job: Job) -> io::Result<()> {
        let calls = job.calls.len();
        let active = Arc::new(Active {
            job,
            left: AtomicUsize::new(calls),
        });
        {
            let mut all = lock(&self.active);
            if all.len() >= JOBS_MAX {
                return Err(io::Error::other("more jobs than any daemon sends"));
            }
            all.insert(id, active.clone());
        }
        let unit = |index| Unit {
            id,
            index,
            active: active.clone(),
        };
        lock(&self.queue).extend((0..calls).map(unit));
        self.filled.notify_all();
        Ok(())
    }

    fn cancel(&self, id: u64) {
        lock(&self.active).remove(&id);
        lock(&self.queue).retain(|unit| unit.id != id);
        let running = lock(&self.running);
        if running.as_ref().is_some_and(|run| run.id == id) {
            self.end();
        }
    }

    /// The run in progress is not wanted any more. Nothing stops a guest but the end of its process; the daemon starts
    /// another, and has the other jobs run there. The caller holds what is running, so that no answer slips out.
    fn end(&self) -> ! {
        self.answer(&FromChild::Ending);
        std::process::exit(0);
    }

    /// Whether the unit is still wanted; from here on it can be stopped.
    fn begin(&self, unit: &Unit, output: [Captured; 2]) -> bool {
        let mut running = lock(&self.running);
        if !lock(&self.active).contains_key(&unit.id) {
            return false;
        }
        *running = Some(Running {
            id: unit.id,
            index: unit.index,
            since: now(),
            wall_max: Duration::from_millis(unit.active.job.limits.wall_ms),
            output,
        });
        self.begun.notify_one();
        true
    }

    /// Ends what runs for longer than it may.
    fn watch(&self) {
        let mut running = lock(&self.running);
        loop {
            let left = running
                .as_ref()
                .map(|run| run.wall_max.saturating_sub(run.since.elapsed()));
            running = match (left, &*running) {
                (Some(Duration::ZERO), Some(run)) => {
                    self.give(run.id, run.index, run.stopped());
                    self.end();
                }
                (Some(left), _) => {
                    let woken = self.begun.wait_timeout(running, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
                (None, _) => self
                    .begun
                    .wait(running)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn next(&self) -> Unit {
        let mut queue = lock(&self.queue);
        loop {
            match queue.pop_front() {
                Some(unit) => return unit,
                None => {
                    queue = self
                        .filled
                        .wait(queue)
                        .unwrap_or_else(PoisonError::into_inner)
                }
            }
        }
    }

    fn finish(&self, unit: &Unit, run: RawRun) {
        lock(&self.running).take();
        let last = unit.active.left.fetch_sub(1, Ordering::SeqCst) == 1;
        let mut active = lock(&self.active);
        if active.contains_key(&unit.id) {
            if last {
                active.remove(&unit.id);
            }
            drop(active);
            self.give(unit.id, unit.index, run);
        }
    }

    fn give(&self, id: u64, index: usize, run: RawRun) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let answer = |run| FromChild::Run(id, index, Box::new(run));
        let frame = wire::encode(&answer(run)).or_else(|error| {
            // More than a frame holds: forged, since every honest part of an answer is limited.
            wire::encode(&answer(RawRun::not_run(error.to_string())))
        });
        self.send(frame);
    }

    fn answer(&self, answer: &FromChild) {
        self.send(wire::encode(answer));
    }

    fn send(&self, frame: io::Result<Vec<u8>>) {
        let mut socket = lock(&self.socket);
        if frame.and_then(|frame| socket.write_all(&frame)).is_err() {
            // The daemon is gone, or would wait for this answer for ever.
            std::process::exit(1);
        }
    }
}
