//! One child process: its start, its socket, its end.

use std::{
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdStream},
    process::{self, Stdio},
    thread,
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Duration, timeout},
};

use crate::{
    WorkerProgram,
    wire::{self, Command, Report},
};

/// Events the actor has not taken yet. When it is full the child's reports wait in its socket, then the
/// child.
const EVENTS: usize = 256;

/// A child reads its orders all the time, on a thread of its own; one that does not is stuck.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// What a child does.
pub enum Event {
    /// It said something.
    Said(Report),
    /// It ended, in words. Nothing follows.
    Ended(String),
}

/// A running child. Dropping it kills the process.
pub struct Child {
    pub pid: u32,
    pub is_loaded: bool,
    pidfd: OwnedFd,
    orders: OwnedWriteHalf,
    events: mpsc::Receiver<Event>,
    reader: JoinHandle<()>,
}

impl Child {
    /// Starts the program. Not cancel-safe: a child might be started and at once be killed.
    pub async fn start(program: &WorkerProgram) -> io::Result<Self> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        let (input, orders) = UnixStream::from_std(ours)?.into_split();
        let (started, start) = oneshot::channel();
        let (ended, end) = oneshot::channel();
        let command = command(program, theirs);
        // A thread that lives as long as the child: the kernel ties the child's parent-death signal to
        // the thread that started it, and a runtime's threads come and go.
        thread::Builder::new()
            .name("inference-child".into())
            .spawn(move || attend(command, started, ended))?;
        let gone = |_| io::Error::other("its thread ended");
        let (pid, pidfd) = start.await.map_err(gone)??;
        let (sender, events) = mpsc::channel(EVENTS);
        let reader = tokio::spawn(listen(input, end, sender));
        Ok(Self {
            pid,
            is_loaded: false,
            pidfd,
            orders,
            events,
            reader,
        })
    }

    /// The next event. Cancel-safe.
    pub async fn event(&mut self) -> Event {
        let event = self.events.recv().await;
        event.unwrap_or_else(|| Event::Ended("its socket closed".into()))
    }

    /// Sends a command; a child that cannot take it is killed, and its end is an event.
    pub async fn tell(&mut self, command: &Command) -> io::Result<()> {
        let mut bytes = Vec::new();
        wire::encode(command, &mut bytes)?;
        if !matches!(
            timeout(WRITE_MAX, self.orders.write_all(&bytes)).await,
            Ok(Ok(()))
        ) {
            self.kill();
        }
        Ok(())
    }

    /// Kills the process. Its end is still an event.
    pub fn kill(&self) {
        // It may have ended already.
        pidfd_send_signal(&self.pidfd, Signal::KILL).ok();
    }

    /// Lets the process end by itself, for a moment, then kills it.
    pub async fn stop(mut self) {
        // Closing our half for writing is its order to end.
        self.orders.shutdown().await.ok();
        let ended = async { while !matches!(self.event().await, Event::Ended(_)) {} };
        timeout(Duration::from_secs(2), ended).await.ok();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        self.reader.abort();
    }
}

fn command(program: &WorkerProgram, socket: StdStream) -> process::Command {
    let mut command = process::Command::new(&program.path);
    command
        .args(&program.args)
        // Nothing of the daemon's environment is its business, but where libraries are.
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "LD_LIBRARY_PATH"))
        // An abort in llama.cpp would otherwise start a debugger to print a backtrace.
        .env("GGML_NO_BACKTRACE", "1")
        .stdin(Stdio::from(OwnedFd::from(socket)))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

type Started = oneshot::Sender<io::Result<(u32, OwnedFd)>>;

/// Starts the process, and waits for its end so that it leaves no zombie.
fn attend(mut command: process::Command, started: Started, ended: oneshot::Sender<String>) {
    let spawned = command.spawn();
    // Holds the child's end of the socket, which must close with the child.
    drop(command);
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            started.send(Err(error)).ok();
            return;
        }
    };
    let pidfd = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("no process id"))
        .and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?));
    let start = pidfd.map(|pidfd| (child.id(), pidfd));
    // Without a way to signal it later, or anyone to do so, it must not run on.
    if start.is_err() {
        child.kill().ok();
    }
    if let Err(Ok((_, pidfd))) = started.send(start) {
        pidfd_send_signal(&pidfd, Signal::KILL).ok();
    }
    let how = match child.wait() {
        Ok(status) => status.to_string(),
        Err(error) => error.to_string(),
    };
    // Nobody may be left to hear it.
    ended.send(how).ok();
}

async fn listen(
    mut input: OwnedReadHalf,
    end: oneshot::Receiver<String>,
    events: mpsc::Sender<Event>,
) {
    let why = loop {
        match report(&mut input).await {
            Ok(report) => {
                if events.send(Event::Said(report)).await.is_err() {
                    return;
                }
            }
            Err(error) => break error,
        }
    };
    // Closed, and soon to end; or it talks nonsense, and is killed when nothing else comes of it.
    let how = match timeout(Duration::from_secs(1), end).await {
        Ok(Ok(how)) => how,
        _ => why.to_string(),
    };
    events.send(Event::Ended(how)).await.ok();
}

async fn report(input: &mut OwnedReadHalf) -> io::Result<Report> {
    let mut prefix = [0; 4];
    input.read_exact(&mut prefix).await?;
    let mut body = vec![0; wire::body_length(prefix)?];
    input.read_exact(&mut body).await?;
    wire::decode(&body)
}
