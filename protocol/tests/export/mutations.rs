//! Ledgers with one thing wrong each. Most are signed again by the members' own keys, so that what refuses them is the
//! rule and not a signature.

use edgecoder_protocol::{
    Credits, Hash, Millis, PeerId, Signed,
    ledger::{
        block::{Header, Stage},
        decree::{Decree, Order},
        duty::Duty,
        entry::Entry,
        export::Decided,
        members::MemberSet,
    },
};

use super::{
    lines,
    world::{self, World, certificate, hash, id, key, time_of},
};

#[path = "bytes.rs"]
mod bytes;
#[path = "entries.rs"]
mod entries;

/// The height at which most are wrong: members have come, gone and changed their keys before.
const HEIGHT: u64 = 4;
const BLOCK: usize = 40;

/// A ledger with what is wrong.
pub struct Bad {
    pub name: String,
    pub height: u64,
    /// Part of what Rust's error is by `Debug`; where it is empty, both have to find something.
    pub breach: &'static str,
    pub lines: Vec<String>,
}

/// Where ledgers are made bad.
struct Bench {
    good: Vec<String>,
    blocks: Vec<Decided>,
    /// In the middle of the block at [`HEIGHT`], all entries said.
    world: World,
    bad: Vec<Bad>,
}

impl Bench {
    fn new() -> Self {
        let mut world = World::of((HEIGHT as usize - 1) * BLOCK, BLOCK);
        world.open();
        world.fill(BLOCK);
        let mut whole = world.clone();
        for _ in 0..2 {
            whole.close();
            whole.open();
            whole.fill(BLOCK);
        }
        Self {
            good: lines(&whole),
            blocks: whole.blocks,
            world,
            bad: Vec::new(),
        }
    }

    fn push(&mut self, name: &str, height: u64, breach: &'static str, lines: Vec<String>) {
        let name = name.to_owned();
        self.bad.push(Bad {
            name,
            height,
            breach,
            lines,
        });
    }

    /// With other lines.
    fn lines(
        &mut self,
        name: &str,
        height: u64,
        breach: &'static str,
        change: impl FnOnce(&mut Vec<String>),
    ) {
        let mut lines = self.good.clone();
        change(&mut lines);
        assert_ne!(lines, self.good, "{name}");
        self.push(name, height, breach, lines);
    }

    /// With another block, as it is.
    fn block(
        &mut self,
        name: &str,
        breach: &'static str,
        change: impl FnOnce(&World, &mut Decided),
    ) {
        let mut block = self.blocks[HEIGHT as usize - 1].clone();
        change(&self.world, &mut block);
        let line = block.to_string();
        self.lines(name, HEIGHT, breach, |lines| lines[HEIGHT as usize] = line);
    }

    /// With another header, signed by all members.
    fn header(
        &mut self,
        name: &str,
        breach: &'static str,
        change: impl FnOnce(&World, &mut Header),
    ) {
        self.block(name, breach, |world, block| {
            change(world, &mut block.block.header);
            block.certificate = certificate(&block.block.header, 0, &world.members());
        });
    }

    /// With other entries, the log's root over them, the state's as `change` leaves it, signed by all members.
    fn world(&mut self, name: &str, breach: &'static str, change: impl FnOnce(&mut World)) {
        let mut changed = self.world.clone();
        change(&mut changed);
        let block = changed.decided(changed.header(), &changed.members());
        self.block(name, breach, |_, old| *old = block);
    }
}

/// All of them.
pub fn all() -> Vec<Bad> {
    let mut bench = Bench::new();
    texts(&mut bench);
    fields(&mut bench);
    chains(&mut bench);
    headers(&mut bench);
    certificates(&mut bench);
    states(&mut bench);
    entries::orders(&mut bench);
    entries::refused(&mut bench);
    bytes::spelled(&mut bench);
    bytes::flipped(&mut bench);
    bench.bad
}

fn texts(bench: &mut Bench) {
    let at = HEIGHT as usize;
    bench.lines("nothing", 0, "Empty", Vec::clear);
    bench.lines("no line", 4, "Json", |lines| lines[at].clear());
    bench.lines("half a line", 4, "Json", |lines| {
        let half = lines[at].len() / 2;
        lines[at].truncate(half);
    });
    bench.lines("a space", 4, "Spelling", |lines| lines[at].insert(1, ' '));
    bench.lines("a field more", 4, "Spelling", |lines| {
        lines[at].insert_str(1, "\"more\":0,");
    });
    bench.lines("upper case", 4, "Hex", |lines| {
        lines[at] = lines[at].replacen("0a", "0A", 1);
    });
    bench.lines("half a byte", 4, "Hex", |lines| {
        lines[at] = lines[at].replacen("\",\"round\"", "0\",\"round\"", 1);
    });
    bench.lines("a byte more", 4, "Trailing", |lines| {
        lines[at] = lines[at].replacen("\",\"round\"", "00\",\"round\"", 1);
    });
    bench.lines("too long", 4, "Long", |lines| {
        lines[at].push_str(&" ".repeat(1 << 20));
    });
    bench.lines("another format", 0, "Format", |lines| {
        lines[0] = lines[0].replacen("ledger/1", "ledger/2", 1);
    });
    bench.lines("another network", 1, "Foreign", |lines| {
        let mut founding = world::founding();
        founding.genesis.salt[0] ^= 1;
        lines[0] = founding.to_string();
    });
    bench.lines("other first members", 1, "Certificate", |lines| {
        let mut founding = world::founding();
        founding.genesis.members = MemberSet::new([1, 2, 3, 5].map(id)).unwrap();
        lines[0] = founding.to_string();
    });
}

/// Other spellings of a field, or what no such field can be.
fn fields(bench: &mut Bench) {
    let at = HEIGHT as usize;
    let round = bench.blocks[at - 1].certificate.round;
    for other in ["4294967296", "-1", "-0", "1.0", "1e0", "true", "null", "[]"] {
        bench.lines(&format!("round {other}"), 4, "Line(", |lines| {
            let old = format!("\"round\":{round},");
            lines[at] = lines[at].replacen(&old, &format!("\"round\":{other},"), 1);
        });
    }
    for other in ["{}", "\"\"", "null", "[[]]", "[\"\"]", "[1]"] {
        for name in ["signatures", "entries"] {
            bench.lines(&format!("{name} {other}"), 4, "Line(", |lines| {
                let start = lines[at].find(&format!("\"{name}\":")).unwrap() + name.len() + 3;
                let end = match name {
                    "entries" => lines[at].len() - 1,
                    _ => start + lines[at][start..].find("\"]]").unwrap() + 3,
                };
                lines[at].replace_range(start..end, other);
            });
        }
    }
    let first = world::founding().genesis.members.members().to_vec();
    let mut many: Vec<PeerId> = (0..32).map(id).collect();
    many.sort_unstable();
    let others = [
        vec![first[1], first[0], first[2], first[3]],
        vec![first[0], first[0], first[1], first[2], first[3]],
        vec![],
        many,
    ];
    for (number, members) in others.iter().enumerate() {
        bench.lines(
            &format!("first members {number}"),
            0,
            "Line(Bytes",
            |lines| {
                lines[0] = lines[0].replacen(&keys(&first), &keys(members), 1);
            },
        );
    }
    for (name, change) in [
        ("mistyped", "12D3KooW1"),
        ("cut", "12D3Koo"),
        (
            "of another kind",
            "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
        ),
    ] {
        bench.lines(&format!("a peer {name}"), 4, "Line(", |lines| {
            lines[at] = lines[at].replacen("12D3KooW", change, 1);
        });
    }
}

/// A list of keys, as a genesis has it.
fn keys(keys: &[PeerId]) -> String {
    let count = (keys.len() as u64).to_le_bytes().to_vec();
    let keys = keys.iter().flat_map(|key| key.0);
    bytes::hex(&count.into_iter().chain(keys).collect::<Vec<u8>>())
}

fn chains(bench: &mut Bench) {
    let at = HEIGHT as usize;
    bench.lines("a block dropped", 4, "Height", |lines| {
        lines.remove(at);
    });
    bench.lines("the first block dropped", 1, "Certificate", |lines| {
        lines.remove(1);
    });
    bench.lines("a block twice", 5, "", |lines| {
        lines.insert(at, lines[at].clone());
    });
    let mut world = World::new();
    world.open();
    world.fill(BLOCK);
    let founded = world::founding().genesis.founded;
    let early = Header {
        time: founded,
        ..world.header()
    };
    let early = world.decided(early, &world.members()).to_string();
    bench.lines(
        "the first block of the founding's moment",
        1,
        "Time",
        |lines| {
            lines[1] = early;
        },
    );
    bench.lines("blocks swapped", 4, "Height", |lines| {
        lines.swap(at, at + 1)
    });
    bench.lines("founding lines twice", 1, "Json", |lines| {
        lines.insert(1, lines[0].clone());
    });
}

fn headers(bench: &mut Bench) {
    type Change = fn(&World, &mut Header);
    let rows: [(&str, &str, Change); 12] = [
        ("chain", "Foreign", |_, one| one.chain.0[0] ^= 1),
        ("version", "Foreign", |_, one| one.version += 1),
        ("height", "Height", |_, one| one.height += 1),
        ("parent", "Parent", |_, one| one.parent.0[31] ^= 0x80),
        ("time", "Time", |_, one| one.time = time_of(one.height - 1)),
        ("size", "Log", |_, one| one.log.size += 1),
        ("log", "Log", |_, one| one.log.hash.0[7] ^= 1),
        ("state", "State", |_, one| one.state.0[0] ^= 1),
        ("members", "Certificate", |_, one| one.members.0[0] ^= 1),
        ("next", "Members", |_, one| one.next.0[0] ^= 1),
        ("next by one more", "Members", |world, one| {
            let council = world.state.council().unwrap();
            one.next = council.next.with(id(66)).unwrap().hash();
        }),
        ("the first height's parent", "Parent", |_, one| {
            one.parent = Hash(one.chain.0)
        }),
    ];
    for (name, breach, change) in rows {
        bench.header(&format!("header, signed: {name}"), breach, change);
        bench.block(&format!("header: {name}"), "Certificate", |world, block| {
            change(world, &mut block.block.header);
        });
    }
}

fn certificates(bench: &mut Bench) {
    fn all(block: &Decided, world: &World) -> Vec<(PeerId, [u8; 64])> {
        certificate(
            &block.block.header,
            block.certificate.round,
            &world.members(),
        )
        .signatures
    }
    fn by(block: &mut Decided, signers: &[u32]) {
        let round = block.certificate.round;
        block.certificate = certificate(&block.block.header, round, signers);
    }
    type Change = fn(&World, &mut Decided);
    let rows: [(&str, Change); 12] = [
        ("a quorum without one", |world, one| {
            by(one, &world.members()[..2])
        }),
        ("nobody", |_, one| one.certificate.signatures.clear()),
        ("one twice", |_, one| {
            one.certificate.signatures[1] = one.certificate.signatures[0];
        }),
        ("not rising", |_, one| one.certificate.signatures.swap(0, 1)),
        ("one who was replaced", |world, one| {
            let members = world.members();
            by(one, &[members[0], members[2], world.trusted[0]]);
        }),
        ("one who is trusted and no member", |world, one| {
            let members = world.members();
            by(one, &[members[0], members[1], world.trusted[1]]);
        }),
        ("a stranger beside all members", |world, one| {
            by(one, &[&world.members()[..], &[77]].concat());
        }),
        ("one forged beside a quorum", |world, one| {
            one.certificate.signatures = all(one, world);
            one.certificate.signatures[3].1[9] ^= 1;
        }),
        ("of another round", |_, one| one.certificate.round += 1),
        ("of prevotes", |world, one| {
            let members = world.members();
            one.certificate = world::votes(&one.block.header, 1, Stage::Prevote, &members);
        }),
        ("of the block before", |world, one| {
            one.certificate = world.blocks[HEIGHT as usize - 2].certificate.clone();
        }),
        ("a second spelling of a signature", |_, one| {
            one.certificate.signatures[0].1 = malleated(one.certificate.signatures[0].1);
        }),
    ];
    for (name, change) in rows {
        bench.block(&format!("certificate: {name}"), "Certificate", change);
    }
    bench.block(
        "certificate: more than members may be",
        "Count",
        |_, one| {
            let one_signature = one.certificate.signatures[0];
            one.certificate.signatures = vec![one_signature; 32];
        },
    );
}

/// The same signature with the group's order added to S: it holds where that is not refused.
fn malleated(mut signature: [u8; 64]) -> [u8; 64] {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, more) in signature[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(more) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    signature
}

/// Roots of states to which the entries do not lead.
fn states(bench: &mut Bench) {
    bench.world("state: with credits that nobody issued", "State", |world| {
        let entries = world.entries.clone();
        world.decree(Order::Issue {
            to: id(1),
            amount: Credits(1),
        });
        world.entries = entries;
    });
    bench.world("state: with a duty that nobody granted", "State", |world| {
        let entries = world.entries.clone();
        world.accept();
        world.entries = entries;
    });
    bench.header("state: of the block before", "State", |world, header| {
        header.state = world.blocks[HEIGHT as usize - 2].block.header.state;
    });
    bench.world(
        "state: before the members changed",
        "Certificate",
        |world| {
            world.decree(Order::RemoveMember(id(world.members()[0])));
            world.state.next_height();
        },
    );
    bench.world("entries: none", "Size", |world| world.entries.clear());
}
