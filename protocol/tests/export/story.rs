//! What is said in the world: entries of every kind, and what members and operators sign for them.

use edgecoder_protocol::{
    Credits, Millis, Signed,
    ledger::{
        decree::{Approved, Decree, Order, Standing},
        duty::{Duty, Probes, Suspicion},
        entry::{Body, Fenced, rotation},
    },
    record::Owner,
};

use super::world::{SHARDS, World, chain, hash, id, key};

impl World {
    pub fn decree(&mut self, order: Order) {
        // The third says nothing by itself, and approves what the first does not.
        let by = self.operators[self.below(2)];
        let approving = self.below(2);
        let approved = self.approved(order, &self.operators[approving..approving + 2]);
        self.say(by, Body::Decree(approved));
    }

    pub fn approved(&self, order: Order, operators: &[u32]) -> Approved {
        let decree = Decree {
            chain: chain(),
            version: self.state.version_of(&order),
            expires: self.time().after(std::time::Duration::from_secs(60)),
            order,
        };
        let mut approvals: Vec<_> = operators
            .iter()
            .map(|by| decree.approve(&key(*by)))
            .collect();
        approvals.sort_unstable_by_key(|(by, _)| *by);
        Approved { decree, approvals }
    }

    pub fn probes(&mut self, duty: Duty, by: &[u32]) -> Vec<Signed<Probes>> {
        let members = self.members();
        let word = |by: &u32| {
            let mut buckets: Vec<_> = members
                .iter()
                .map(|one| (id(*one), self.below(3) as u8))
                .collect();
            buckets.sort_unstable();
            let probes = Probes {
                chain: chain(),
                at: Millis(self.time().0 - 7),
                buckets,
                duty,
            };
            Signed::new(probes, &key(*by))
        };
        by.iter().map(word).collect()
    }

    fn grant(&mut self, duty: Duty) {
        let members = self.members();
        let by = &members[usize::from(self.height.is_multiple_of(2))..];
        let probes = self.probes(duty, by);
        self.say(members[0], Body::Grant { duty, probes });
    }

    pub fn expire(&mut self, duty: Duty, by: &[u32]) -> Body {
        let term = self.state.duty(duty).term;
        let suspicion = Suspicion {
            chain: chain(),
            at: Millis(self.time().0 + 9),
            duty,
            term,
        };
        let suspicions = by
            .iter()
            .map(|by| Signed::new(suspicion.clone(), &key(*by)))
            .collect();
        Body::Expire {
            duty,
            term,
            suspicions,
        }
    }

    /// Gives a duty to whoever is best now.
    fn renew(&mut self, duty: Duty) {
        let state = self.state.duty(duty);
        if let Some(holder) = state.holder {
            let members = self.members();
            if self.height.is_multiple_of(2) {
                let body = self.expire(duty, &members[..2]);
                self.say(members[3], body);
            } else {
                let term = state.term;
                self.say(self.names[&holder], Body::Release { duty, term });
            }
        }
        self.grant(duty);
    }

    pub fn rotate(&mut self, old: u32) -> u32 {
        let new = self.fresh();
        let signature = key(new).sign(&rotation(chain(), id(old), id(new)));
        let new_key = id(new);
        let body = Body::Rotate {
            new: new_key,
            signature,
        };
        self.say(old, body);
        self.rotated.push(old);
        new
    }

    fn register(&mut self) {
        let worker = self.fresh();
        let operator = &key(self.operators[2]);
        let owner = worker
            .is_multiple_of(2)
            .then(|| Owner::vouch(chain(), id(worker), operator));
        self.say(worker, Body::Register { owner });
        self.issue(worker, 1_000_000);
        self.workers.push(worker);
    }

    fn issue(&mut self, to: u32, amount: u64) {
        self.decree(Order::Issue {
            to: id(to),
            amount: Credits(amount),
        });
    }

    pub fn blacklist(&mut self, peer: u32, millis: u64) {
        self.decree(Order::Blacklist {
            peer: id(peer),
            evidence: hash(self.fresh),
            reason: "a forged réceipt".into(),
            until: Millis(self.time().0 + millis),
        });
    }

    pub fn revoke(&mut self, peer: u32) {
        self.decree(Order::Revoke {
            peer: id(peer),
            reason: String::new(),
        });
    }

    fn appeal(&mut self, peer: u32) {
        let statement = hash(peer);
        self.say(peer, Body::Appeal { statement });
    }

    pub fn admit(&mut self, peer: u32, standing: Standing, owner: Option<u32>) {
        self.names.insert(id(peer), peer);
        self.decree(Order::Admit {
            peer: id(peer),
            standing,
            owner: owner.map(id),
        });
    }

    pub fn worker(&mut self) -> u32 {
        let at = self.below(self.workers.len());
        self.workers[at]
    }

    /// One who is not blacklisted in this block.
    pub fn fit_worker(&self) -> u32 {
        let fit = |one: &&u32| !self.state.is_listed(&id(**one), self.time());
        self.workers.iter().copied().find(|one| fit(&one)).unwrap()
    }

    /// Entries of every kind, and then transfers and tasks until the block has so many.
    pub fn fill(&mut self, block: usize) {
        if self.height == 1 {
            self.decree(Order::OpenAdmission(true));
            self.admit(5, Standing::Trusted, None);
            self.admit(6, Standing::Trusted, Some(201));
            (0..4).for_each(|_| self.register());
        }
        for duty in [Duty::ControlPlane, Duty::Inference(3)] {
            // Granted again only where its holder has lost its standing.
            if self.state.duty(duty).holder.is_none() {
                self.grant(duty);
            }
        }
        SHARDS.into_iter().for_each(|shard| self.renew(shard));
        self.peers();
        // So many more may follow.
        let last = if self.height % 4 == 1 && self.height > 1 {
            3
        } else {
            2
        };
        while self.entries.len() + last < block {
            match self.below(9) {
                0 => self.accept(),
                1 | 2 => self.go_on(false),
                3 => self.go_on(true),
                _ => self.transfer(),
            }
        }
        self.listed = self.worker();
        self.blacklist(self.listed, 1);
        self.change_council();
    }

    fn peers(&mut self) {
        // Until then it has said nothing. So often, that its place among the others changes.
        if self.height > 4 {
            self.operators[2] = self.rotate(self.operators[2]);
        }
        self.register();
        let listed = self.worker();
        self.blacklist(listed, 60_000);
        self.appeal(listed);
        self.decree(Order::Pardon(id(listed)));
        let new = self.rotate(listed);
        let place = self.workers.iter_mut().find(|one| **one == listed);
        *place.unwrap() = new;
        self.blacklist(listed, 60_000);
        self.decree(Order::Pardon(id(listed)));
        let gone = self.worker();
        self.revoke(gone);
        self.blacklist(gone, 60_000);
        self.appeal(gone);
        self.decree(Order::Pardon(id(gone)));
        self.admit(gone, Standing::Worker, Some(200));
        let name = ["privacy", "prices", "été"][self.below(3)].to_owned();
        let document = hash(self.fresh);
        self.decree(Order::Policy { name, document });
        self.decree(Order::OpenAdmission(!self.height.is_multiple_of(3)));
        self.decree(Order::OpenAdmission(true));
    }

    fn change_council(&mut self) {
        let members = self.members();
        match self.height % 4 {
            // At the first height everybody has the key of the founding.
            1 if self.height > 1 => {
                self.trusted[0] = self.rotate(self.trusted[0]);
                self.decree(Order::AddMember(id(self.trusted[0])));
            }
            1 => self.decree(Order::AddMember(id(self.trusted[0]))),
            2 => {
                let gone = members[self.height as usize % members.len()];
                self.decree(Order::RemoveMember(id(gone)));
                self.trusted[0] = gone;
            }
            3 => {
                let (old, new) = (members[1], self.trusted[0]);
                self.decree(Order::ReplaceMember {
                    old: id(old),
                    new: id(new),
                });
                self.trusted[0] = old;
            }
            // It keeps what it holds.
            _ => self.admit(self.holder(SHARDS[0]), Standing::Trusted, Some(200)),
        }
    }

    fn transfer(&mut self) {
        let (from, to) = (self.worker(), self.worker());
        let amount = Credits(1 + self.below(500) as u64);
        let is_paid = from != to && self.state.account(&id(from)).balance >= amount;
        if is_paid {
            self.say(from, Body::Transfer { to: id(to), amount });
        }
    }

    pub fn accept(&mut self) {
        self.fresh += 1;
        let shard = self.below(SHARDS.len()) as u16;
        let task = Fenced {
            task: hash(self.fresh),
            shard,
            term: self.state.duty(Duty::Coordinator(shard)).term,
        };
        self.say(self.holder(Duty::Coordinator(shard)), Body::Accept(task));
        self.tasks.push(task);
    }

    fn go_on(&mut self, is_over: bool) {
        if self.tasks.is_empty() {
            return;
        }
        let at = self.below(self.tasks.len());
        let duty = Duty::Coordinator(self.tasks[at].shard);
        // The one who holds the shard now goes on with what another began.
        self.tasks[at].term = self.state.duty(duty).term;
        let task = self.tasks[at];
        let what = hash(self.fresh);
        let body = match is_over {
            true => Body::End { task, result: what },
            false => Body::Assign { task, what },
        };
        self.say(self.holder(duty), body);
        if is_over {
            self.tasks.swap_remove(at);
        }
    }
}
