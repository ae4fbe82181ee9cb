//! A network of real daemons over TCP on this machine: one founds and coordinates it, others join by its invite.

use std::{path::PathBuf, process::Child};

use serde_json::Value;

use super::{Home, kill, program, wait_for};

/// A node: its home and its daemon, which ends with it.
pub struct Node {
    pub home: Home,
    pub daemon: Option<Child>,
    /// A script in a model's place.
    script: Option<PathBuf>,
    /// The network namespace that its daemon runs in.
    pub namespace: Option<String>,
}

impl Node {
    /// A home in mesh mode with these roles; not started.
    pub fn new(roles: &str, settings: &[(&str, &str)]) -> Self {
        let mut home = Home::new()
            .with("EDGECODER_MODE", "mesh")
            .with("EDGECODER_ROLES", roles)
            .with("EDGECODER_MDNS", "false")
            .with("EDGECODER_LISTEN", "/ip4/127.0.0.1/tcp/0");
        for (name, value) in settings {
            home.set(name, Some(value));
        }
        Self {
            home,
            daemon: None,
            script: None,
            namespace: None,
        }
    }

    /// Puts a script in the model's place, from the next start on.
    pub fn follow(&mut self, script: &Value) {
        self.script = Some(self.home.write("script.json", script.to_string()));
    }

    /// Starts its daemon.
    pub fn start(&mut self) {
        let mut words = match &self.script {
            None => vec![program("edgecoderd")],
            Some(script) => vec![
                program("scripted-node"),
                program("edgecoderd"),
                script.clone(),
            ],
        };
        if let Some(namespace) = &self.namespace {
            let enter = ["ip", "netns", "exec", namespace].map(PathBuf::from);
            words.splice(..0, enter);
        }
        let mut command = self.home.command(&words[0]);
        command.args(&words[1..]);
        self.daemon = Some(self.home.start(&mut command));
    }

    /// Ends its daemon as nothing can prevent.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            kill(daemon.id());
            // Reaped, so that nothing of it is left.
            daemon.wait().unwrap();
        }
    }

    /// What `edgecoder node` says, as JSON.
    pub fn view(&self) -> Value {
        self.home.run("node --json").json()
    }

    /// What `edgecoder worker status` says, as JSON.
    pub fn worker(&self) -> Value {
        self.home.run("worker status --json").json()
    }

    /// Whether its worker holds a lease.
    pub fn is_busy(&self) -> bool {
        let said = self.home.request("GET", "/v1/worker", &Value::Null);
        said.is_some_and(|(_, view)| !view["held"].as_array().unwrap().is_empty())
    }

    /// Waits until the coordinator has taken its record.
    pub fn wait_registered(&self) {
        wait_for("registration", || {
            let view = self.home.run("node --json");
            let said = (view.code == 0).then(|| view.json())?;
            (said["coordinator"]["registered"] == true).then_some(())
        });
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A network: the node that founded it, and how others join.
pub struct Network {
    pub founder: Node,
    pub line: String,
}

impl Network {
    /// Founds a network with a coordinator of these roles, and starts it.
    pub fn found(roles: &str, settings: &[(&str, &str)]) -> Self {
        Self::founded_by(Node::new(roles, settings))
    }

    /// The same, with a script in the model's place.
    pub fn found_scripted(roles: &str, script: &Value) -> Self {
        let mut founder = Node::new(roles, &[]);
        founder.follow(script);
        Self::founded_by(founder)
    }

    /// The same, by a node that is not started yet.
    pub fn founded_by(mut founder: Node) -> Self {
        let said = founder.home.run("network create test");
        assert_eq!(said.code, 0, "{said:?}");
        founder.start();
        founder.wait_registered();
        let line = founder.home.run("network invite");
        assert_eq!(line.code, 0, "{line:?}");
        let line = line.out.trim().to_owned();
        Self { founder, line }
    }

    /// A node that has joined and registered.
    pub fn join(&self, roles: &str, settings: &[(&str, &str)]) -> Node {
        let mut node = Node::new(roles, settings);
        self.admit(&mut node);
        node
    }

    /// Lets a node that is not started join, starts it, and waits until it is registered.
    pub fn admit(&self, node: &mut Node) {
        let said = node.home.edgecoder(&["network", "join", &self.line]);
        assert_eq!(said.code, 0, "{said:?}");
        node.start();
        node.wait_registered();
    }
}
