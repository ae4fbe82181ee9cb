//! One child process: its socket, the requests that wait for it, and the tasks that move frames.

use std::{
    collections::HashMap,
    io,
    os::fd::OwnedFd,
    pin::pin,
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child as Process, Command},
    sync::mpsc,
    time::{Duration, Instant, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;

use crate::{
    client::SandboxConfig,
    raw::RawRun,
    wire::{self, FromChild, Job, Role, ToChild},
};

/// Frames on their way into the socket; a sender waits for room.
const FRAMES_MAX: usize = 16;

/// The child is gone, and with it whatever it was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// By its own word, because a run in it had to be stopped.
    Ended,
    /// Without one.
    Died,
}

/// The child takes no more jobs: it is on its way out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused;

/// A process that was just started, before it serves anyone.
pub(crate) struct Link {
    process: Process,
    socket: UnixStream,
}

impl Link {
    /// Starts the program with a socket as its standard input and an empty environment. It waits there to hear what
    /// to be.
    pub(crate) fn spawn(config: &SandboxConfig) -> io::Result<Self> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let process = Command::new(&config.program)
            .args(&config.args)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            // Its one-line complaints belong into the daemon's own log.
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()?;
        let socket = UnixStream::from_std(ours)?;
        Ok(Self { process, socket })
    }

    /// Its process id, while it has one.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.id()
    }

    /// Says what to be. Not cancel-safe.
    pub(crate) async fn tell(&mut self, role: &Role) -> io::Result<()> {
        self.socket.write_all(&wire::encode(role)?).await
    }

    /// The next frame. Not cancel-safe: whoever gives up drops the link.
    pub(crate) async fn read(&mut self) -> io::Result<FromChild> {
        read(&mut self.socket).await
    }
}

async fn read(from: &mut (impl tokio::io::AsyncRead + Unpin)) -> io::Result<FromChild> {
    let len = wire::check(from.read_u32_le().await?)?;
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes).await?;
    wire::decode(&bytes)
}

/// Every run ends by its own wall clock, so a child with work answers something within the longest of those; this
/// much later it is stuck, or no longer ours.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Who waits for a job's runs.
struct Waiter {
    to: mpsc::Sender<(usize, RawRun)>,
    /// Which of the execution's runs this job's are.
    share: Vec<usize>,
    left: usize,
    since: Instant,
    wall: Duration,
}

type Waiters = HashMap<u64, Waiter>;
type Waiting = Mutex<Waiters>;

fn lock(waiting: &Waiting) -> MutexGuard<'_, Waiters> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether somebody waits for longer than any run may take, with nothing heard since `heard`.
fn is_stuck(waiters: &Waiters, heard: Instant, now: Instant) -> bool {
    let oldest = waiters.values().map(|waiter| waiter.since).min();
    let longest = waiters.values().map(|waiter| waiter.wall).max();
    oldest.zip(longest).is_some_and(|(oldest, longest)| {
        now.saturating_duration_since(oldest.max(heard)) > longest + SILENCE_MAX
    })
}

struct Shared {
    waiting: Waiting,
    alive: AtomicBool,
    ended: AtomicBool,
}

/// A serving child.
pub(crate) struct Child {
    pid: Option<u32>,
    frames: mpsc::Sender<Vec<u8>>,
    shared: Arc<Shared>,
}

impl Child {
    pub(crate) fn new(link: Link, tasks: &TaskTracker, stopped: &CancellationToken) -> Self {
        let (read, write) = link.socket.into_split();
        let (frames, queue) = mpsc::channel(FRAMES_MAX);
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            alive: AtomicBool::new(true),
            ended: AtomicBool::new(false),
        });
        let pid = link.process.id();
        tasks.spawn(send(queue, write, stopped.clone()));
        tasks.spawn(receive(read, link.process, shared.clone()));
        Self {
            pid,
            frames,
            shared,
        }
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.is_alive().then_some(self.pid).flatten()
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.shared.alive.load(Ordering::SeqCst)
    }

    /// Jobs that it has.
    pub(crate) fn load(&self) -> usize {
        lock(&self.shared.waiting).len()
    }

    /// Hands in a job whose runs, numbered by `share`, go to `to`, which has room for all of them. Cancel-safe.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        id: u64,
        job: Job,
        share: Vec<usize>,
        to: mpsc::Sender<(usize, RawRun)>,
    ) -> Result<Ticket, Refused> {
        let waiter = Waiter {
            to,
            left: share.len(),
            share,
            since: Instant::now(),
            wall: Duration::from_millis(job.limits.wall_ms),
        };
        lock(&self.shared.waiting).insert(id, waiter);
        let child = self.clone();
        let ticket = Ticket { id, child };
        // Looked at after the insertion: whoever sets it empties the map afterwards.
        if !self.is_alive() {
            return Err(Refused);
        }
        let frame = wire::encode(&ToChild::Job(id, job)).map_err(|_| Refused)?;
        if self.frames.send(frame).await.is_err() {
            // Known here first: whoever comes next starts another, and does not come here again.
            self.shared.alive.store(false, Ordering::SeqCst);
            return Err(Refused);
        }
        Ok(ticket)
    }
}

/// A job in a child. Dropping it before the last run has come cancels the job.
pub(crate) struct Ticket {
    id: u64,
    child: Arc<Child>,
}

impl Ticket {
    /// How its child went, if it did.
    pub(crate) fn gone(&self) -> Option<Gone> {
        let ended = self.child.shared.ended.load(Ordering::SeqCst);
        let how = if ended { Gone::Ended } else { Gone::Died };
        (!self.child.is_alive()).then_some(how)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let is_open = lock(&self.child.shared.waiting).remove(&self.id).is_some();
        if is_open && let Ok(frame) = wire::encode(&ToChild::Cancel(self.id)) {
            // A full queue means that the job may run to its end for nobody: bounded by its own limits.
            self.child.frames.try_send(frame).ok();
        }
    }
}

impl Shared {
    /// Passes a run on, and lets go of the waiter with its last one.
    fn deliver(&self, id: u64, index: u32, run: RawRun) {
        let mut waiting = lock(&self.waiting);
        let Some(waiter) = waiting.get_mut(&id) else {
            return;
        };
        let Some(place) = waiter.share.get(index as usize) else {
            return;
        };
        // Full or closed: more runs than calls, or nobody waits any more.
        waiter.to.try_send((*place, run)).ok();
        waiter.left = waiter.left.saturating_sub(1);
        if waiter.left == 0 {
            waiting.remove(&id);
        }
    }
}

/// Owns the socket's sending half. Its end, when the last [`Child`] is dropped, tells the child to end.
async fn send(
    mut queue: mpsc::Receiver<Vec<u8>>,
    mut socket: OwnedWriteHalf,
    stopped: CancellationToken,
) {
    let forward = async {
        while let Some(frame) = queue.recv().await {
            if let Err(error) = socket.write_all(&frame).await {
                debug!(%error, "the sandbox process takes no more requests");
                break;
            }
        }
    };
    // A frame cut short is no harm: after it the socket ends.
    stopped.run_until_cancelled(forward).await;
}

/// The child's next answer, or an error when it should have given one long ago.
async fn answer(socket: &mut OwnedReadHalf, shared: &Shared) -> io::Result<FromChild> {
    let heard = Instant::now();
    let mut next = pin!(read(socket));
    loop {
        match timeout(LOOK, &mut next).await {
            Ok(answer) => return answer,
            Err(_) if is_stuck(&lock(&shared.waiting), heard, Instant::now()) => {
                return Err(io::Error::other("it has work and says nothing"));
            }
            Err(_) => {}
        }
    }
}

/// Owns the receiving half and the process, and reaps it.
async fn receive(mut socket: OwnedReadHalf, mut process: Process, shared: Arc<Shared>) {
    loop {
        match answer(&mut socket, &shared).await {
            Ok(FromChild::Run(id, index, run)) => shared.deliver(id, index, *run),
            Ok(FromChild::Ending) => {
                shared.ended.store(true, Ordering::SeqCst);
                break;
            }
            Ok(other) => {
                debug!(answer = ?other, "the sandbox process answers out of turn");
                break;
            }
            Err(error) => {
                debug!(%error, "the sandbox process is gone");
                break;
            }
        }
    }
    shared.alive.store(false, Ordering::SeqCst);
    lock(&shared.waiting).clear();
    // It may only have closed its socket; killing what has ended already is no error worth a word.
    process.kill().await.ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_stuck_when_it_has_work_and_says_nothing_for_longer_than_that_takes() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let waiters = |since: &[(u64, u64)]| -> Waiters {
            let waiter = |(id, (since, wall)): (usize, &(u64, u64))| {
                let (to, _) = mpsc::channel(1);
                let waiter = Waiter {
                    to,
                    share: vec![0],
                    left: 1,
                    since: after(*since),
                    wall: Duration::from_secs(*wall),
                };
                (id as u64, waiter)
            };
            since.iter().enumerate().map(waiter).collect()
        };
        let silence = SILENCE_MAX.as_secs();
        for (since, heard, now, stuck) in [
            (&[][..], 0, 100_000, false),
            (&[(0, 10)], 0, 10 + silence, false),
            (&[(0, 10)], 0, 11 + silence, true),
            (&[(0, 10)], 5, 11 + silence, false),
            (&[(0, 10), (0, 50)], 0, 11 + silence, false),
            (&[(100, 10)], 0, 101 + silence, false),
        ] {
            let found = is_stuck(&waiters(since), after(heard), after(now));
            assert_eq!(found, stuck, "{since:?}, heard {heard}, now {now}");
        }
    }
}
