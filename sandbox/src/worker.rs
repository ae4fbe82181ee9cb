//! The child process: takes requests from the socket that is its standard input, runs guests on a thread,
//! and answers. It decides nothing about results.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, Write as _},
    os::{fd::FromRawFd as _, unix::net::UnixStream},
    path::Path,
    process::ExitCode,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use edgecoder_node_store::Faults;

use crate::{
    cache,
    client::EngineOptions,
    engine::Runtime,
    raw::RawRun,
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
        Role::Serve { cache_dir, options } => serve(socket, &cache_dir, options),
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
            seal()?;
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

fn serve(mut socket: UnixStream, cache_dir: &Path, options: EngineOptions) -> io::Result<()> {
    let runtime = match load(cache_dir, options) {
        Ok(runtime) => runtime,
        Err(why) => return wire::write(&mut socket, &FromChild::Ready(Err(why))),
    };
    let shared = Arc::new(Shared::new(socket.try_clone()?));
    let guests = shared.clone();
    thread::Builder::new()
        .name("guest".into())
        .spawn(move || execute(&runtime, &guests))?;
    if let Err(error) = seal() {
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
                let (run, used) = prepared.run(&unit.active.job, call, &unit.active.stop);
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
    stop: AtomicBool,
    left: AtomicUsize,
}

struct Unit {
    id: u64,
    index: usize,
    active: Arc<Active>,
}

struct Shared {
    queue: Mutex<VecDeque<Unit>>,
    filled: Condvar,
    active: Mutex<HashMap<u64, Arc<Active>>>,
    socket: Mutex<UnixStream>,
}

impl Shared {
    fn new(socket: UnixStream) -> Self {
        Self {
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
            stop: AtomicBool::new(false),
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
        if let Some(active) = lock(&self.active).remove(&id) {
            active.stop.store(true, Ordering::Relaxed);
        }
        lock(&self.queue).retain(|unit| unit.id != id);
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
        if unit.active.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            lock(&self.active).remove(&unit.id);
        }
        if unit.active.stop.load(Ordering::Relaxed) {
            return;
        }
        let index = u32::try_from(unit.index).unwrap_or(u32::MAX);
        let answer = |run| FromChild::Run(unit.id, index, Box::new(run));
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
