//! Between our names for peers and addresses and libp2p's. Nothing else is converted anywhere.

use edgecoder_protocol::PeerId;
use libp2p::{Multiaddr, PeerId as Libp2pId, multiaddr::Protocol};

/// Identity multihash (0x00), 36 bytes, protobuf: key type 1 (ed25519), 32 bytes of key (libp2p peer-ids
/// specification).
const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The longest address that is looked at; a real one has under 200 characters.
const ADDRESS_MAX: usize = 512;

/// `None` when libp2p refuses the bytes, which it does for no key of 32 bytes.
pub fn to_libp2p(peer: &PeerId) -> Option<Libp2pId> {
    let mut bytes = PREFIX.to_vec();
    bytes.extend_from_slice(&peer.0);
    Libp2pId::from_bytes(&bytes).ok()
}

/// `None` for a key that is not ed25519: no node of ours has one.
pub fn from_libp2p(peer: &Libp2pId) -> Option<PeerId> {
    let bytes = peer.to_bytes();
    let key = bytes.strip_prefix(&PREFIX)?;
    key.try_into().ok().map(PeerId)
}

/// Splits an address into where and who. `None` when it is no address of at most [`ADDRESS_MAX`] bytes, or
/// names somebody in its middle (a relayed address, which waits for NAT traversal).
pub fn read_address(text: &str) -> Option<(Multiaddr, Option<PeerId>)> {
    if text.len() > ADDRESS_MAX {
        return None;
    }
    split(text.parse().ok()?)
}

/// As [`read_address`], of an address that a peer sent.
pub fn split(mut address: Multiaddr) -> Option<(Multiaddr, Option<PeerId>)> {
    if address.len() > ADDRESS_MAX || address.is_empty() {
        return None;
    }
    let mut peer = None;
    if let Some(Protocol::P2p(id)) = address.iter().last() {
        peer = Some(from_libp2p(&id)?);
        address.pop();
    }
    let is_plain = !address
        .iter()
        .any(|part| matches!(part, Protocol::P2p(_) | Protocol::P2pCircuit));
    (is_plain && !address.is_empty()).then_some((address, peer))
}

/// The address of `peer` out of `address`; `None` when it names another one.
pub fn address_of(peer: &PeerId, address: Multiaddr) -> Option<Multiaddr> {
    let (address, named) = split(address)?;
    named.is_none_or(|named| named == *peer).then_some(address)
}

/// Whether the address means this very machine to whoever reads it.
pub fn is_loopback(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

/// Whether the address is a QUIC one.
pub fn is_quic(address: &Multiaddr) -> bool {
    address
        .iter()
        .any(|part| matches!(part, Protocol::Quic | Protocol::QuicV1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use edgecoder_protocol::key::NodeKey;

    #[test]
    fn a_peer_reads_the_same_on_both_sides() {
        let peer = NodeKey::from_seed(&mut [5; 32]).peer_id();
        let id = to_libp2p(&peer).unwrap();
        assert_eq!(id.to_string(), peer.to_string());
        assert_eq!(from_libp2p(&id), Some(peer));
        // A hashed (RSA) id.
        assert_eq!(
            from_libp2p(&Libp2pId::from_bytes(&[&[0x12, 0x20][..], &[1; 32]].concat()).unwrap()),
            None
        );
    }

    #[test]
    fn an_address_is_split_or_refused() {
        let peer = NodeKey::from_seed(&mut [5; 32]).peer_id();
        let other = NodeKey::from_seed(&mut [6; 32]).peer_id();
        let plain = "/ip4/127.0.0.1/tcp/1";
        assert_eq!(read_address(plain).unwrap(), (plain.parse().unwrap(), None));
        assert_eq!(
            read_address(&format!("{plain}/p2p/{peer}")).unwrap(),
            (plain.parse().unwrap(), Some(peer))
        );
        for bad in [
            String::new(),
            "nonsense".into(),
            format!("/p2p/{peer}"),
            format!("{plain}/p2p/{peer}/p2p-circuit/p2p/{other}"),
            format!("/dns4/{}/tcp/1", "a".repeat(600)),
        ] {
            assert_eq!(read_address(&bad), None, "{bad}");
        }
        let foreign = format!("{plain}/p2p/{other}").parse().unwrap();
        assert_eq!(address_of(&peer, foreign), None);
    }
}
