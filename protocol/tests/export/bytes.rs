//! Entries whose bytes are changed and then signed again, by their signers and by the members.

use super::*;
use edgecoder_protocol::ledger::merkle;

/// Where an entry's signed bytes begin, after its signature and signer.
const MESSAGE: usize = 64 + 32;
/// Where what it says begins: after domain, network, nonce and expiry.
const BODY: usize = MESSAGE + 8 + 17 + 32 + 8 + 8;
/// Where a decree's order begins: after its tag, network, version and expiry.
const ORDER: usize = BODY + 1 + 32 + 8 + 8;

impl Bench {
    /// With other bytes in the place of an entry.
    fn bytes(&mut self, name: &str, breach: &'static str, at: usize, mut new: Vec<u8>) {
        let (world, old) = (&self.world, self.world.entries[at].to_bytes());
        if old[MESSAGE..] != new[MESSAGE..] {
            let signer = PeerId(old[64..MESSAGE].try_into().unwrap());
            let signature = key(world.number(&signer)).sign(&new[MESSAGE..]);
            new[..64].copy_from_slice(&signature);
        }
        let mut range = world.before.clone();
        range.extend(world.entries.iter().enumerate().map(|(place, entry)| {
            let bytes = if place == at {
                new.clone()
            } else {
                entry.to_bytes()
            };
            merkle::leaf(&bytes)
        }));
        let header = Header {
            log: range.root(),
            ..world.header()
        };
        let block = world.decided(header, &world.members()).to_string();
        let line = block.replacen(&hex(&old), &hex(&new), 1);
        self.lines(name, HEIGHT, breach, |lines| lines[HEIGHT as usize] = line);
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that are no value, or not the one spelling of it.
pub(super) fn spelled(bench: &mut Bench) {
    /// Replaces the first `old` by `new`, of the same length.
    fn put(bytes: &mut [u8], old: &[u8], new: &[u8]) {
        let at = bytes.windows(old.len()).position(|one| one == old).unwrap();
        bytes[at..at + old.len()].copy_from_slice(new);
    }
    const ACCENT: &[u8] = "\u{e9}".as_bytes();
    type Change = fn(&mut Vec<u8>);
    // By the tags of what it says and, for a decree, what is ordered.
    let rows: [(&str, u8, Option<u8>, Change); 13] = [
        ("a byte more", 6, None, |one| one.push(0)),
        ("a byte less", 6, None, |one| one.truncate(one.len() - 1)),
        ("says nothing known", 10, None, |one| one[BODY] = 11),
        ("a shard of three bytes", 6, None, |one| {
            one[BODY + 1 + 32 + 2] = 1
        }),
        ("an owner that is neither", 4, None, |one| one[BODY + 1] = 2),
        ("nothing known ordered", 0, Some(5), |one| one[ORDER] = 10),
        ("a flag of two", 0, Some(7), |one| one[ORDER + 1] = 2),
        ("a standing of two", 0, Some(2), |one| {
            one[ORDER + 1 + 32] = 2
        }),
        ("a reason with a control character", 0, Some(4), |one| {
            put(one, b"forged", b"for\x07ed")
        }),
        ("a reason with another", 0, Some(4), |one| {
            put(one, ACCENT, b"\xc2\x85")
        }),
        ("a reason that is no text", 0, Some(4), |one| {
            put(one, ACCENT, b"\xed\xa0")
        }),
        ("approvals not rising", 0, Some(7), |one| {
            let middle = one.len() - 96;
            let (first, second) = one.split_at_mut(middle);
            first[middle - 96..].swap_with_slice(second);
        }),
        ("more approvals than bytes", 0, Some(7), |one| {
            let count = one.len() - 2 * 96 - 8;
            one[count + 7] = 0xff;
        }),
    ];
    for (name, tag, order, change) in rows {
        let all: Vec<Vec<u8>> = bench.world.entries.iter().map(Signed::to_bytes).collect();
        let is_it = |one: &Vec<u8>| one[BODY] == tag && order.is_none_or(|tag| one[ORDER] == tag);
        let at = all.iter().position(is_it).expect(name);
        let mut new = all[at].clone();
        change(&mut new);
        bench.bytes(&format!("bytes: {name}"), "Line(Bytes", at, new);
    }
}

/// Any bit of any entry. Where nothing but the next block's parent shows it, that is what both find.
pub(super) fn flipped(bench: &mut Bench) {
    for _ in 0..40 {
        let count = bench.world.entries.len();
        let (at, bit) = (bench.world.below(count), bench.world.below(8));
        let mut new = bench.world.entries[at].to_bytes();
        let byte = bench.world.below(new.len());
        new[byte] ^= 1 << bit;
        bench.bytes(
            &format!("entry {at}: bit {bit} of byte {byte}"),
            "",
            at,
            new,
        );
    }
}
