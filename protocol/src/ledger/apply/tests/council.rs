//! Who votes: who comes, goes and takes another's place, and what goes with it.

use super::*;

fn votes(world: &World) -> Vec<PeerId> {
    world.state.council().unwrap().members.members().to_vec()
}

fn set(members: &[u8]) -> Vec<PeerId> {
    let set = MemberSet::new(members.iter().copied().map(id)).unwrap();
    set.members().to_vec()
}

fn replace(old: u8, new: u8) -> Order {
    let (old, new) = (id(old), id(new));
    Order::ReplaceMember { old, new }
}

#[test]
fn the_council_changes_by_one_at_a_height_and_from_the_next() {
    let mut world = World::new();
    does_not_fit(world.decree(Order::AddMember(id(5)), &BOTH));
    world.admit(5, Standing::Trusted).unwrap();
    world.decree(Order::AddMember(id(5)), &BOTH).unwrap();
    does_not_fit(world.decree(Order::RemoveMember(id(1)), &BOTH));
    does_not_fit(world.decree(replace(1, 5), &BOTH));
    assert_eq!(votes(&world), set(&[1, 2, 3, 4]));
    does_not_fit(world.admit(5, Standing::Worker));
    world.state.next_height();
    assert_eq!(votes(&world), set(&[1, 2, 3, 4, 5]));
    does_not_fit(world.decree(revoke(5), &BOTH));
    world.decree(Order::RemoveMember(id(5)), &BOTH).unwrap();
    does_not_fit(world.admit(5, Standing::Worker));
    world.state.next_height();
    assert_eq!(votes(&world), set(&[1, 2, 3, 4]));
    world.admit(5, Standing::Worker).unwrap();
    does_not_fit(world.decree(Order::AddMember(id(5)), &BOTH));
}

#[test]
fn a_trusted_peer_takes_a_members_place_by_decree_alone() {
    let mut world = World::new();
    does_not_fit(world.say(2, rotate(2, 12)));
    does_not_fit(world.decree(replace(2, 5), &BOTH));
    world.admit(5, Standing::Worker).unwrap();
    does_not_fit(world.decree(replace(2, 5), &BOTH));
    world.admit(5, Standing::Trusted).unwrap();
    does_not_fit(world.decree(replace(2, 3), &BOTH));
    does_not_fit(world.decree(replace(6, 5), &BOTH));
    world.decree(list(5, NOW.0 + 1), &BOTH).unwrap();
    does_not_fit(world.decree(replace(2, 5), &BOTH));
    world.decree(Order::Pardon(id(5)), &BOTH).unwrap();
    world.decree(revoke(5), &BOTH).unwrap();
    does_not_fit(world.decree(replace(2, 5), &BOTH));
    world.admit(5, Standing::Trusted).unwrap();
    world.decree(replace(2, 5), &BOTH).unwrap();
    does_not_fit(world.decree(replace(3, 6), &BOTH));
    // Neither who leaves nor who comes changes its key meanwhile.
    does_not_fit(world.say(2, rotate(2, 12)));
    does_not_fit(world.say(5, rotate(5, 15)));
    world.state.next_height();
    assert_eq!(votes(&world), set(&[1, 3, 4, 5]));
    world.say(2, rotate(2, 12)).unwrap();
}

#[test]
fn what_nobody_can_sign_as_does_not_come_back_into_the_council() {
    let mut world = World::new();
    let nobody = PeerId([2; 32]);
    let genesis = Genesis {
        members: MemberSet::new((1..=4).map(id).chain([nobody])).unwrap(),
        ..genesis()
    };
    world.state = State::new(&genesis);
    let mut decree = |order| {
        world.state.next_height();
        let at = At {
            time: NOW,
            parent: world.parent,
            index: 0,
        };
        let decree = Decree {
            chain: genesis.id(),
            version: world.state.version_of(&order),
            expires: NOW,
            order,
        };
        let empty = Approved {
            approvals: Vec::new(),
            decree,
        };
        let approved = BOTH.into_iter().fold(empty, |approved, by| {
            let approval = approved.decree.approve(&key(by));
            approved.with(approval)
        });
        world.state.decree(&approved, at)
    };
    decree(Order::RemoveMember(nobody)).unwrap();
    does_not_fit(decree(Order::AddMember(nobody)));
    let (old, new) = (id(1), nobody);
    does_not_fit(decree(Order::ReplaceMember { old, new }));
}

#[test]
fn a_members_duties_end_with_its_standing_and_keep_their_term() {
    type Given = fn() -> Order;
    let orders: [(&str, Given); 3] = [
        ("removed", || Order::RemoveMember(id(2))),
        ("replaced", || replace(2, 5)),
        ("blacklisted", || list(2, NOW.0 + 1)),
    ];
    for (name, order) in orders {
        let mut world = World::new();
        world.admit(5, Standing::Trusted).unwrap();
        let term = world.granted();
        assert_eq!(world.state.peer(&id(2)).unwrap().duties, [DUTY], "{name}");
        world.decree(order(), &BOTH).unwrap();
        let held = world.state.duty(DUTY);
        assert_eq!((held.holder, held.term), (None, term), "{name}");
        assert!(world.state.peer(&id(2)).unwrap().duties.is_empty());
        // It votes to the end of this height, and is given nothing any more.
        let probes = world.probes(&[1, 3, 4], &[(2, 0), (3, 9)]);
        world.say(1, Body::Grant { duty: DUTY, probes }).unwrap();
        assert_eq!(world.state.duty(DUTY).holder, Some(id(3)), "{name}");
    }
}

#[test]
fn a_member_that_is_admitted_again_keeps_its_duties() {
    let mut world = World::new();
    world.granted();
    world.admit(2, Standing::Trusted).unwrap();
    assert_eq!(world.state.peer(&id(2)).unwrap().duties, [DUTY]);
}
