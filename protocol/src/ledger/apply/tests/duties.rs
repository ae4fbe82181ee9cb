//! Duties: who gets one, who loses one, and what only its holder may say.

use super::*;
use crate::ledger::{
    duty::{DUTIES_MAX, PROBE_AGE_MS, SUSPICION_AGE_MS, Suspicion, UNREACHED},
    entry::Fenced,
};

/// What a member sees of others.
type Seen = (u8, &'static [(u8, u8)]);

#[test]
fn a_duty_goes_to_whom_the_middle_of_the_others_sees_best() {
    let rows: [(&[Seen], u8); 3] = [
        // Member 2 is seen best by two of three.
        (
            &[
                (1, &[(2, 1), (3, 2)]),
                (3, &[(2, 1)]),
                (4, &[(2, 9), (3, 2)]),
            ],
            2,
        ),
        // What member 3 says of itself counts for nothing.
        (
            &[
                (1, &[(2, 4), (3, 9)]),
                (3, &[(2, 4), (3, 0)]),
                (4, &[(2, 4), (3, 9)]),
            ],
            2,
        ),
        // Who is reached by one alone is not reached.
        (&[(1, &[(2, 0), (4, 7)]), (2, &[(4, 7)]), (3, &[(4, 7)])], 4),
    ];
    for (seen, holder) in rows {
        let mut world = World::new();
        let probes = seen
            .iter()
            .flat_map(|(by, buckets)| world.probes(&[*by], buckets))
            .collect();
        world.say(1, Body::Grant { duty: DUTY, probes }).unwrap();
        assert_eq!(world.state.duty(DUTY).holder, Some(id(holder)), "{seen:?}");
    }
}

#[test]
fn equals_are_ordered_by_what_nobody_chooses() {
    let holders: std::collections::BTreeSet<_> = (0..32)
        .map(|number| {
            let mut world = World::new();
            world.parent = Hash([number; 32]);
            let probes = world.probes(&[1, 2, 3], &[(1, 3), (2, 3), (3, 3), (4, 3)]);
            world.say(1, Body::Grant { duty: DUTY, probes }).unwrap();
            world.state.duty(DUTY).holder
        })
        .collect();
    assert_eq!(holders.len(), 4);
}

#[test]
fn a_grant_takes_a_quorums_own_and_fresh_words() {
    let mut world = World::new();
    let mut grants = vec![
        world.probes(&[1, 3], &[(2, 0)]),
        world.probes(&[1, 3, 9], &[(2, 0)]),
        world.probes(&[1, 3, 3], &[(2, 0)]),
    ];
    let with = |change: fn(&mut Probes)| {
        let (mut one, _) = world.probes(&[4], &[(2, 0)])[0]
            .open()
            .map(|(one, by)| (one.clone(), by))
            .unwrap();
        change(&mut one);
        let mut words = world.probes(&[1, 3], &[(2, 0)]);
        words.push(Signed::new(one, &key(4)));
        words
    };
    grants.push(with(|one| one.at.0 -= PROBE_AGE_MS + 1));
    grants.push(with(|one| one.at.0 += PROBE_AGE_MS + 1));
    grants.push(with(|one| one.chain.0[0] ^= 1));
    grants.push(with(|one| one.duty = Duty::Coordinator(1)));
    for probes in grants {
        let body = Body::Grant {
            duty: DUTY,
            probes: probes.clone(),
        };
        assert_eq!(world.say(1, body), Err(Refused::Words), "{probes:?}");
    }
    let nobody = world.probes(&[1, 3, 4], &[(2, UNREACHED)]);
    let refused = world.say(
        1,
        Body::Grant {
            duty: DUTY,
            probes: nobody,
        },
    );
    assert!(matches!(refused, Err(Refused::State(_))), "{refused:?}");
    world.granted();
    let probes = world.probes(&[1, 3, 4], &[(2, 0)]);
    let taken = world.say(1, Body::Grant { duty: DUTY, probes });
    assert!(matches!(taken, Err(Refused::State(_))), "{taken:?}");
}

fn suspicions(term: u64, by: &[u8]) -> Vec<Signed<Suspicion>> {
    suspicions_at(NOW.0, term, by)
}

fn suspicions_at(at: u64, term: u64, by: &[u8]) -> Vec<Signed<Suspicion>> {
    let suspicion = Suspicion {
        chain: genesis().id(),
        at: Millis(at),
        duty: DUTY,
        term,
    };
    by.iter()
        .map(|by| Signed::new(suspicion.clone(), &key(*by)))
        .collect()
}

#[test]
fn a_duty_is_lost_by_one_more_than_may_lie_or_given_back_by_its_holder() {
    let mut world = World::new();
    let term = world.granted();
    let expire = |term, words| Body::Expire {
        duty: DUTY,
        term,
        suspicions: words,
    };
    for by in [&[1][..], &[1, 1], &[1, 9]] {
        let refused = world.say(1, expire(term, suspicions(term, by)));
        assert_eq!(refused, Err(Refused::Words), "{by:?}");
    }
    let other = world.say(1, expire(term, suspicions(term + 1, &[1, 3])));
    assert_eq!(other, Err(Refused::Words));
    for at in [NOW.0 - SUSPICION_AGE_MS - 1, NOW.0 + SUSPICION_AGE_MS + 1] {
        let mut words = suspicions(term, &[1]);
        words.extend(suspicions_at(at, term, &[3]));
        let refused = world.say(1, expire(term, words));
        assert_eq!(refused, Err(Refused::Words), "{at}");
    }
    let release = |term| Body::Release { duty: DUTY, term };
    assert_eq!(world.say(3, release(term)), Err(Refused::Forbidden));
    let mut words = suspicions_at(NOW.0 - SUSPICION_AGE_MS, term, &[1]);
    words.extend(suspicions_at(NOW.0 + SUSPICION_AGE_MS, term, &[3]));
    world.say(1, expire(term, words)).unwrap();
    assert_eq!(world.state.duty(DUTY).holder, None);
    assert!(world.state.peer(&id(2)).unwrap().duties.is_empty());
    let next = world.granted();
    assert!(next > term);
    let old = Refused::Term {
        found: term,
        current: next,
    };
    assert_eq!(world.say(2, release(term)), Err(old));
    world.say(2, release(next)).unwrap();
    assert_eq!(world.state.duty(DUTY).holder, None);
    assert!(world.state.peer(&id(2)).unwrap().duties.is_empty());
}

#[test]
fn who_holds_as_many_duties_as_one_may_is_given_no_more() {
    let mut world = World::new();
    let grant = |world: &mut World, duty: Duty| {
        let probes = world.probes(&[1, 3, 4], &[(2, 0), (3, 9)]);
        let about = probes.iter().zip([1, 3, 4]).map(|(one, by)| {
            let probes = one.open().unwrap().0.clone();
            Signed::new(Probes { duty, ..probes }, &key(by))
        });
        let probes = about.collect();
        world.say(1, Body::Grant { duty, probes }).unwrap();
        world.state.duty(duty).holder.unwrap()
    };
    // Not in rising order: the list is kept in it.
    let mut held = vec![Duty::Inference(1), Duty::ControlPlane];
    held.extend((0..DUTIES_MAX as u16 - 2).map(Duty::Coordinator));
    for duty in &held {
        assert_eq!(grant(&mut world, *duty), id(2));
    }
    held.sort_unstable();
    assert_eq!(world.state.peer(&id(2)).unwrap().duties, held);
    assert_eq!(grant(&mut world, Duty::Inference(2)), id(3));
    let value = Value::Peer(world.state.peer(&id(2)).unwrap().clone());
    let bytes = crate::canonical::encode(&value);
    assert_eq!(crate::canonical::decode(&bytes), Ok(value));
}

#[test]
fn only_the_holder_of_the_current_term_speaks_of_tasks() {
    let mut world = World::new();
    let term = world.granted();
    let task = |term| Fenced {
        task: Hash([7; 32]),
        shard: 0,
        term,
    };
    assert_eq!(
        world.say(3, Body::Accept(task(term))),
        Err(Refused::Forbidden)
    );
    let other = Refused::Term {
        found: term + 1,
        current: term,
    };
    assert_eq!(world.say(2, Body::Accept(task(term + 1))), Err(other));
    world.say(2, Body::Accept(task(term))).unwrap();
    let again = world.say(2, Body::Accept(task(term)));
    assert!(matches!(again, Err(Refused::State(_))), "{again:?}");
    let assign = |term| Body::Assign {
        task: task(term),
        what: Hash([1; 32]),
    };
    let end = |term| Body::End {
        task: task(term),
        result: Hash([2; 32]),
    };
    world.say(2, assign(term)).unwrap();
    // The duty goes to another: what the old holder says counts no more, and the new one goes on.
    let words = suspicions(term, &[1, 3]);
    let expire = Body::Expire {
        duty: DUTY,
        term,
        suspicions: words,
    };
    world.say(1, expire).unwrap();
    let vacant = world.say(2, end(term));
    assert!(matches!(vacant, Err(Refused::State(_))), "{vacant:?}");
    let probes = world.probes(&[1, 2, 4], &[(3, 0)]);
    world.say(1, Body::Grant { duty: DUTY, probes }).unwrap();
    let next = world.state.duty(DUTY).term;
    let old = Refused::Term {
        found: term,
        current: next,
    };
    assert_eq!(world.say(2, end(term)), Err(old));
    world.say(3, end(next)).unwrap();
    let over = world.say(3, end(next));
    assert!(matches!(over, Err(Refused::State(_))), "{over:?}");
    let state = world.state.task(&Hash([7; 32])).unwrap();
    assert_eq!((state.assigned, state.result), (1, Some(Hash([2; 32]))));
}

#[test]
fn a_task_is_forgotten_with_the_first_block_of_a_day_seven_days_after_the_last_word() {
    const DAY: u64 = 24 * 3_600_000;
    let mut world = World::new();
    let term = world.granted();
    let (name, shard) = (Hash([7; 32]), 0);
    let task = Fenced {
        task: name,
        shard,
        term,
    };
    world.say(2, Body::Accept(task)).unwrap();
    let at = world.state.task(&name).unwrap().at;
    let due = at.0 + 7 * DAY;
    let (last, next) = (due / DAY * DAY, (due / DAY + 1) * DAY);
    // The day on which it is due begins too early for it, and goes on without forgetting.
    world.state.pass(Millis(last - 1), Millis(last.max(1)));
    world.state.pass(Millis(due), Millis(next - 1));
    assert!(world.state.task(&name).is_some());
    let values = world.state.len();
    world.state.pass(Millis(next - 1), Millis(next));
    assert_eq!(world.state.task(&name), None);
    assert_eq!(world.state.len(), values - 1, "and nothing else");
}
