//! Peers that may not say something, and keys that may not take another's place.

use edgecoder_protocol::{
    ledger::{apply::ROTATIONS_MAX, decree::Standing, entry::rotation},
    record::Owner,
};

use super::*;

/// `old` goes by `new`, which agrees.
pub(super) fn rotate(old: u32, new: u32) -> Body {
    let signature = key(new).sign(&rotation(chain(), id(old), id(new)));
    let new = id(new);
    Body::Rotate { new, signature }
}

fn admit(peer: PeerId) -> Order {
    Order::Admit {
        peer,
        standing: Standing::Trusted,
        owner: None,
    }
}

fn revoke(peer: u32) -> Order {
    Order::Revoke {
        peer: id(peer),
        reason: String::new(),
    }
}

pub(super) fn standing(bench: &mut Bench) {
    bench.order("a stranger revoked", "it does not take part", |_| {
        revoke(66)
    });
    bench.order("a stranger pardoned", "it is not listed", |_| {
        Order::Pardon(id(66))
    });
    bench.body("registered twice", "Forbidden", |world| {
        (world.fit_worker(), Body::Register { owner: None })
    });
    bench.body("registered where that is closed", "Stranger", |world| {
        world.decree(Order::OpenAdmission(false));
        (9_000, Body::Register { owner: None })
    });
    for (name, node, operator) in [("another's owner", 9_001, 200), ("no operator", 9_000, 1)] {
        bench.body(name, "Words", |_| {
            let owner = Some(Owner::vouch(chain(), id(node), &key(operator)));
            (9_000, Body::Register { owner })
        });
    }
    bench.body("by one who was revoked", "Stranger", |world| {
        let gone = world.fit_worker();
        world.revoke(gone);
        assert!(world.state.account(&id(gone)).balance > Credits(0));
        (gone, pay(1, 1))
    });
    bench.body("registered again when revoked", "Stranger", |world| {
        let gone = world.fit_worker();
        world.revoke(gone);
        (gone, Body::Register { owner: None })
    });
    let statement = hash(1);
    bench.body("nothing to appeal", "there is nothing to appeal", |world| {
        (world.members()[0], Body::Appeal { statement })
    });
    bench.body("appealed by a stranger", "Stranger", |_| {
        (9_000, Body::Appeal { statement })
    });
    bench.body("appealed twice", "there is nothing to appeal", |world| {
        world.say(world.listed, Body::Appeal { statement });
        (world.listed, Body::Appeal { statement })
    });
    for (name, nobody) in NOBODY {
        bench.order(&format!("admit {name}"), "nobody can sign", |_| {
            admit(PeerId(nobody))
        });
    }
    bench.order("admit an old key", "it goes by another key", |world| {
        admit(id(world.rotated[0]))
    });
}

pub(super) fn keys(bench: &mut Bench) {
    let rows = [
        ("a key that did not agree", 9_000, 9_001, "Words"),
        ("a key of another", 1, 1, "the new key was used before"),
        // It has said nothing so far, so that nothing else shows it.
        ("an operator's key", 202, 202, "the new key was used before"),
    ];
    for (name, new, signer, breach) in rows {
        bench.body(name, breach, |world| {
            let old = world.fit_worker();
            let signature = key(signer).sign(&rotation(chain(), id(old), id(new)));
            let new = id(new);
            (old, Body::Rotate { new, signature })
        });
    }
    bench.body("another key while blacklisted", "Listed", |world| {
        (world.listed, rotate(world.listed, 9_000))
    });
    bench.body("an operator's old key", "Approvals", |world| {
        world.rotate(202);
        (200, Body::Decree(world.approved(policy(), &[200, 202])))
    });
    // What is decreed about an old key is about the new one, which is what does not fit.
    bench.order(
        "an old key of one revoked",
        "it does not take part",
        |world| {
            let old = world.fit_worker();
            let new = world.rotate(old);
            world.revoke(new);
            revoke(old)
        },
    );
    bench.body("by the new key of one blacklisted", "Listed", |world| {
        let old = world.fit_worker();
        let new = world.rotate(old);
        world.blacklist(old, 1);
        (new, pay(1, 1))
    });
    bench.order("a key that has changed too often", "too often", |world| {
        let first = world.fit_worker();
        (0..=ROTATIONS_MAX).fold(first, |old, _| world.rotate(old));
        revoke(first)
    });
}
