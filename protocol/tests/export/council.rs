//! Changes of the council that are refused.

use edgecoder_protocol::ledger::decree::Standing;

use super::*;

fn replace(old: u32, new: u32) -> Order {
    let (old, new) = (id(old), id(new));
    Order::ReplaceMember { old, new }
}

pub(super) fn changes(bench: &mut Bench) {
    bench.order("an untrusted member", "it is no trusted peer", |world| {
        Order::AddMember(id(world.worker()))
    });
    bench.order("a blacklisted member", "it is no trusted peer", |world| {
        world.blacklist(world.trusted[1], 1);
        Order::AddMember(id(world.trusted[1]))
    });
    bench.order("a member twice", "the council cannot change so", |world| {
        Order::AddMember(id(world.members()[0]))
    });
    bench.order(
        "no member to remove",
        "the council cannot change so",
        |_| Order::RemoveMember(id(66)),
    );
    bench.order(
        "two changes of the council",
        "changes at this height already",
        |world| {
            world.decree(Order::AddMember(id(world.trusted[0])));
            Order::RemoveMember(id(world.members()[0]))
        },
    );
    replacements(bench);
    members(bench);
}

fn replacements(bench: &mut Bench) {
    bench.order("replaced by a worker", "it is no trusted peer", |world| {
        replace(world.members()[0], world.fit_worker())
    });
    bench.order(
        "replaced by one revoked",
        "it is no trusted peer",
        |world| {
            world.revoke(world.trusted[1]);
            replace(world.members()[0], world.trusted[1])
        },
    );
    bench.order("replaced by one listed", "it is no trusted peer", |world| {
        world.blacklist(world.trusted[1], 1);
        replace(world.members()[0], world.trusted[1])
    });
    bench.order(
        "replaced by a member",
        "the council cannot change so",
        |world| {
            let members = world.members();
            replace(members[0], members[1])
        },
    );
    bench.order(
        "no member replaced",
        "the council cannot change so",
        |world| replace(66, world.trusted[1]),
    );
    bench.order(
        "replaced beside another change",
        "changes at this height already",
        |world| {
            world.admit(66, Standing::Trusted, None);
            world.decree(Order::AddMember(id(66)));
            replace(world.members()[0], world.trusted[1])
        },
    );
}

/// What may not be done to a member, or by one.
fn members(bench: &mut Bench) {
    bench.order("a member revoked", "it is a member", |world| {
        Order::Revoke {
            peer: id(world.members()[0]),
            reason: String::new(),
        }
    });
    let worker = |peer: u32| Order::Admit {
        peer: id(peer),
        standing: Standing::Worker,
        owner: None,
    };
    bench.order("a member made a worker", "it is a member", |world| {
        worker(world.members()[0])
    });
    bench.order("a coming member made a worker", "it is a member", |world| {
        world.decree(Order::AddMember(id(world.trusted[1])));
        worker(world.trusted[1])
    });
    bench.order(
        "a leaving member made a worker",
        "it is a member",
        |world| {
            let leaving = world.members()[0];
            world.decree(Order::RemoveMember(id(leaving)));
            worker(leaving)
        },
    );
    bench.body("a member's other key", "it is a member", |world| {
        let member = world.members()[0];
        (member, peers::rotate(member, 9_000))
    });
    bench.body("a coming member's other key", "it is a member", |world| {
        let coming = world.trusted[1];
        world.decree(Order::AddMember(id(coming)));
        (coming, peers::rotate(coming, 9_000))
    });
    bench.body("a leaving member's other key", "it is a member", |world| {
        let leaving = world.members()[0];
        world.decree(Order::RemoveMember(id(leaving)));
        (leaving, peers::rotate(leaving, 9_000))
    });
}
