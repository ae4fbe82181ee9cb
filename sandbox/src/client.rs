//! The daemon's side: one handle for many requests, and the child processes that serve them, replaced when they die.
//!
//! Guests that run at once are in processes of their own. Each guest copies the pages that it writes to, and with two
//! of them in one process every copy interrupts the other's core: two threads together were no faster than one
//! (measured on two virtual cores, three quarters of all time in page faults).

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use edgecoder_node_store::Faults;
use edgecoder_protocol::{Execution, ExecutionReport, ProfileId};
use tokio::{
    sync::{Mutex, Semaphore, mpsc},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info, warn};

use crate::{
    bounds::{Bounds, InForce, Keeper},
    check::check_sizes,
    child::{Child, Gone, Link, Ticket},
    error::SandboxError,
    guest::Guest,
    judge::Judge,
    profile::profile_id,
    request,
    wire::{FromChild, Job, NotReady, Role},
};

/// Executions in the children at once; more wait for their turn in the order they came. Above the number of
/// children, so that none idles between two; small, so that a cancelled one has cost little.
const IN_FLIGHT_MAX: usize = 64;
/// How long a child may take to map its guest, and how long to end by itself.
const READY_MAX: Duration = Duration::from_secs(60);
const STOP_MAX: Duration = Duration::from_secs(2);
/// Compiling takes 20 s of two cores; a busy or slow machine may need many times that.
const COMPILE_MAX: Duration = Duration::from_secs(900);
/// A group whose last process has ended may count it for a moment longer: half a second of looking, in all.
const RELEASE_LOOKS: u32 = 50;
const RELEASE_LOOK: Duration = Duration::from_millis(10);
/// A child that dies is replaced, and its pure request run again, this often in all.
const ATTEMPTS: usize = 2;
/// One that ends to stop a run is replaced too, and the runs that it had besides are made elsewhere: this often for one
/// execution, which after the first stop in it is inconclusive anyway.
const ENDS_MAX: usize = 32;

/// How the engine differs from the default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EngineOptions {
    /// Compile for the oldest x86-64 instead of this machine: a second build for conformance tests.
    pub baseline: bool,
}

/// How to start the sandbox.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// The program whose `args` run [`crate::worker_main`].
    pub program: PathBuf,
    /// As `["sandbox-worker"]`.
    pub args: Vec<OsString>,
    /// Where compiled guests are kept; private to this user.
    pub cache_dir: PathBuf,
    /// Guests that run at once, each in a child of its own; 0 for one a core.
    pub threads: usize,
    /// How the engine differs from the default.
    pub options: EngineOptions,
    /// What the children may use together.
    pub bounds: Bounds,
    /// Faults on purpose at file syncs.
    pub faults: Faults,
}

/// A handle to the sandbox. Cheap to clone; the child ends with the last of them.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    config: SandboxConfig,
    profile: ProfileId,
    /// Absent where nothing is bounded.
    keeper: Option<Arc<Keeper>>,
    /// A child is started when those before it are busy.
    children: Vec<Mutex<Option<Arc<Child>>>>,
    slots: Semaphore,
    next_id: AtomicU64,
    stopped: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("program", &self.0.config.program)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// A handle; bounds are set up, as well as this machine can. Children are started by [`Sandbox::run`], the first
    /// also by [`Sandbox::ready`].
    pub fn start(mut config: SandboxConfig) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if config.threads == 0 {
            config.threads = cores;
        }
        let bounds = config.bounds;
        let keeper = (!bounds.are_none()).then(|| Keeper::set_up(bounds, config.threads, cores));
        if let Some(keeper) = &keeper {
            config.threads = keeper.in_force().children;
        }
        Self(Arc::new(Inner {
            keeper: keeper.map(Arc::new),
            profile: profile_id(Guest::Python),
            children: (0..config.threads).map(|_| Mutex::default()).collect(),
            config,
            slots: Semaphore::new(IN_FLIGHT_MAX),
            next_id: AtomicU64::new(1),
            stopped: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// The profile that this sandbox's receipts name.
    pub fn profile(&self) -> ProfileId {
        self.0.profile
    }

    /// What bounds the children, where something does.
    pub fn bounds(&self) -> Option<InForce> {
        self.0.keeper.as_ref().map(|keeper| keeper.in_force())
    }

    /// Starts a child if there is none, compiling the guest if need be (once, some 20 s). Cancel-safe.
    ///
    /// # Errors
    /// [`SandboxError`] when no child can be had.
    pub async fn ready(&self) -> Result<(), SandboxError> {
        self.0.child(0).await.map(drop)
    }

    /// The children's process ids, the one first that works when there is little to do.
    pub fn child_pids(&self) -> Vec<u32> {
        // Held by whoever starts one, which may take as long as compiling does: there is none yet.
        let places = self.0.children.iter();
        let pid = |place: &Mutex<Option<Arc<Child>>>| place.try_lock().ok()?.as_ref()?.pid();
        places.filter_map(pid).collect()
    }

    /// Runs one execution to its outcome. Cancel-safe: dropping the future stops the guest.
    ///
    /// # Errors
    /// [`SandboxError`] when it is refused, or when no child can be had. A child that dies under it twice is
    /// an `inconclusive` report.
    pub async fn run(&self, execution: Execution) -> Result<ExecutionReport, SandboxError> {
        check_sizes(&execution)?;
        let inner = &*self.0;
        let slot = inner.slots.acquire().await;
        let _slot = slot.map_err(|_| SandboxError::Stopped)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "wall time is reported, never decided by"
        )]
        let began = std::time::Instant::now();
        let mut judge = Judge::new(&execution);
        let (mut deaths, mut ends) = (0, 0);
        let kills = inner.kills();
        while deaths < ATTEMPTS {
            match inner.attempt(&execution, &mut judge).await? {
                Ok(()) => break,
                Err(_) if inner.stopped.is_cancelled() => return Err(SandboxError::Stopped),
                Err(Gone::Ended) => {
                    ends += 1;
                    debug!(ends, "a sandbox process ended to stop a run in it");
                    if ends == ENDS_MAX {
                        judge.give_up("too many runs were stopped in the same processes");
                        break;
                    }
                }
                Err(Gone::Died) => {
                    deaths += 1;
                    warn!(deaths, "the sandbox process died under a run");
                }
            }
        }
        if deaths == ATTEMPTS && inner.kills() > kills {
            judge.give_up("this node lends it no more memory");
        }
        let wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(judge.finish(inner.profile, wall_ms))
    }

    /// Ends the children and every run. Cancel-safe.
    pub async fn stop(&self) {
        let inner = &*self.0;
        inner.stopped.cancel();
        inner.slots.close();
        // The token has closed the sockets, on which the children end at once.
        for place in &inner.children {
            drop(place.lock().await.take());
        }
        inner.tasks.close();
        if timeout(STOP_MAX, inner.tasks.wait()).await.is_err() {
            warn!("the sandbox process did not end in time; it is killed with its task");
        }
        inner.release().await;
    }

    /// Starts a separate child, seals it, and has it try what it must not be able to do: what was tried, and
    /// whether it was refused.
    ///
    /// # Errors
    /// [`SandboxError`] when that child cannot be had.
    pub async fn self_test(&self) -> Result<Vec<(String, bool)>, SandboxError> {
        match self.0.ask_once(Role::SelfTest, READY_MAX).await? {
            FromChild::SelfTest(attempts) => Ok(attempts),
            other => Err(unexpected(&other)),
        }
    }
}

fn unexpected(answer: &FromChild) -> SandboxError {
    let why = format!("it answered out of turn ({answer:.60?})");
    SandboxError::NotReady { why }
}

fn silent(error: &io::Error) -> SandboxError {
    let why = format!("it ended without an answer ({error})");
    SandboxError::NotReady { why }
}

/// Why runs are missing when none comes any more, of a job that was offered to so many children.
fn gone(tickets: &[Ticket], offered: usize) -> Gone {
    let any = |how| tickets.iter().any(|ticket| ticket.gone() == Some(how));
    // Missing though nobody is gone: a child answered what it was not asked.
    if !any(Gone::Died) && (any(Gone::Ended) || tickets.len() < offered) {
        Gone::Ended
    } else {
        Gone::Died
    }
}

impl Inner {
    /// The living child at a place, or a new one.
    async fn child(&self, index: usize) -> Result<Arc<Child>, SandboxError> {
        let Some(place) = self.children.get(index) else {
            let why = format!("there is no child {index}");
            return Err(SandboxError::NotReady { why });
        };
        let mut place = place.lock().await;
        if self.stopped.is_cancelled() {
            return Err(SandboxError::Stopped);
        }
        if let Some(child) = place.as_ref().filter(|child| child.is_alive()) {
            return Ok(child.clone());
        }
        let started = self.stopped.run_until_cancelled(self.start_child()).await;
        let child = Arc::new(started.unwrap_or(Err(SandboxError::Stopped))?);
        info!(pid = child.pid(), index, "sandbox process ready");
        *place = Some(child.clone());
        Ok(child)
    }

    async fn start_child(&self) -> Result<Child, SandboxError> {
        match self.try_serve().await? {
            Ok(child) => Ok(child),
            Err(NotReady::NotCompiled(why)) => {
                info!(%why, "compiling the Python guest, once, some 20 s");
                self.compile().await?;
                let served = self.try_serve().await?;
                served.map_err(|why| SandboxError::NotReady {
                    why: format!("{why:?}"),
                })
            }
            Err(NotReady::Broken(why)) => Err(SandboxError::NotReady { why }),
        }
    }

    async fn try_serve(&self) -> Result<Result<Child, NotReady>, SandboxError> {
        let SandboxConfig {
            cache_dir, options, ..
        } = self.config.clone();
        let role = Role::Serve {
            cache_dir,
            options,
            own: self
                .keeper
                .as_ref()
                .map(|keeper| keeper.own())
                .unwrap_or_default(),
        };
        let mut link = self.spawn()?;
        self.admit(&link).await?;
        self.tell(&mut link, &role).await?;
        match timeout(READY_MAX, link.read()).await {
            Ok(Ok(FromChild::Ready(Ok(())))) => {
                Ok(Ok(Child::new(link, &self.tasks, &self.stopped)))
            }
            Ok(Ok(FromChild::Ready(Err(why)))) => Ok(Err(why)),
            Ok(Ok(other)) => Err(unexpected(&other)),
            Ok(Err(error)) => Err(silent(&error)),
            Err(_) => Err(SandboxError::NotReady {
                why: format!("no answer in {READY_MAX:?}"),
            }),
        }
    }

    async fn compile(&self) -> Result<(), SandboxError> {
        let SandboxConfig {
            cache_dir,
            options,
            faults,
            ..
        } = self.config.clone();
        let role = Role::Compile {
            cache_dir: cache_dir.clone(),
            options,
            faults: faults.spec(),
        };
        match self.ask_once(role, COMPILE_MAX).await? {
            FromChild::Compiled(Ok(())) => Ok(()),
            FromChild::Compiled(Err(why)) => Err(SandboxError::Compile { why, cache_dir }),
            other => Err(unexpected(&other)),
        }
    }

    async fn ask_once(&self, role: Role, within: Duration) -> Result<FromChild, SandboxError> {
        let mut link = self.spawn()?;
        self.tell(&mut link, &role).await?;
        match timeout(within, link.read()).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(silent(&error)),
            Err(_) => Err(SandboxError::NotReady {
                why: format!("no answer in {within:?}"),
            }),
        }
    }

    fn spawn(&self) -> Result<Link, SandboxError> {
        Link::spawn(&self.config).map_err(|source| self.not_spawned(source))
    }

    async fn tell(&self, link: &mut Link, role: &Role) -> Result<(), SandboxError> {
        let told = link.tell(role).await;
        told.map_err(|source| self.not_spawned(source))
    }

    fn not_spawned(&self, source: io::Error) -> SandboxError {
        SandboxError::Spawn {
            program: self.config.program.clone(),
            source,
        }
    }

    /// Puts a child that waits for its role under the bounds, before it has used anything.
    async fn admit(&self, link: &Link) -> Result<(), SandboxError> {
        let (Some(keeper), Some(pid)) = (self.keeper.clone(), link.pid()) else {
            return Ok(());
        };
        let admitted = tokio::task::spawn_blocking(move || keeper.admit(pid)).await;
        let admitted = admitted.map_err(io::Error::other).flatten();
        admitted.map_err(SandboxError::Unbounded)
    }

    /// Processes that were ended for the memory that they wanted.
    fn kills(&self) -> u64 {
        self.keeper.as_ref().map_or(0, |keeper| keeper.kills())
    }

    /// Removes what kept the bounds, once no child is left.
    async fn release(&self) {
        let Some(keeper) = &self.keeper else { return };
        for _ in 0..RELEASE_LOOKS {
            if keeper.release() {
                return;
            }
            tokio::time::sleep(RELEASE_LOOK).await;
        }
        warn!("a control group could not be removed; the next start does it");
    }

    /// The places of the `count` children with the least to do, the first of equals.
    fn least_loaded(&self, count: usize) -> Vec<usize> {
        let load = |place: &Mutex<Option<Arc<Child>>>| match place.try_lock() {
            Ok(child) => child.as_ref().map_or(0, |child| child.load()),
            // Being started, for somebody who has work for it.
            Err(_) => 1,
        };
        let mut loads: Vec<(usize, usize)> = self.children.iter().map(load).zip(0..).collect();
        loads.sort_unstable();
        loads.into_iter().take(count).map(|(_, at)| at).collect()
    }

    /// Has every run made that is missing, shared among children where there are several.
    async fn attempt(
        &self,
        execution: &Execution,
        judge: &mut Judge<'_>,
    ) -> Result<Result<(), Gone>, SandboxError> {
        let job = request::job(execution);
        let missing = judge.missing();
        let runs = missing.len();
        // Every run fits, so that one slow reader never holds up the others.
        let (to, mut from) = mpsc::channel(runs.max(1));
        let places = self.least_loaded(runs.clamp(1, self.children.len()));
        let mut tickets = Vec::new();
        for (at, place) in places.iter().enumerate() {
            let share = missing.iter().skip(at).step_by(places.len());
            let share: Vec<usize> = share.copied().collect();
            let calls = share.iter().filter_map(|index| job.calls.get(*index));
            let part = Job {
                calls: calls.cloned().collect(),
                ..job.clone()
            };
            let child = self.child(*place).await?;
            let id = self.next_id.fetch_add(1, Ordering::Relaxed);
            match child.submit(id, part, share, to.clone()).await {
                Ok(ticket) => tickets.push(ticket),
                // It went before it had anything of this; the others go on, and what is missing is made again.
                Err(_) => debug!(place, "a sandbox process went before it took a job"),
            }
        }
        // Each waiting child holds one more; when all are gone and runs are missing, one has died.
        drop(to);
        while !judge.is_complete() {
            match from.recv().await {
                Some((index, run)) => judge.take(index, run),
                None => return Ok(Err(gone(&tickets, places.len()))),
            }
        }
        Ok(Ok(()))
    }
}
