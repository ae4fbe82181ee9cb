//! Who is blacklisted, revoked or goes by another key, and what is left to it.

use super::*;
use crate::ledger::apply::peers::ROTATIONS_MAX;

/// A network that is open, with worker 9.
fn with_worker() -> World {
    let mut world = World::new();
    world.decree(Order::OpenAdmission(true), &BOTH).unwrap();
    world.say(9, Body::Register { owner: None }).unwrap();
    world
}

#[test]
fn a_blacklisted_peer_may_only_appeal_until_it_is_pardoned_or_time_has_passed() {
    let mut world = with_worker();
    world.decree(list(9, NOW.0 + 1), &BOTH).unwrap();
    assert_eq!(world.say(9, pay(id(1), 1)), Err(Refused::Listed));
    assert_eq!(world.say(9, rotate(9, 19)), Err(Refused::Listed));
    world.say(9, appeal()).unwrap();
    does_not_fit(world.say(9, appeal()));
    world.decree(Order::Pardon(id(9)), &BOTH).unwrap();
    assert_eq!(world.say(9, pay(id(1), 1)), Err(Refused::Balance));
    world.decree(list(9, NOW.0), &BOTH).unwrap();
    let run_out = world.say(9, pay(id(1), 1));
    assert_eq!(run_out, Err(Refused::Balance));
}

#[test]
fn whoever_is_blacklisted_may_appeal_revoked_or_unknown() {
    let mut world = with_worker();
    world.decree(revoke(9), &BOTH).unwrap();
    for peer in [9, 77] {
        assert_eq!(world.say(peer, appeal()), Err(Refused::Stranger), "{peer}");
        world.decree(list(peer, NOW.0 + 1), &BOTH).unwrap();
        world.say(peer, appeal()).unwrap();
        let listing = world.state.listing(&id(peer)).unwrap();
        assert_eq!(listing.appeal, Some(Hash([4; 32])));
    }
}

#[test]
fn a_revoked_peer_says_nothing_more_although_it_has_an_account() {
    let mut world = with_worker();
    world.issue(id(9), 5).unwrap();
    world.say(9, pay(id(1), 1)).unwrap();
    world.decree(revoke(9), &BOTH).unwrap();
    does_not_fit(world.decree(revoke(9), &BOTH));
    for body in [
        pay(id(1), 1),
        Body::Register { owner: None },
        rotate(9, 19),
        appeal(),
    ] {
        assert_eq!(
            world.say(9, body.clone()),
            Err(Refused::Stranger),
            "{body:?}"
        );
    }
    // An account is enough for who never was a peer.
    world.issue(id(77), 5).unwrap();
    world.say(77, pay(id(1), 1)).unwrap();
    // An operator decrees all the same.
    world.admit(200, Standing::Worker).unwrap();
    world.decree(revoke(200), &BOTH).unwrap();
    world.issue(id(200), 1).unwrap();
    world.say(200, pay(id(1), 1)).unwrap();
    world.admit(9, Standing::Worker).unwrap();
    world.say(9, pay(id(1), 1)).unwrap();
}

#[test]
fn a_rotated_key_leaves_all_to_the_new_one() {
    let mut world = with_worker();
    world.issue(id(9), 5).unwrap();
    let signed = |new: u8, signer: u8, old: u8| Body::Rotate {
        new: id(new),
        signature: key(signer).sign(&rotation(genesis().id(), id(old), id(new))),
    };
    assert_eq!(world.say(9, signed(19, 18, 9)), Err(Refused::Words));
    assert_eq!(world.say(9, signed(19, 19, 3)), Err(Refused::Words));
    for used in [9, 3, 200] {
        does_not_fit(world.say(9, rotate(9, used)));
    }
    world.decree(list(78, NOW.0), &BOTH).unwrap();
    does_not_fit(world.say(9, rotate(9, 78)));
    world.say(9, rotate(9, 19)).unwrap();
    assert_eq!(world.state.account(&id(19)).balance, Credits(5));
    assert_eq!(world.state.account(&id(9)).balance, Credits(0));
    let revoked = |peer| world.state.peer(&id(peer)).map(|one| one.is_revoked);
    assert_eq!((revoked(9), revoked(19)), (Some(true), Some(false)));
    assert_eq!(world.say(9, appeal()), Err(Refused::Rotated));
    does_not_fit(world.say(19, pay(id(9), 1)));
    does_not_fit(world.issue(id(9), 1));
    does_not_fit(world.admit(9, Standing::Worker));
}

#[test]
fn decrees_about_an_old_key_are_about_whoever_has_it_now() {
    let mut world = with_worker();
    world.decree(list(9, NOW.0), &BOTH).unwrap();
    world.say(9, rotate(9, 19)).unwrap();
    world.say(19, rotate(19, 29)).unwrap();
    let version = |world: &World| world.state.listing(&id(29)).map(|one| one.version);
    assert_eq!(version(&world), Some(1), "what has run out moves along");
    world.decree(list(9, NOW.0 + 1), &BOTH).unwrap();
    assert_eq!(version(&world), Some(2));
    assert_eq!(world.say(29, pay(id(1), 1)), Err(Refused::Listed));
    world.decree(Order::Pardon(id(19)), &BOTH).unwrap();
    assert_eq!(version(&world), Some(3));
    assert_eq!(world.say(29, pay(id(1), 1)), Err(Refused::Balance));
    world.decree(revoke(9), &BOTH).unwrap();
    assert_eq!(world.say(29, pay(id(1), 1)), Err(Refused::Stranger));
    assert_eq!(world.state.version_of(&revoke(19)), 1);
}

#[test]
fn decrees_follow_so_many_changes_of_key_and_no_more() {
    let mut world = with_worker();
    let named = |number: usize| {
        let mut seed = [1; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        NodeKey::from_seed(&mut seed)
    };
    let mut signer = key(9);
    let mut change = |world: &mut World, number| {
        let (old, next) = (signer.peer_id(), named(number));
        let new = next.peer_id();
        let signature = next.sign(&rotation(genesis().id(), old, new));
        let mut entry = world.entry(9, Body::Rotate { new, signature });
        entry.nonce = world.state.account(&old).nonce;
        let at = At {
            time: NOW,
            parent: world.parent,
            index: 0,
        };
        world.state.apply(&entry, old, at).unwrap();
        signer = next;
    };
    (0..ROTATIONS_MAX).for_each(|number| change(&mut world, number));
    world.decree(list(9, NOW.0), &BOTH).unwrap();
    let last = named(ROTATIONS_MAX - 1).peer_id();
    assert!(world.state.listing(&last).is_some());
    change(&mut world, ROTATIONS_MAX);
    for order in [list(9, NOW.0), Order::Pardon(id(9)), revoke(9)] {
        does_not_fit(world.decree(order, &BOTH));
    }
}

#[test]
fn an_operators_new_key_decrees_in_the_old_ones_place() {
    let mut world = World::new();
    does_not_fit(world.say(200, rotate(200, 201)));
    world.say(200, rotate(200, 210)).unwrap();
    let operators = &world.state.network().unwrap().operators;
    assert!(operators.is_sorted() && operators.len() == 3);
    assert!(operators.contains(&id(210)) && !operators.contains(&id(200)));
    let refused = world.decree(policy(), &[200, 201]);
    assert_eq!(refused, Err(Refused::Approvals));
    world.decree(policy(), &[201, 210]).unwrap();
    // An operator takes part without being a peer.
    assert_eq!(world.say(210, pay(id(1), 1)), Err(Refused::Balance));
    let refused = world.say(200, pay(id(1), 1));
    assert_eq!(refused, Err(Refused::Rotated));
}
