//! Duties granted and lost against the rules, and tasks that their speakers do not hold.

use edgecoder_protocol::ledger::duty::{
    DUTIES_MAX, PROBE_AGE_MS, Probes, SUSPICION_AGE_MS, Suspicion, UNREACHED,
};

use super::*;

/// A duty that is nobody's.
const VACANT: Duty = Duty::Inference(9);
const SHARD: Duty = SHARDS[0];

pub(super) fn grants(bench: &mut Bench) {
    fn granted(duty: Duty, words: Vec<Signed<Probes>>) -> (u32, Body) {
        (
            1,
            Body::Grant {
                duty,
                probes: words,
            },
        )
    }
    bench.body(
        "a duty that is somebody's",
        "the duty is somebody's",
        |world| {
            let members = world.members();
            granted(SHARD, world.probes(SHARD, &members))
        },
    );
    type By = fn(&World) -> Vec<u32>;
    let few: [(&str, By); 3] = [
        ("granted by too few", |world| world.members()[..2].to_vec()),
        ("granted with a stranger", |world| {
            [&world.members()[..2], &[77]].concat()
        }),
        ("granted by one twice", |world| {
            let members = world.members();
            vec![members[0], members[1], members[1]]
        }),
    ];
    for (name, by) in few {
        bench.body(name, "Words", |world| {
            let by = by(world);
            granted(VACANT, world.probes(VACANT, &by))
        });
    }
    type Change = fn(&mut Probes);
    let rows: [(&str, &str, Change); 5] = [
        ("old", "Words", |one| one.at.0 -= PROBE_AGE_MS),
        ("of the future", "Words", |one| one.at.0 += PROBE_AGE_MS + 8),
        ("of another network", "Words", |one| one.chain.0[0] ^= 1),
        ("for another duty", "Words", |one| one.duty = SHARD),
        ("that see nobody", "nobody is reached", |one| {
            one.buckets
                .iter_mut()
                .for_each(|(_, bucket)| *bucket = UNREACHED);
        }),
    ];
    for (name, breach, change) in rows {
        bench.body(&format!("probes {name}"), breach, |world| {
            let members = world.members();
            let words = world.probes(VACANT, &members);
            let changed = members.iter().zip(words).map(|(by, word)| {
                let mut probes = word.open().unwrap().0.clone();
                change(&mut probes);
                Signed::new(probes, &key(*by))
            });
            granted(VACANT, changed.collect())
        });
    }
}

/// Probes of all members for a duty that see this one alone.
fn alone(world: &mut World, duty: Duty, one: u32) -> Body {
    let members = world.members();
    let words = world.probes(duty, &members);
    let seen = members.iter().zip(words).map(|(by, word)| {
        let probes = word.open().unwrap().0.clone();
        let buckets = vec![(id(one), 0)];
        Signed::new(Probes { buckets, ..probes }, &key(*by))
    });
    let probes = seen.collect();
    Body::Grant { duty, probes }
}

/// Granted to one who may have none.
pub(super) fn holders(bench: &mut Bench) {
    let nobody = "nobody is reached";
    bench.body("granted to one who leaves", nobody, |world| {
        let leaving = world.members()[0];
        world.decree(Order::RemoveMember(id(leaving)));
        (1, alone(world, VACANT, leaving))
    });
    bench.body("granted to one who comes", nobody, |world| {
        let coming = world.trusted[1];
        world.decree(Order::AddMember(id(coming)));
        (1, alone(world, VACANT, coming))
    });
    bench.body("granted to one blacklisted", nobody, |world| {
        let listed = world.members()[0];
        world.blacklist(listed, 1);
        (1, alone(world, VACANT, listed))
    });
    bench.body("more duties than one may hold", nobody, |world| {
        let (by, one) = (world.members()[1], world.members()[0]);
        let mut number = 100;
        while world.state.peer(&id(one)).unwrap().duties.len() < DUTIES_MAX {
            let body = alone(world, Duty::Inference(number), one);
            world.say(by, body);
            number += 1;
        }
        (by, alone(world, VACANT, one))
    });
    type Lost = fn(u32, &World) -> Order;
    let lost: [(&str, Lost); 2] = [
        ("removed", |one, _| Order::RemoveMember(id(one))),
        ("replaced", |one, world| Order::ReplaceMember {
            old: id(one),
            new: id(world.trusted[1]),
        }),
    ];
    for (name, order) in lost {
        let name = format!("a task by one who was {name}");
        bench.body(&name, "the duty is vacant", |world| {
            let (holder, term) = (world.holder(SHARD), world.state.duty(SHARD).term);
            world.decree(order(holder, world));
            let task = Fenced {
                task: hash(1),
                shard: 0,
                term,
            };
            (holder, Body::Accept(task))
        });
    }
    bench.body(
        "expired of one blacklisted",
        "the duty is vacant",
        |world| {
            let members = world.members();
            world.blacklist(world.holder(SHARD), 1);
            (200, world.expire(SHARD, &members))
        },
    );
}

/// The same suspicions, said so many milliseconds later.
fn moved(body: Body, by: &[u32], millis: i64) -> Body {
    let Body::Expire {
        duty,
        term,
        suspicions,
    } = body
    else {
        panic!("{body:?}");
    };
    let said = suspicions.iter().zip(by).map(|(word, by)| {
        let suspicion = word.open().unwrap().0.clone();
        let at = Millis(suspicion.at.0.saturating_add_signed(millis));
        Signed::new(Suspicion { at, ..suspicion }, &key(*by))
    });
    let suspicions = said.collect();
    Body::Expire {
        duty,
        term,
        suspicions,
    }
}

pub(super) fn losses(bench: &mut Bench) {
    for (name, at) in [
        ("of long ago", -(SUSPICION_AGE_MS as i64) - 10),
        ("of the future", SUSPICION_AGE_MS as i64),
    ] {
        bench.body(&format!("suspicions {name}"), "Words", |world| {
            let members = world.members();
            let body = world.expire(SHARD, &members);
            (1, moved(body, &members, at))
        });
    }
    bench.body("expired by one", "Words", |world| {
        let by = world.members()[0];
        (1, world.expire(SHARD, &[by]))
    });
    bench.body("expired with a stranger", "Words", |world| {
        let by = world.members()[0];
        (1, world.expire(SHARD, &[by, 77]))
    });
    bench.body("a vacant duty expired", "the duty is vacant", |world| {
        let members = world.members();
        (1, world.expire(VACANT, &members))
    });
    bench.body("released by another", "Forbidden", |world| {
        let term = world.state.duty(SHARD).term;
        (200, Body::Release { duty: SHARD, term })
    });
    bench.body("released of an old term", "Term", |world| {
        let term = world.state.duty(SHARD).term - 1;
        (world.holder(SHARD), Body::Release { duty: SHARD, term })
    });
}

pub(super) fn tasks(bench: &mut Bench) {
    fn task(world: &World, number: u32) -> Fenced {
        Fenced {
            task: hash(number),
            shard: 0,
            term: world.state.duty(SHARD).term,
        }
    }
    /// One that is open, as the holder of its shard names it.
    fn open(world: &World) -> (u32, Fenced) {
        let task = world.tasks[0];
        let duty = Duty::Coordinator(task.shard);
        let term = world.state.duty(duty).term;
        (world.holder(duty), Fenced { term, ..task })
    }
    bench.body("a task of another's shard", "Forbidden", |world| {
        (200, Body::Accept(task(world, 1)))
    });
    bench.body("a task of an old term", "Term", |world| {
        let task = task(world, 1);
        let old = Fenced {
            term: task.term - 1,
            ..task
        };
        (world.holder(SHARD), Body::Accept(old))
    });
    bench.body("a task twice", "the task was accepted before", |world| {
        let (holder, task) = open(world);
        (holder, Body::Accept(task))
    });
    bench.body("a task that is none", "there is no such task", |world| {
        let (task, what) = (task(world, 1), hash(2));
        (world.holder(SHARD), Body::Assign { task, what })
    });
    bench.body(
        "a task by the holder of another shard",
        "there is no such task",
        |world| {
            let (_, task) = open(world);
            let shard = 1 - task.shard;
            let duty = Duty::Coordinator(shard);
            let term = world.state.duty(duty).term;
            let task = Fenced {
                shard,
                term,
                ..task
            };
            (
                world.holder(duty),
                Body::Assign {
                    task,
                    what: hash(2),
                },
            )
        },
    );
    bench.body("a task that is over", "or it is over", |world| {
        let (holder, task) = open(world);
        let result = hash(3);
        world.say(holder, Body::End { task, result });
        (holder, Body::End { task, result })
    });
}
