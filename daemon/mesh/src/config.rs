//! What a mesh is started with. Checked when it starts; nothing is read from files here.

use std::fmt;

use edgecoder_protocol::NetworkId;
use zeroize::Zeroize;

/// A network's pre-shared key: 32 random bytes. Never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Psk(pub [u8; 32]);

impl fmt::Debug for Psk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Psk(redacted)")
    }
}

impl Drop for Psk {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// This node's part in the DHT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KademliaMode {
    /// Stores records and answers lookups.
    Server,
    /// Only asks: for nodes that cannot be dialled.
    Client,
    /// Takes no part; peers are found by bootstrap, mDNS and what the daemon teaches.
    Off,
}

/// Caps on connections. One that would exceed a cap is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Established connections that peers opened.
    pub incoming: u32,
    /// Established connections that this node opened.
    pub outgoing: u32,
    /// Established connections to one peer. Two when both dial at once, and one to spare for a change of
    /// address.
    pub per_peer: u32,
    /// Connections being established, in each direction.
    pub pending: u32,
    /// Physical memory of this process, in bytes, from which on no new connection is taken. `None` for no
    /// such limit.
    pub memory_bytes: Option<usize>,
}

impl Default for Limits {
    /// For a bootstrap node of some hundreds of peers: about 100 KB a connection's end was measured.
    fn default() -> Self {
        Self {
            incoming: 512,
            outgoing: 256,
            per_peer: 3,
            pending: 64,
            memory_bytes: None,
        }
    }
}

/// What a mesh is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The network; frames of another one are refused.
    pub network: NetworkId,
    /// Multiaddrs to listen on: TCP, QUIC (`/udp/…/quic-v1`), or `/memory/N` within one process. Port 0
    /// lets the system choose. Empty: dials only.
    pub listen: Vec<String>,
    /// Multiaddrs under which others reach this node, where they differ from what it listens on.
    pub external: Vec<String>,
    /// Multiaddrs with `/p2p/ID` of nodes to join by. They may vanish later.
    pub bootstrap: Vec<String>,
    /// Whether to find, and be found by, nodes of the local network.
    pub mdns: bool,
    /// This node's part in the DHT.
    pub kademlia: KademliaMode,
    /// Whether to take part in gossip.
    pub gossip: bool,
    /// Pre-shared key of a private network. With one, QUIC is not built.
    pub psk: Option<Psk>,
    /// Caps on connections.
    pub limits: Limits,
    /// What this node calls itself to others, at most 64 bytes.
    pub agent_version: String,
    /// Topics subscribed to from the start.
    pub subscriptions: Vec<String>,
}

impl Config {
    /// A node of `network` that listens on TCP and QUIC ports of the system's choice, serves the DHT and
    /// gossips, looks for neighbours by mDNS, and knows no bootstrap node.
    pub fn new(network: NetworkId) -> Self {
        Self {
            network,
            listen: vec![
                "/ip4/0.0.0.0/tcp/0".into(),
                "/ip4/0.0.0.0/udp/0/quic-v1".into(),
            ],
            external: Vec::new(),
            bootstrap: Vec::new(),
            mdns: true,
            kademlia: KademliaMode::Server,
            gossip: true,
            psk: None,
            limits: Limits::default(),
            agent_version: concat!("edgecoder/", env!("CARGO_PKG_VERSION")).into(),
            subscriptions: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pre_shared_key_is_not_printed() {
        let mut config = Config::new(NetworkId([0; 32]));
        config.psk = Some(Psk([171; 32]));
        let text = format!("{config:?}");
        assert!(text.contains("redacted") && !text.contains("171"), "{text}");
    }
}
