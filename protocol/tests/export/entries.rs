//! Entries in a wrong order, and entries that count for nothing, each at the end of a block that members signed.

use edgecoder_protocol::ledger::{
    apply::Refused,
    decree::DECREE_LIFE_MAX_MS,
    entry::{Body, Fenced, LIFE_MAX_MS},
};

use super::*;
use crate::world::{OPERATORS, SHARDS, chain};

#[path = "council.rs"]
mod council;
#[path = "duties.rs"]
mod duties;
#[path = "peers.rs"]
mod peers;

pub(super) fn orders(bench: &mut Bench) {
    type Change = fn(&mut World);
    let rows: [(&str, &str, Change); 6] = [
        ("one twice", "why: Nonce", |one| {
            let first = one.entries.iter().find(|entry| one.signer(entry) == 200);
            one.entries.push(first.unwrap().clone());
        }),
        ("one of the block before again", "why: Nonce", |one| {
            let before = &one.blocks[HEIGHT as usize - 2].block.entries;
            let old = before.iter().find(|entry| one.signer(entry) == 200);
            one.entries.push(old.unwrap().clone());
        }),
        ("swapped", "why: Nonce", |one| {
            let signers: Vec<u32> = one.entries.iter().map(|entry| one.signer(entry)).collect();
            let last = signers.len() - 1;
            let pair = (0..last).find_map(|at| {
                let later = (at + 1..last).find(|later| signers[*later] == signers[at])?;
                Some((at, later))
            });
            let (first, second) = pair.unwrap();
            one.entries.swap(first, second);
        }),
        ("the last left out", "State", |one| {
            one.entries.pop();
        }),
        ("one left out", "", |one| {
            one.entries.remove(9);
        }),
        ("in the name of another", "Signature", |one| {
            let mut bytes = one.entries[9].to_bytes();
            bytes[64..96].copy_from_slice(&id(3).0);
            one.entries[9] = Signed::from_bytes(&bytes).unwrap();
        }),
    ];
    for (name, breach, change) in rows {
        bench.world(&format!("entries, signed: {name}"), breach, change);
    }
    // One of a worker and one of a coordinator have nothing to do with each other.
    let is_paid = |one: &Signed<Entry>| matches!(one.open().unwrap().0.body, Body::Transfer { .. });
    let is_task = |one: &Signed<Entry>| {
        let body = &one.open().unwrap().0.body;
        matches!(
            body,
            Body::Accept(_) | Body::Assign { .. } | Body::End { .. }
        )
    };
    let swap = |one: &mut Vec<Signed<Entry>>| {
        let is_pair = |pair: &[Signed<Entry>]| is_paid(&pair[0]) && is_task(&pair[1]);
        let at = one.windows(2).position(is_pair).unwrap();
        one.swap(at, at + 1);
    };
    bench.block("entries swapped", "Log", |_, one| {
        swap(&mut one.block.entries)
    });
    bench.block("the last entry left out", "Log", |_, one| {
        one.block.entries.pop();
    });
}

impl Bench {
    /// With one entry more, of `by`, that is refused.
    fn entry(
        &mut self,
        name: &str,
        breach: &'static str,
        entry: impl FnOnce(&mut World) -> (u32, Entry),
    ) {
        self.world(&format!("entry: {name}"), breach, |world| {
            let (by, entry) = entry(world);
            let refused: Refused = world.try_say(by, &entry).unwrap_err();
            assert!(
                format!("why: {refused:?}").contains(breach),
                "{name}: {refused:?}"
            );
            world.entries.push(Signed::new(entry, &key(by)));
        });
    }

    fn body(
        &mut self,
        name: &str,
        breach: &'static str,
        body: impl FnOnce(&mut World) -> (u32, Body),
    ) {
        self.entry(name, breach, |world| {
            let (by, body) = body(world);
            (by, world.entry(by, body))
        });
    }

    fn order(&mut self, name: &str, breach: &'static str, order: impl FnOnce(&mut World) -> Order) {
        self.body(name, breach, |world| {
            let order = order(world);
            (1, Body::Decree(world.approved(order, &OPERATORS)))
        });
    }
}

pub(super) fn refused(bench: &mut Bench) {
    envelopes(bench);
    credits(bench);
    decrees(bench);
    council::changes(bench);
    duties::grants(bench);
    duties::holders(bench);
    duties::losses(bench);
    duties::tasks(bench);
    peers::standing(bench);
    peers::keys(bench);
}

fn pay(to: u32, amount: u64) -> Body {
    Body::Transfer {
        to: id(to),
        amount: Credits(amount),
    }
}

fn policy() -> Order {
    Order::Policy {
        name: "privacy".into(),
        document: hash(1),
    }
}

/// What is no point, and one of small order.
const NOBODY: [(&str, [u8; 32]); 2] = [("no point", [2; 32]), ("a weak key", [0; 32])];

fn envelopes(bench: &mut Bench) {
    type Change = fn(&mut Entry, Millis);
    let rows: [(&str, &str, Change); 5] = [
        ("of another network", "Chain", |one, _| one.chain.0[0] ^= 1),
        ("too late", "Expired", |one, now| {
            one.expires = Millis(now.0 - 1)
        }),
        ("too far ahead", "Expired", |one, now| {
            one.expires = Millis(now.0 + LIFE_MAX_MS + 1);
        }),
        ("too early", "Nonce", |one, _| one.nonce += 1),
        ("said before", "Nonce", |one, _| one.nonce -= 1),
    ];
    for (name, breach, change) in rows {
        bench.entry(name, breach, |world| {
            let mut entry = world.entry(200, pay(1, 1));
            change(&mut entry, world.time());
            (200, entry)
        });
    }
    // What they carry would count from others, so that nothing else refuses it.
    bench.body("a stranger's", "Stranger", |world| {
        (9_000, Body::Decree(world.approved(policy(), &OPERATORS)))
    });
    bench.body("by an old key", "Rotated", |world| {
        let approved = world.approved(policy(), &OPERATORS);
        (world.rotated[0], Body::Decree(approved))
    });
    bench.body("by one who is blacklisted", "Listed", |world| {
        (world.listed, pay(1, 1))
    });
}

fn credits(bench: &mut Bench) {
    bench.body("more than there is", "Balance", |world| {
        let worker = world.worker();
        let balance = world.state.account(&id(worker)).balance;
        (world.fit_worker(), pay(1, balance.0 * 9))
    });
    bench.body("to itself", "nothing would change hands", |world| {
        let worker = world.fit_worker();
        (worker, pay(worker, 1))
    });
    bench.body("nothing", "nothing would change hands", |world| {
        (world.fit_worker(), pay(1, 0))
    });
    bench.body("to an old key", "the payee goes by another key", |world| {
        (world.fit_worker(), pay(world.rotated[0], 1))
    });
    for (name, nobody) in NOBODY {
        bench.body(&format!("to {name}"), "nobody can sign", |world| {
            let (to, amount) = (PeerId(nobody), Credits(1));
            (world.fit_worker(), Body::Transfer { to, amount })
        });
        bench.order(&format!("issue to {name}"), "nobody can sign", |_| {
            let (to, amount) = (PeerId(nobody), Credits(1));
            Order::Issue { to, amount }
        });
    }
    bench.order(
        "more than can be counted",
        "more credits than can be counted",
        |_| Order::Issue {
            to: id(1),
            amount: Credits(u64::MAX),
        },
    );
    bench.order("issue nothing", "nobody would have more", |_| {
        Order::Issue {
            to: id(1),
            amount: Credits(0),
        }
    });
    bench.order("issue to an old key", "nobody would have more", |world| {
        Order::Issue {
            to: id(world.rotated[0]),
            amount: Credits(1),
        }
    });
}

fn decrees(bench: &mut Bench) {
    let few: [(&str, &'static [u32]); 3] = [
        ("by one operator", &[200]),
        ("by members", &[1, 3, 4]),
        ("by one operator and a member", &[3, 202]),
    ];
    for (name, by) in few {
        bench.body(name, "Approvals", |world| {
            (200, Body::Decree(world.approved(policy(), by)))
        });
    }
    bench.body("by one operator and a forged one", "Approvals", |world| {
        let mut approved = world.approved(policy(), &[200, 201]);
        approved.approvals[1].1[40] ^= 4;
        (200, Body::Decree(approved))
    });
    type Change = fn(&mut Decree);
    let rows: [(&str, &str, Change); 4] = [
        ("for another network", "Chain", |one| one.chain.0[0] ^= 1),
        ("about another version", "Version", |one| one.version += 1),
        ("decreed too late", "Expired", |one| one.expires.0 -= 60_001),
        ("decreed too early", "Expired", |one| {
            one.expires.0 += DECREE_LIFE_MAX_MS - 59_999;
        }),
    ];
    for (name, breach, change) in rows {
        bench.body(name, breach, |world| {
            let mut approved = world.approved(policy(), &[]);
            change(&mut approved.decree);
            approved.approvals = vec![approved.decree.approve(&key(200))];
            approved.approvals.push(approved.decree.approve(&key(201)));
            approved.approvals.sort_unstable_by_key(|(by, _)| *by);
            (200, Body::Decree(approved))
        });
    }
}
