//! Multiaddresses as far as this program's transports go, so that a typing error is said where it was made and not
//! as a peer that cannot be reached. The mesh reads them for itself.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    str::Split,
};

use edgecoder_protocol::{PeerId, network::ADDRESS_LEN_MAX};

/// Whether `text` is a multiaddress that the mesh has a transport for: `/ip4/…`, `/ip6/…` or `/dns…/…` with
/// `/tcp/PORT` or `/udp/PORT/quic-v1`, or `/memory/N`; then `/p2p/PEER`, or not.
pub fn is_address(text: &str) -> bool {
    text.len() <= ADDRESS_LEN_MAX && read(text).is_some()
}

/// Whether `text` is such an address that also says who is there.
pub fn ends_in_peer(text: &str) -> bool {
    text.len() <= ADDRESS_LEN_MAX && read(text).flatten().is_some()
}

/// The peer at an address, if it names one; nothing for what is no address.
fn read(text: &str) -> Option<Option<PeerId>> {
    let mut parts = text.strip_prefix('/')?.split('/');
    let host = parts.next()?;
    let value = parts.next()?;
    match host {
        "ip4" => value.parse::<Ipv4Addr>().is_ok(),
        "ip6" => value.parse::<Ipv6Addr>().is_ok(),
        "dns" | "dns4" | "dns6" => is_name(value),
        "memory" => value.parse::<u64>().is_ok(),
        _ => false,
    }
    .then_some(())?;
    if host != "memory" {
        transport(&mut parts)?;
    }
    match (parts.next(), parts.next(), parts.next()) {
        (None, ..) => Some(None),
        (Some("p2p"), Some(peer), None) => peer.parse().ok().map(Some),
        _ => None,
    }
}

fn transport(parts: &mut Split<'_, char>) -> Option<()> {
    let kind = parts.next()?;
    parts.next()?.parse::<u16>().ok()?;
    match kind {
        "tcp" => Some(()),
        "udp" => (parts.next()? == "quic-v1").then_some(()),
        _ => None,
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !name.is_empty() && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";

    #[test]
    fn what_no_transport_reaches_is_no_address() {
        for good in [
            "/ip4/192.0.2.1/tcp/4001",
            "/ip4/0.0.0.0/udp/0/quic-v1",
            "/ip6/::/tcp/0",
            "/dns/node.example.org/tcp/4001",
            "/dns4/node/udp/4001/quic-v1",
            "/memory/7",
        ] {
            assert!(is_address(good), "{good}");
            assert!(!ends_in_peer(good), "{good}");
            assert!(ends_in_peer(&format!("{good}/p2p/{PEER}")), "{good}");
            assert!(is_address(&format!("{good}/p2p/{PEER}")), "{good}");
        }
        for bad in [
            "",
            "/",
            "192.0.2.1:4001",
            "/ip4/192.0.2/tcp/1",
            "/ip4/192.0.2.1",
            "/ip4/192.0.2.1/tcp",
            "/ip4/192.0.2.1/tcp/65536",
            "/ip4/192.0.2.1/udp/4001",
            "/ip4/192.0.2.1/udp/4001/quic",
            "/ip4/192.0.2.1/tcp/4001/",
            "/ip4/192.0.2.1/tcp/4001/ws",
            "/ip4/192.0.2.1/tcp/4001/p2p/12D3Koo",
            "/ip4/192.0.2.1/tcp/4001/p2p",
            "/dns/a b/tcp/1",
            "/dns//tcp/1",
            "/memory/x",
            "/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
        let long = format!("/dns/{}/tcp/1", "a".repeat(ADDRESS_LEN_MAX));
        assert!(!is_address(&long));
    }
}
