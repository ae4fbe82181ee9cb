//! Real daemons in a network of the benchmark's own: one founds and coordinates it, others join by its invite, over
//! TCP on the loopback device. They end, and their folder goes, when this is dropped.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use edgecoder_protocol::{
    NetworkId, PeerId,
    operator::{ExecAnswer, ExecRequest, NodeStatus, NodeView},
};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    cli::{
        Place,
        bench::{clock, odd},
        client::Client,
        daemon::program,
        failure::Failure,
    },
    data_dir,
    network::{Founding, Network},
    serve::{now, random},
};

/// How often a daemon is looked at while something is waited for, and for how long: a slow disk, a busy machine.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const READY_MAX: Duration = Duration::from_secs(60);
/// How long daemons may take to end before they are killed.
const END_MAX: Duration = Duration::from_secs(10);
const INVITE_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// One daemon.
pub struct Node {
    process: Child,
    data: PathBuf,
    socket: PathBuf,
}

/// All of them, the founder first.
pub struct Daemons {
    folder: PathBuf,
    cache: PathBuf,
    nodes: Vec<Node>,
    network: Network,
}

impl Daemons {
    /// Founds a network and starts its coordinator. `settings` are further lines of its configuration file.
    pub async fn found(at: &Place, roles: &str, settings: &str) -> Result<Self, Failure> {
        let cache = at.config.cache_dir.clone();
        let folder = cache.join(format!("bench-mesh-{}", std::process::id()));
        let data = folder.join("0");
        data_dir::make(&data).map_err(|error| Failure::file("make", &data, &error))?;
        let network = Network::create(
            &data,
            Founding {
                name: "bench",
                private: false,
                member: None,
                operators: &[],
                now: now(),
                random,
            },
        )?;
        let mut daemons = Self {
            folder,
            cache,
            nodes: Vec::new(),
            network,
        };
        daemons.start(&data, roles, settings).await?;
        Ok(daemons)
    }

    /// Lets another node join, and waits until the coordinator knows it.
    pub async fn join(&mut self, roles: &str, settings: &str) -> Result<(), Failure> {
        let data = self.folder.join(self.nodes.len().to_string());
        let (network, addresses) = (&self.network, self.addresses().await?);
        let expires = now().after(INVITE_LIFE);
        let line = network.invite(
            &self.founder().data,
            addresses,
            network.begins_at(),
            expires,
        )?;
        Network::join(&data, &line.to_string(), false, now())?;
        self.start(&data, roles, settings).await
    }

    /// The node that coordinates, and to which tasks are given.
    pub fn founder(&self) -> &Node {
        // Founded with one, and none is ever taken out.
        &self.nodes[0]
    }

    /// All but the founder.
    pub fn others(&self) -> &[Node] {
        &self.nodes[1..]
    }

    /// All of them, the founder first.
    pub fn all(&self) -> &[Node] {
        &self.nodes
    }

    /// Where others reach the founder.
    pub async fn addresses(&self) -> Result<Vec<String>, Failure> {
        let view: NodeView = self.founder().client()?.get("/v1/node").await?;
        Ok(view.addresses)
    }

    /// Who the founder is.
    pub fn coordinator(&self) -> PeerId {
        self.network.genesis.members.members()[0]
    }

    /// Which network this is.
    pub fn id(&self) -> NetworkId {
        self.network.genesis.id()
    }

    /// Ends a node's daemon as nothing can prevent.
    ///
    /// # Errors
    /// [`Failure`] when there is none of this number.
    pub fn kill(&mut self, at: usize) -> Result<(), Failure> {
        let node = self.nodes.get_mut(at);
        let node = node.ok_or_else(|| odd(&"a node is gone"))?;
        node.signal(Signal::KILL);
        node.process.wait().map(drop).map_err(|error| odd(&error))
    }

    /// Starts a node's daemon again, with what it kept, and waits until it is ready.
    ///
    /// # Errors
    /// [`Failure`] when there is none of this number, or it does not start.
    pub async fn start_again(&mut self, at: usize) -> Result<(), Failure> {
        let node = self.nodes.get_mut(at);
        let node = node.ok_or_else(|| odd(&"a node is gone"))?;
        node.process = Node::spawn(&node.data, &node.socket, &self.cache)?;
        node.ready().await
    }

    async fn start(&mut self, data: &Path, roles: &str, settings: &str) -> Result<(), Failure> {
        let node = Node::start(data, &self.cache, roles, settings)?;
        self.nodes.push(node);
        let Some(node) = self.nodes.last_mut() else {
            return Err(odd(&"a node is gone"));
        };
        node.ready().await
    }
}

impl Node {
    fn start(data: &Path, cache: &Path, roles: &str, settings: &str) -> Result<Self, Failure> {
        data_dir::make(data).map_err(|error| Failure::file("make", data, &error))?;
        let file = data.join("config.toml");
        let text = format!(
            "mode = \"mesh\"\nroles = \"{roles}\"\nmdns = false\n\
             listen = \"/ip4/127.0.0.1/tcp/0\"\n{settings}"
        );
        std::fs::write(&file, text).map_err(|error| Failure::file("write", &file, &error))?;
        let socket = data.join("socket");
        Ok(Self {
            process: Self::spawn(data, &socket, cache)?,
            data: data.to_owned(),
            socket,
        })
    }

    fn spawn(data: &Path, socket: &Path, cache: &Path) -> Result<Child, Failure> {
        let (file, log) = (data.join("config.toml"), data.join("log"));
        let output =
            std::fs::File::create(&log).map_err(|error| Failure::file("write", &log, &error))?;
        let mut command = Command::new(program());
        for (name, _) in std::env::vars_os() {
            // The user's settings are no part of what is measured.
            if name.to_string_lossy().starts_with("EDGECODER_") {
                command.env_remove(name);
            }
        }
        let flags = [
            ("--config", file.as_path()),
            ("--data-dir", data),
            ("--cache-dir", cache),
            ("--socket", socket),
        ];
        for (flag, value) in flags {
            command.arg(flag).arg(value);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .map_err(|error| odd(&format!("{}: {error}", program().display())))
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Speaks to it.
    pub fn client(&self) -> Result<Client, Failure> {
        Client::connect(&self.socket).map_err(|error| odd(&format!("a daemon is gone: {error}")))
    }

    /// Waits until it answers and the coordinator has taken its record.
    async fn ready(&mut self) -> Result<(), Failure> {
        let began = clock();
        loop {
            // It may not listen yet.
            if let Ok(client) = self.client() {
                let view: Result<NodeView, Failure> = client.get("/v1/node").await;
                if view.is_ok_and(|view| view.coordinator.registered) {
                    return Ok(());
                }
            }
            let ended = self.process.try_wait().map_err(|error| odd(&error))?;
            if ended.is_some() || began.elapsed() > READY_MAX {
                let log = std::fs::read_to_string(self.data.join("log")).unwrap_or_default();
                let last = log.lines().last().unwrap_or("it said nothing");
                return Err(odd(&format!("a daemon is not ready: {last}")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Its process and its children, the daemon's own first.
    pub async fn processes(&self) -> Result<Vec<u32>, Failure> {
        let status: NodeStatus = self.client()?.get("/v1/status").await?;
        let children = status.children.values().copied();
        Ok(std::iter::once(status.pid).chain(children).collect())
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.process.id())
            .ok()
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Not reaped yet, so that the number is still its own; it may have ended already.
            kill_process(pid, signal).ok();
        }
    }
}

/// Has `request` run by the daemon behind `client`, and refuses any end but a good one.
pub async fn run(client: &Client, request: &ExecRequest) -> Result<(), Failure> {
    let answer: ExecAnswer = client.post("/v1/executions", request).await?;
    if answer.outcome == edgecoder_protocol::Outcome::Ok {
        return Ok(());
    }
    let (outcome, reason) = (answer.outcome, answer.reason);
    Err(odd(&format!(
        "a benchmark's program ended as {outcome}: {reason}"
    )))
}

impl Drop for Daemons {
    /// Blocks until they have ended: nothing may be left, also when the user interrupts.
    fn drop(&mut self) {
        for node in &self.nodes {
            node.signal(Signal::TERM);
        }
        let began = clock();
        for node in &mut self.nodes {
            while matches!(node.process.try_wait(), Ok(None)) {
                if began.elapsed() > END_MAX {
                    node.signal(Signal::KILL);
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
        // In the cache, which may be deleted at any time; only space is lost.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}
