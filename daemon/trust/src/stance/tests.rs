//! Who is dealt with by what was decreed: one network, one order after the other.

use edgecoder_protocol::{
    Hash, NetworkId,
    key::NodeKey,
    ledger::{
        apply::At,
        decree::{Approved, Decree, Order, Standing},
        entry::{Body, Entry, rotation},
        members::MemberSet,
    },
    network::Genesis,
};

use super::*;

const NOW: Millis = Millis(1_000_000);

fn key(number: u8) -> NodeKey {
    NodeKey::from_seed(&mut [number; 32])
}

fn id(number: u8) -> PeerId {
    key(number).peer_id()
}

/// Operator 200, members 1 to 4.
fn network() -> (State, NetworkId) {
    let genesis = Genesis {
        name: "lab".into(),
        operators: vec![id(200)],
        members: MemberSet::new((1..=4).map(id)).unwrap(),
        founded: Millis(0),
        salt: [0; 16],
    };
    (State::new(&genesis), genesis.id())
}

fn say(state: &mut State, chain: NetworkId, by: u8, body: Body) {
    let entry = Entry {
        chain,
        nonce: state.account(&id(by)).nonce,
        expires: NOW,
        body,
    };
    let at = At {
        time: NOW,
        parent: Hash([9; 32]),
        index: 0,
    };
    state.apply(&entry, id(by), at).unwrap();
    state.next_height();
}

fn decree(state: &mut State, chain: NetworkId, order: Order) {
    let decree = Decree {
        chain,
        version: state.version_of(&order),
        expires: NOW,
        order,
    };
    let approvals = vec![decree.approve(&key(200))];
    say(
        state,
        chain,
        1,
        Body::Decree(Approved { decree, approvals }),
    );
}

fn list(peer: u8) -> Order {
    Order::Blacklist {
        peer: id(peer),
        evidence: Hash([1; 32]),
        reason: "it lied".into(),
        until: NOW.after(std::time::Duration::from_secs(60)),
    }
}

fn admit(peer: u8) -> Order {
    Order::Admit {
        peer: id(peer),
        standing: Standing::Worker,
        owner: None,
    }
}

#[test]
fn whom_the_ledger_lists_is_refused_until_it_runs_out_or_is_taken_back() {
    let (mut state, chain) = network();
    let connects = |state: &State, at: u64| may_connect(state, &id(9), Millis(NOW.0 + at));
    assert!(connects(&state, 0));
    decree(&mut state, chain, list(9));
    assert!(!connects(&state, 0) && !connects(&state, 59_999));
    assert_eq!(
        may_work(&state, &id(9), NOW),
        Err(Idle::Listed("it lied".into()))
    );
    assert!(connects(&state, 60_000), "it has run out");
    decree(&mut state, chain, Order::Pardon(id(9)));
    assert!(connects(&state, 0), "it was taken back");
    assert_eq!(may_work(&state, &id(9), NOW), Ok(()));
}

#[test]
fn a_quiet_chain_goes_on_in_time_and_a_slow_clock_does_not_turn_it_back() {
    assert_eq!(now_by(Millis(5), Millis(9)), Millis(9));
    assert_eq!(now_by(Millis(9), Millis(5)), Millis(9));
}

#[test]
fn a_member_is_heard_as_long_as_it_votes_and_is_lent_nothing() {
    let (mut state, chain) = network();
    decree(&mut state, chain, list(4));
    assert!(may_connect(&state, &id(4), NOW), "the council may need it");
    assert!(may_work(&state, &id(4), NOW).is_err());
    decree(&mut state, chain, Order::RemoveMember(id(4)));
    assert!(!may_connect(&state, &id(4), NOW));
}

#[test]
fn who_works_goes_by_what_operators_decreed() {
    let (mut state, chain) = network();
    let works = |state: &State| may_work(state, &id(9), NOW);
    assert_eq!(
        (admission(&state), works(&state)),
        (Admission::Invited, Ok(()))
    );
    decree(&mut state, chain, Order::OpenAdmission(false));
    assert_eq!(admission(&state), Admission::Closed);
    assert_eq!(works(&state), Err(Idle::NotAdmitted));
    assert!(
        may_connect(&state, &id(9), NOW),
        "it may still ask, and submit"
    );
    assert_eq!(
        may_work(&state, &id(1), NOW),
        Ok(()),
        "members were admitted"
    );
    decree(&mut state, chain, admit(9));
    assert_eq!(works(&state), Ok(()));
    let reason = "gone".into();
    decree(
        &mut state,
        chain,
        Order::Revoke {
            peer: id(9),
            reason,
        },
    );
    assert_eq!(works(&state), Err(Idle::Revoked));
    assert!(!may_connect(&state, &id(9), NOW));
    decree(&mut state, chain, Order::OpenAdmission(true));
    assert_eq!(admission(&state), Admission::Open);
    assert_eq!(works(&state), Err(Idle::Revoked), "open to others alone");
    assert_eq!(may_work(&state, &id(10), NOW), Ok(()));
}

#[test]
fn standing_goes_to_the_new_key_and_the_old_one_is_refused() {
    let (mut state, chain) = network();
    decree(&mut state, chain, Order::OpenAdmission(false));
    decree(&mut state, chain, admit(9));
    let signature = key(10).sign(&rotation(chain, id(9), id(10)));
    let new = id(10);
    say(&mut state, chain, 9, Body::Rotate { new, signature });
    assert_eq!(may_work(&state, &id(10), NOW), Ok(()));
    assert_eq!(may_work(&state, &id(9), NOW), Err(Idle::Rotated(new)));
    assert!(!may_connect(&state, &id(9), NOW));
}

#[test]
fn whoever_is_lent_nothing_is_told_what_to_do() {
    let all = [
        Idle::Listed("it lied".into()),
        Idle::Revoked,
        Idle::Rotated(id(1)),
        Idle::NotAdmitted,
    ];
    for idle in all {
        let error = ErrorObject::from(idle);
        assert_eq!(error.kind, ErrorKind::Policy);
        assert!(error.next.contains("edgecoder "), "{error:?}");
    }
}
