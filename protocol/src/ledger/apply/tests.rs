//! What entries may do, one rule a test: a network of one operator, four members and some others.

use super::*;
use crate::{
    key::NodeKey,
    ledger::{
        decree::{DECREE_LIFE_MAX_MS, Decree},
        duty::{Duty, Probes},
        entry::rotation,
        members::MemberSet,
    },
    network::Genesis,
    record::Owner,
    signed::Signed,
};

mod council;
mod duties;
mod peers;

const NOW: Millis = Millis(1_000_000);
const DUTY: Duty = Duty::Coordinator(0);

fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

fn id(number: u8) -> PeerId {
    key(number).peer_id()
}

/// Operators 200 to 202, members 1 to 4.
fn genesis() -> Genesis {
    let mut operators = vec![id(200), id(201), id(202)];
    operators.sort_unstable();
    Genesis {
        name: "lab".into(),
        operators,
        members: MemberSet::new((1..=4).map(id)).unwrap(),
        founded: Millis(0),
        salt: [0; 16],
    }
}

struct World {
    state: State,
    index: u64,
    parent: Hash,
}

impl World {
    fn new() -> Self {
        Self {
            state: State::new(&genesis()),
            index: 0,
            parent: Hash([9; 32]),
        }
    }

    fn entry(&self, by: u8, body: Body) -> Entry {
        Entry {
            chain: genesis().id(),
            nonce: self.state.account(&id(by)).nonce,
            expires: NOW,
            body,
        }
    }

    /// Applies it; checks that one that is refused changes nothing, and that credits are conserved.
    fn apply(&mut self, by: u8, entry: &Entry) -> Result<(), Refused> {
        let before = self.state.root();
        let at = At {
            time: NOW,
            parent: self.parent,
            index: self.index,
        };
        let applied = self.state.apply(entry, id(by), at);
        match applied {
            Ok(()) => self.index += 1,
            Err(_) => assert_eq!(self.state.root(), before, "{entry:?}"),
        }
        self.is_conserved();
        applied
    }

    fn is_conserved(&self) {
        let supply = self.state.supply().unwrap();
        let held: u64 = self
            .state
            .values()
            .map(|value| match value {
                Value::Account(account) => account.balance.0,
                _ => 0,
            })
            .sum();
        assert_eq!(supply.issued.0, held + supply.burned.0);
    }

    fn say(&mut self, by: u8, body: Body) -> Result<(), Refused> {
        let entry = self.entry(by, body);
        self.apply(by, &entry)
    }

    /// A decree that `operators` approve, brought in by member 1.
    fn decree(&mut self, order: Order, operators: &[u8]) -> Result<(), Refused> {
        let decree = Decree {
            chain: genesis().id(),
            version: self.state.version_of(&order),
            expires: NOW,
            order,
        };
        self.approve(decree, operators)
    }

    fn approve(&mut self, decree: Decree, operators: &[u8]) -> Result<(), Refused> {
        let mut approvals: Vec<_> = operators
            .iter()
            .map(|by| decree.approve(&key(*by)))
            .collect();
        approvals.sort_unstable_by_key(|(by, _)| *by);
        self.say(1, Body::Decree(Approved { decree, approvals }))
    }

    /// Probes of these members, who see `buckets`.
    fn probes(&self, members: &[u8], buckets: &[(u8, u8)]) -> Vec<Signed<Probes>> {
        let mut buckets: Vec<_> = buckets.iter().map(|(who, one)| (id(*who), *one)).collect();
        buckets.sort_unstable();
        let probes = Probes {
            chain: genesis().id(),
            at: NOW,
            buckets,
            duty: DUTY,
        };
        let sign = |by: &u8| Signed::new(probes.clone(), &key(*by));
        members.iter().map(sign).collect()
    }

    /// Member 2 gets the duty; its term.
    fn granted(&mut self) -> u64 {
        let probes = self.probes(&[1, 3, 4], &[(2, 0)]);
        self.say(1, Body::Grant { duty: DUTY, probes }).unwrap();
        let held = self.state.duty(DUTY);
        assert_eq!(held.holder, Some(id(2)));
        held.term
    }

    fn admit(&mut self, peer: u8, standing: Standing) -> Result<(), Refused> {
        let order = Order::Admit {
            peer: id(peer),
            standing,
            owner: None,
        };
        self.decree(order, &BOTH)
    }

    fn issue(&mut self, to: PeerId, amount: u64) -> Result<(), Refused> {
        let amount = Credits(amount);
        self.decree(Order::Issue { to, amount }, &BOTH)
    }
}

fn pay(to: PeerId, amount: u64) -> Body {
    let amount = Credits(amount);
    Body::Transfer { to, amount }
}

fn revoke(peer: u8) -> Order {
    Order::Revoke {
        peer: id(peer),
        reason: "gone".into(),
    }
}

fn list(peer: u8, until: u64) -> Order {
    Order::Blacklist {
        peer: id(peer),
        evidence: Hash([3; 32]),
        reason: "a forged receipt".into(),
        until: Millis(until),
    }
}

fn appeal() -> Body {
    Body::Appeal {
        statement: Hash([4; 32]),
    }
}

/// `old` goes by `new`, which agrees.
fn rotate(old: u8, new: u8) -> Body {
    Body::Rotate {
        new: id(new),
        signature: key(new).sign(&rotation(genesis().id(), id(old), id(new))),
    }
}

fn does_not_fit(refused: Result<(), Refused>) {
    assert!(matches!(refused, Err(Refused::State(_))), "{refused:?}");
}

const BOTH: [u8; 2] = [200, 201];

fn policy() -> Order {
    Order::Policy {
        name: "privacy".into(),
        document: Hash([1; 32]),
    }
}

#[test]
fn an_entry_counts_once_in_its_time_and_in_its_network() {
    let mut world = World::new();
    world.decree(Order::OpenAdmission(true), &BOTH).unwrap();
    let good = world.entry(9, Body::Register { owner: None });
    let bad = |change: fn(&mut Entry)| {
        let mut entry = good.clone();
        change(&mut entry);
        entry
    };
    let rows = [
        (bad(|one| one.chain.0[0] ^= 1), Refused::Chain),
        (bad(|one| one.expires.0 = NOW.0 - 1), Refused::Expired),
        (
            bad(|one| one.expires.0 = NOW.0 + LIFE_MAX_MS + 1),
            Refused::Expired,
        ),
        (bad(|one| one.expires.0 = u64::MAX), Refused::Expired),
        (
            bad(|one| one.nonce = 1),
            Refused::Nonce {
                found: 1,
                expected: 0,
            },
        ),
    ];
    for (entry, refused) in rows {
        assert_eq!(world.apply(9, &entry), Err(refused), "{entry:?}");
    }
    assert_eq!(world.apply(9, &good), Ok(()));
    let again = Refused::Nonce {
        found: 0,
        expected: 1,
    };
    assert_eq!(world.apply(9, &good), Err(again));
}

#[test]
fn strangers_say_nothing_and_register_only_where_that_is_open() {
    let mut world = World::new();
    let register = || Body::Register { owner: None };
    assert_eq!(world.say(9, register()), Err(Refused::Stranger));
    world.decree(Order::OpenAdmission(true), &BOTH).unwrap();
    assert_eq!(world.say(9, pay(id(1), 1)), Err(Refused::Stranger));
    let owner = Some(Owner::vouch(genesis().id(), id(8), &key(200)));
    assert_eq!(world.say(9, Body::Register { owner }), Err(Refused::Words));
    let owner = Some(Owner::vouch(genesis().id(), id(9), &key(200)));
    assert_eq!(world.say(9, Body::Register { owner }), Ok(()));
    let peer = world.state.peer(&id(9)).unwrap();
    assert_eq!(
        (peer.standing, peer.owner),
        (Standing::Worker, Some(id(200)))
    );
    assert_eq!(world.say(9, register()), Err(Refused::Forbidden));
}

#[test]
fn more_than_half_of_the_operators_decree_once() {
    let mut world = World::new();
    let few: [&[u8]; 4] = [&[], &[200], &[200, 9], &[1, 2, 3]];
    for operators in few {
        assert_eq!(
            world.decree(policy(), operators),
            Err(Refused::Approvals),
            "{operators:?}"
        );
    }
    let decree = Decree {
        chain: genesis().id(),
        version: 0,
        expires: NOW,
        order: policy(),
    };
    let (operator, mut signature) = decree.approve(&key(201));
    signature[0] ^= 1;
    let forged = vec![decree.approve(&key(200)), (operator, signature)];
    let forged = Approved {
        decree: decree.clone(),
        approvals: forged,
    };
    assert_eq!(world.say(1, Body::Decree(forged)), Err(Refused::Approvals));
    world.decree(policy(), &BOTH).unwrap();
    let at = |expires| Decree {
        version: 1,
        expires: Millis(expires),
        ..decree.clone()
    };
    let most = NOW.0 + DECREE_LIFE_MAX_MS;
    for expires in [NOW.0 - 1, most + 1, u64::MAX] {
        let refused = world.approve(at(expires), &BOTH);
        assert_eq!(refused, Err(Refused::Expired), "{expires}");
    }
    world.approve(at(most), &BOTH).unwrap();
    let old = Approved {
        approvals: BOTH.map(|by| decree.approve(&key(by))).to_vec(),
        decree,
    };
    let refused = Refused::Version {
        found: 0,
        current: 2,
    };
    assert_eq!(world.say(1, Body::Decree(old)), Err(refused));
}

#[test]
fn credits_change_hands_and_are_never_more_or_less() {
    let mut world = World::new();
    world.issue(id(9), 100).unwrap();
    does_not_fit(world.issue(id(9), u64::MAX));
    does_not_fit(world.issue(id(9), 0));
    assert_eq!(world.say(9, pay(id(1), 101)), Err(Refused::Balance));
    does_not_fit(world.say(9, pay(id(9), 1)));
    does_not_fit(world.say(9, pay(id(1), 0)));
    world.say(9, pay(id(1), 60)).unwrap();
    assert_eq!(world.say(9, pay(id(1), 60)), Err(Refused::Balance));
    let balance = |peer| world.state.account(&id(peer)).balance;
    assert_eq!((balance(9), balance(1)), (Credits(40), Credits(60)));
}

#[test]
fn nothing_goes_to_what_is_nobodys_key() {
    let mut world = World::new();
    world.issue(id(9), 100).unwrap();
    // No point of the curve, and one of small order.
    for nobody in [PeerId([2; 32]), PeerId([0; 32])] {
        let admit = |standing| Order::Admit {
            peer: nobody,
            standing,
            owner: None,
        };
        does_not_fit(world.say(9, pay(nobody, 1)));
        does_not_fit(world.issue(nobody, 1));
        does_not_fit(world.decree(admit(Standing::Worker), &BOTH));
        let signature = [0; 64];
        let new = nobody;
        let rotated = world.say(9, Body::Rotate { new, signature });
        assert_eq!(rotated, Err(Refused::Words));
    }
    // A key that has had nothing so far.
    world.say(9, pay(id(77), 1)).unwrap();
}
