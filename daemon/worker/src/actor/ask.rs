//! What is asked of the coordinator, how long it may take, and what the machine hears of the answer.

use std::{collections::BTreeMap, time::Duration};

use edgecoder_protocol::{
    Signed,
    ledger::duty::Seat,
    sealing::{OpenKey, SealKey},
    wire::{Commit, Grant, Held, Request, Response, WhyBack},
    work::LeaseKey,
};
use tracing::{debug, warn};

use super::{Actor, Came, Fresh, Job};
use crate::{
    Answer, AskError, Coordinator, Errand, GrantError, Host, Input, Workshop, checks::Parties,
};

/// How long a request for work may wait at the coordinator: below what connections and proxies take for dead.
const TAKE_WAIT: Duration = Duration::from_secs(4);
/// Until its answer must be here: it may be 256 KiB over a slow link.
const TAKE_WITHIN: Duration = Duration::from_secs(8);
/// Until a heartbeat must be answered: two are sent in the meantime.
const HEARTBEAT_WITHIN: Duration = Duration::from_secs(4);
/// Until a commitment or a returned lease must be answered; it is sent again after.
const DELIVERY_WITHIN: Duration = Duration::from_secs(5);
/// What a port gets on top to end by itself, before it is dropped.
const GRACE: Duration = Duration::from_secs(1);

/// One question, with the time limit enforced even where the port forgets it.
async fn ask(
    coordinator: &impl Coordinator,
    request: Request,
    within: Duration,
) -> Result<Response, AskError> {
    tokio::time::timeout(within + GRACE, coordinator.ask(request, within))
        .await
        .unwrap_or(Err(AskError::Timeout))
}

/// What the machine hears of an answer that carries no work.
fn heard(errand: Errand, answer: Result<Response, AskError>) -> Answer {
    match answer {
        Ok(Response::Done { .. }) => Answer::Done,
        Ok(Response::Lost { held, .. }) => Answer::Lost(held),
        Ok(Response::Refused(error)) => {
            warn!(?errand, %error, "the coordinator refused");
            Answer::Refused
        }
        Ok(
            Response::Peers(_)
            | Response::Task(_)
            | Response::Granted { .. }
            | Response::Elsewhere { .. }
            | Response::Keeping(_)
            | Response::Marks(_)
            | Response::Kept(_)
            | Response::Opened(_)
            | Response::Key(_)
            | Response::Desk(_),
        ) => {
            warn!(?errand, "the coordinator answered something else");
            Answer::Unfit
        }
        Err(error) => {
            debug!(?errand, %error, "no answer");
            Answer::Nothing
        }
    }
}

/// What was granted for one of `offered`, each of which is good for one lease; keys that are left over are wiped.
fn accept(
    parties: Parties,
    seat: Option<Seat>,
    grants: Vec<Grant>,
    mut offered: BTreeMap<SealKey, OpenKey>,
) -> Fresh {
    let mut fresh = Fresh::new();
    for grant in grants {
        let checked = parties.check(&grant.lease, seat).and_then(|(held, name)| {
            let key = offered.remove(&name).ok_or(GrantError::Key)?;
            Ok((held, key))
        });
        match checked {
            Ok((held, key)) => {
                fresh.insert(held, (Box::new(grant), key));
            }
            Err(error) => warn!(%error, "a lease was dropped"),
        }
    }
    fresh
}

impl<C, W, H> Actor<C, W, H>
where
    C: Coordinator + 'static,
    W: Workshop + 'static,
    H: Host + 'static,
{
    pub(super) fn take(&mut self, keys: usize) {
        let (coordinator, host) = (self.coordinator.clone(), self.host.clone());
        let (parties, own) = (self.parties, self.key.clone());
        self.start(Job::Ask(Errand::Take), async move {
            let mut offered = BTreeMap::new();
            let mut signed = Vec::with_capacity(keys);
            for _ in 0..keys {
                let mut seed = [0; 32];
                host.random(&mut seed);
                let open = OpenKey::from_seed(&mut seed);
                // A key from a seed always has a public half.
                let Ok(key) = open.public() else { continue };
                let network = parties.network;
                signed.push(Signed::new(LeaseKey { network, key }, &own));
                offered.insert(key, open);
            }
            let request = Request::Take {
                keys: signed,
                wait_ms: TAKE_WAIT.as_millis() as u32,
            };
            let fresh = match ask(&*coordinator, request, TAKE_WITHIN).await {
                Ok(Response::Granted { grants, .. }) => {
                    let seat = *coordinator.seat().borrow();
                    accept(parties, seat, grants, offered)
                }
                other => {
                    return Input::Answered(Errand::Take, heard(Errand::Take, other)).into();
                }
            };
            let granted = Answer::Granted(fresh.keys().copied().collect());
            Came {
                input: Input::Answered(Errand::Take, granted),
                fresh,
            }
        });
    }

    pub(super) fn beat(&mut self, held: Vec<Held>) {
        let request = Request::Heartbeat { held };
        self.send(Errand::Heartbeat, request, HEARTBEAT_WITHIN);
    }

    pub(super) fn commit(&mut self, commit: Box<Commit>) {
        let errand = Errand::Commit(commit.held);
        self.send(errand, Request::Commit(commit), DELIVERY_WITHIN);
    }

    pub(super) fn give_back(&mut self, held: Held, why: WhyBack, sentence: String) {
        let request = Request::GiveBack {
            held,
            why,
            sentence,
        };
        self.send(Errand::GiveBack(held), request, DELIVERY_WITHIN);
    }

    fn send(&mut self, errand: Errand, request: Request, within: Duration) {
        let coordinator = self.coordinator.clone();
        self.start(Job::Ask(errand), async move {
            let answer = ask(&*coordinator, request, within).await;
            Input::Answered(errand, heard(errand, answer)).into()
        });
    }
}
