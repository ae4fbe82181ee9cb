//! What entries may do, one rule a test: a network of one operator, four members and some others.

use super::*;
use crate::{
    key::NodeKey,
    ledger::{
        decree::Decree,
        duty::{Duty, Probes},
        members::MemberSet,
    },
    network::Genesis,
    signed::Signed,
};

mod duties;

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
        let members = MemberSet::new((1..=4).map(id)).unwrap();
        Self {
            state: State::new(&genesis(), members),
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
            order,
        };
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
    let pay = Body::Transfer {
        to: id(1),
        amount: Credits(1),
    };
    assert_eq!(world.say(9, pay), Err(Refused::Stranger));
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
    let old = Approved {
        approvals: BOTH.map(|by| decree.approve(&key(by))).to_vec(),
        decree,
    };
    let refused = Refused::Version {
        found: 0,
        current: 1,
    };
    assert_eq!(world.say(1, Body::Decree(old)), Err(refused));
}

#[test]
fn the_council_changes_by_one_at_a_height_and_from_the_next() {
    let mut world = World::new();
    let admit = |peer| Order::Admit {
        peer: id(peer),
        standing: Standing::Trusted,
        owner: None,
    };
    let stranger = world.decree(Order::AddMember(id(5)), &BOTH);
    assert!(matches!(stranger, Err(Refused::State(_))), "{stranger:?}");
    world.decree(admit(5), &BOTH).unwrap();
    world.decree(Order::AddMember(id(5)), &BOTH).unwrap();
    let second = world.decree(Order::RemoveMember(id(1)), &BOTH);
    assert!(matches!(second, Err(Refused::State(_))), "{second:?}");
    let votes = |world: &World, peer| world.state.council().unwrap().members.contains(&id(peer));
    assert!(!votes(&world, 5));
    world.state.next_height();
    assert!(votes(&world, 5));
    let revoked = Order::Revoke {
        peer: id(5),
        reason: "gone".into(),
    };
    let refused = world.decree(revoked, &BOTH);
    assert!(matches!(refused, Err(Refused::State(_))), "{refused:?}");
    world.decree(Order::RemoveMember(id(5)), &BOTH).unwrap();
    world.state.next_height();
    assert!(!votes(&world, 5));
}

#[test]
fn credits_change_hands_and_are_never_more_or_less() {
    let mut world = World::new();
    let issue = |amount| Order::Issue {
        to: id(9),
        amount: Credits(amount),
    };
    world.decree(issue(100), &BOTH).unwrap();
    let most = world.decree(issue(u64::MAX), &BOTH);
    assert!(matches!(most, Err(Refused::State(_))), "{most:?}");
    let pay = |to, amount| Body::Transfer {
        to: id(to),
        amount: Credits(amount),
    };
    assert_eq!(world.say(9, pay(1, 101)), Err(Refused::Balance));
    for (to, amount) in [(9, 1), (1, 0)] {
        let nothing = world.say(9, pay(to, amount));
        assert!(matches!(nothing, Err(Refused::State(_))), "{nothing:?}");
    }
    world.say(9, pay(1, 60)).unwrap();
    assert_eq!(world.say(9, pay(1, 60)), Err(Refused::Balance));
    let balance = |peer| world.state.account(&id(peer)).balance;
    assert_eq!((balance(9), balance(1)), (Credits(40), Credits(60)));
}

#[test]
fn a_blacklisted_peer_may_only_appeal_until_it_is_pardoned_or_time_has_passed() {
    let mut world = World::new();
    world.decree(Order::OpenAdmission(true), &BOTH).unwrap();
    world.say(9, Body::Register { owner: None }).unwrap();
    let list = |until| Order::Blacklist {
        peer: id(9),
        evidence: Hash([3; 32]),
        reason: "a forged receipt".into(),
        until: Millis(until),
    };
    world.decree(list(NOW.0 + 1), &BOTH).unwrap();
    let pay = || Body::Transfer {
        to: id(1),
        amount: Credits(1),
    };
    assert_eq!(world.say(9, pay()), Err(Refused::Listed));
    let appeal = || Body::Appeal {
        statement: Hash([4; 32]),
    };
    world.say(9, appeal()).unwrap();
    let again = world.say(9, appeal());
    assert!(matches!(again, Err(Refused::State(_))), "{again:?}");
    world.decree(Order::Pardon(id(9)), &BOTH).unwrap();
    assert_eq!(world.say(9, pay()), Err(Refused::Balance));
    world.decree(list(NOW.0), &BOTH).unwrap();
    assert_eq!(world.say(9, pay()), Err(Refused::Balance), "it has run out");
}

#[test]
fn a_rotated_key_leaves_all_to_the_new_one() {
    let mut world = World::new();
    let order = Order::Issue {
        to: id(2),
        amount: Credits(5),
    };
    world.decree(order, &BOTH).unwrap();
    let rotate = |new: u8, signer: u8, old: u8| Body::Rotate {
        new: id(new),
        signature: key(signer).sign(&rotation(genesis().id(), id(old), id(new))),
    };
    assert_eq!(world.say(2, rotate(12, 13, 2)), Err(Refused::Words));
    assert_eq!(world.say(2, rotate(12, 12, 3)), Err(Refused::Words));
    let used = world.say(2, rotate(3, 3, 2));
    assert!(matches!(used, Err(Refused::State(_))), "{used:?}");
    world.say(2, rotate(12, 12, 2)).unwrap();
    world.state.next_height();
    let members = &world.state.council().unwrap().members;
    assert!(members.contains(&id(12)) && !members.contains(&id(2)));
    assert_eq!(world.state.account(&id(12)).balance, Credits(5));
    assert_eq!(world.state.account(&id(2)).balance, Credits(0));
    let appeal = Body::Appeal {
        statement: Hash([0; 32]),
    };
    assert_eq!(world.say(2, appeal), Err(Refused::Rotated));
    let pay = Body::Transfer {
        to: id(2),
        amount: Credits(1),
    };
    let gone = world.say(12, pay);
    assert!(matches!(gone, Err(Refused::State(_))), "{gone:?}");
}
