//! The peer of the council: three members of etcd, as Debian has it (`etcd-server`), on the loopback device. It is
//! spoken to by its HTTP gateway, one connection a client. Its members believe each other; ours need not.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{
    cli::{
        bench::{clock, odd},
        failure::{Failure, INTERNAL},
    },
    data_dir,
};

const MEMBERS: u16 = 3;
const READY_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What is written: as many bytes as an entry of ours has.
const VALUE: usize = 210;

/// A running cluster; it ends, and its folder goes, when this is dropped.
pub struct Etcd {
    folder: PathBuf,
    processes: Vec<Child>,
    ports: Vec<u16>,
}

impl Etcd {
    /// Starts three members, and waits until they take a write.
    pub async fn start(cache: &Path) -> Result<Self, Failure> {
        let folder = cache.join(format!("bench-etcd-{}", std::process::id()));
        data_dir::make(&folder).map_err(|error| Failure::file("make", &folder, &error))?;
        let mut etcd = Self {
            folder,
            processes: Vec::new(),
            ports: free_ports(2 * MEMBERS)?,
        };
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let cluster: Vec<String> = (0..MEMBERS)
            .map(|one| format!("m{one}={}", url(etcd.peer_port(one))))
            .collect();
        for one in 0..MEMBERS {
            let data = etcd.folder.join(format!("m{one}"));
            let (client, peer) = (url(etcd.client_port(one)), url(etcd.peer_port(one)));
            let mut command = Command::new("etcd");
            command
                .args(["--name", &format!("m{one}"), "--log-level", "error"])
                .arg("--data-dir")
                .arg(data)
                .args([
                    "--listen-client-urls",
                    &client,
                    "--advertise-client-urls",
                    &client,
                ])
                .args([
                    "--listen-peer-urls",
                    &peer,
                    "--initial-advertise-peer-urls",
                    &peer,
                ])
                .args([
                    "--initial-cluster",
                    &cluster.join(","),
                    "--initial-cluster-state",
                    "new",
                ])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let child = command.spawn().map_err(|error| {
                let next = "install it: `apt install etcd-server`";
                Failure::new(INTERNAL, format!("etcd does not start: {error}"), next)
            })?;
            etcd.processes.push(child);
        }
        let began = clock();
        while etcd.client().await.is_err() {
            if began.elapsed() > READY_MAX {
                return Err(odd(&"etcd does not get ready"));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(etcd)
    }

    fn client_port(&self, one: u16) -> u16 {
        self.ports[usize::from(2 * one)]
    }

    fn peer_port(&self, one: u16) -> u16 {
        self.ports[usize::from(2 * one + 1)]
    }

    /// A connection that has written once.
    pub async fn client(&self) -> Result<EtcdClient, Failure> {
        let mut client = EtcdClient::connect(self.client_port(0)).await?;
        client.write(0).await?;
        Ok(client)
    }

    /// Syncs of all members' logs so far.
    pub async fn syncs(&self) -> Result<u64, Failure> {
        let mut syncs = 0;
        for one in 0..MEMBERS {
            let mut client = EtcdClient::connect(self.client_port(one)).await?;
            let metrics = client.send("GET", "/metrics", String::new()).await?;
            let name = "etcd_disk_wal_fsync_duration_seconds_count ";
            let line = metrics.lines().find_map(|line| line.strip_prefix(name));
            let count = line.and_then(|count| count.trim().parse::<f64>().ok());
            // A count, which a float holds exactly.
            syncs += count.ok_or_else(|| odd(&"etcd counts no syncs"))? as u64;
        }
        Ok(syncs)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // It may have ended already.
            process.kill().ok();
            process.wait().ok();
        }
        // In the cache, which may be deleted at any time; only space is lost.
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// One client's connection.
pub struct EtcdClient(http1::SendRequest<Full<Bytes>>);

impl EtcdClient {
    async fn connect(port: u16) -> Result<Self, Failure> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await;
        let stream = stream.map_err(|error| odd(&error))?;
        stream.set_nodelay(true).map_err(|error| odd(&error))?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| odd(&error))?;
        // Ends with the sender.
        tokio::spawn(connection);
        Ok(Self(sender))
    }

    /// Writes a value under a key of this number.
    pub async fn write(&mut self, number: u64) -> Result<(), Failure> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let key = STANDARD.encode(number.to_be_bytes());
        let value = STANDARD.encode([number as u8; VALUE]);
        let body = format!("{{\"key\":\"{key}\",\"value\":\"{value}\"}}");
        self.send("POST", "/v3/kv/put", body).await.map(drop)
    }

    async fn send(&mut self, method: &str, path: &str, body: String) -> Result<String, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .body(Full::new(body.into()))
            .map_err(|error| odd(&error))?;
        let response = self.0.send_request(request).await;
        let response = response.map_err(|error| odd(&error))?;
        let is_good = response.status().is_success();
        let body = response.into_body().collect().await;
        let bytes = body.map_err(|error| odd(&error))?.to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match is_good {
            true => Ok(text),
            false => Err(odd(&format!("etcd refuses: {text}"))),
        }
    }
}

/// Ports that are free at the moment.
fn free_ports(count: u16) -> Result<Vec<u16>, Failure> {
    let held: Result<Vec<_>, std::io::Error> = (0..count)
        .map(|_| std::net::TcpListener::bind(("127.0.0.1", 0)))
        .collect();
    let held = held.map_err(|error| odd(&error))?;
    let ports: Result<Vec<u16>, std::io::Error> = held
        .iter()
        .map(|one| one.local_addr().map(|address| address.port()))
        .collect();
    ports.map_err(|error| odd(&error))
}
