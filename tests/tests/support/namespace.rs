//! A network namespace of a test's own, where traffic of one address can vanish without a word.

use std::process::Command;

/// A namespace with loopback and a filter; it ends with its test, and what runs in it must end before.
pub struct Namespace {
    pub name: String,
}

impl Namespace {
    /// A fresh one. Needs root, `ip` and `nft`.
    pub fn new(name: &str) -> Self {
        let name = format!("edgecoder-{name}-{}", std::process::id());
        run("ip", &["netns", "add", &name]);
        let this = Self { name };
        this.inside("ip", &["link", "set", "lo", "up"]);
        this.inside("nft", &["add", "table", "inet", "silence"]);
        let chain = "{ type filter hook output priority 0 ; }";
        this.inside("nft", &["add", "chain", "inet", "silence", "out", chain]);
        this
    }

    /// Whatever `address` sends or should receive is dropped from now on: no reset, no answer.
    pub fn silence(&self, address: &str) {
        for side in ["saddr", "daddr"] {
            self.inside(
                "nft",
                &[
                    "add", "rule", "inet", "silence", "out", "ip", side, address, "drop",
                ],
            );
        }
    }

    fn inside(&self, program: &str, words: &[&str]) {
        let all = [&["netns", "exec", &self.name, program], words].concat();
        run("ip", &all);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Command::new("ip")
            .args(["netns", "delete", &self.name])
            .status()
            .ok();
    }
}

fn run(program: &str, words: &[&str]) {
    let said = Command::new(program).args(words).output();
    let said = said.unwrap_or_else(|error| {
        panic!("{program}: {error} (Debian: apt-get install iproute2 nftables)")
    });
    assert!(
        said.status.success(),
        "{program} {words:?}: {}",
        String::from_utf8_lossy(&said.stderr)
    );
}
