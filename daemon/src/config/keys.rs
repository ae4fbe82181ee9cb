//! The one table of settings: each key with a sentence, and the defaults that do not depend on the machine.

/// Keys with a sentence each, in the order they are shown.
pub const KEYS: [(&str, &str); 22] = [
    (
        "mode",
        "where the node may send and take work: local, mesh or enterprise",
    ),
    (
        "roles",
        "roles to run, comma-separated: agent, inference, worker, coordinator, bootstrap",
    ),
    ("data_dir", "folder of keys, database and bundles"),
    ("cache_dir", "folder of compiled guests; may be deleted"),
    ("socket", "Unix socket of the operator API"),
    ("model", "a GGUF file, or `embedded`"),
    (
        "threads",
        "threads of the model; 0 for physical cores minus one",
    ),
    ("sandbox_threads", "executions at a time; 0 for one a core"),
    (
        "log",
        "what the daemon logs: error, warn, info, debug, trace, or a tracing filter",
    ),
    (
        "history",
        "what is kept of the ledger: all, or the entries of the last two epochs",
    ),
    // All below: outside local mode only.
    (
        "listen",
        "multiaddresses to listen on, comma-separated; empty to dial only",
    ),
    (
        "external",
        "multiaddresses by which others reach the node, where they differ, comma-separated",
    ),
    (
        "bootstrap",
        "multiaddresses with /p2p/ID to join by, comma-separated; empty for the invite's",
    ),
    ("mdns", "whether to find nodes of the local network"),
    ("gossip", "whether to take part in gossip"),
    ("kademlia", "part in the DHT: server, client or off"),
    (
        "privacy",
        "the most open class that its tasks may have: local, sealed, enterprise or mesh",
    ),
    (
        "worker_slots",
        "subtasks a worker does at once; 0 for one a core",
    ),
    (
        "worker_hours",
        "when a worker works, HH:MM-HH:MM in UTC; empty for always",
    ),
    (
        "worker_idle_only",
        "whether a worker works only while nobody uses the machine",
    ),
    (
        "worker_cpu",
        "percent of the processors that all work for others may use together, 1 to 100",
    ),
    (
        "worker_memory",
        "MiB that all work for others may use together, from 128; 0 for no bound",
    ),
];

/// Defaults that do not depend on the machine.
pub(super) const FIXED: [(&str, &str); 19] = [
    ("mode", "local"),
    ("roles", "agent"),
    ("model", "embedded"),
    ("threads", "0"),
    ("sandbox_threads", "0"),
    ("log", "info"),
    ("history", "all"),
    ("listen", "/ip4/0.0.0.0/tcp/0,/ip4/0.0.0.0/udp/0/quic-v1"),
    ("external", ""),
    ("bootstrap", ""),
    ("mdns", "true"),
    ("gossip", "true"),
    ("kademlia", "server"),
    ("privacy", "mesh"),
    ("worker_slots", "0"),
    ("worker_hours", ""),
    ("worker_idle_only", "false"),
    ("worker_cpu", "100"),
    ("worker_memory", "0"),
];
