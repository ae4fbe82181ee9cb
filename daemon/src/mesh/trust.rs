//! Whom this node deals with, performed: the mesh's door goes by the ledger, the coordinator's leases end with what it
//! says, requests are limited, and what waits for operators is gathered. What is decided about whom is `edgecoder-trust`'s
//! to read and the ledger's to say.

use std::{sync::Arc, time::Duration};

use edgecoder_council::View;
use edgecoder_mesh::Door;
use edgecoder_protocol::{
    Hash, Millis, PeerId, Signed,
    ledger::{
        decree::Standing,
        entry::{Body, Entry},
        state::State,
    },
    operator::ErrorObject,
    record::Role,
    wire::{AdmissionAsk, Charge, Desk, Request, Response},
};
use edgecoder_trust::{Asker, Kind, Stance, may_connect, may_work, now_by, stance};
use futures::future::join_all;
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Hub, evidence, hub::lock};
use crate::node::Clock;

/// Who is dealt with no more keeps its connection for so long, for nothing but blocks: its own ledger says why then.
const PARTING: Duration = Duration::from_secs(3);
/// How long a member may take to say what waits with it.
const TELL: Duration = Duration::from_secs(5);

/// Keeps the door, and tells the coordinator of changes, until `stop`.
pub async fn run(hub: Arc<Hub>, stop: CancellationToken) {
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = work(&hub) => {}
    }
}

async fn work(hub: &Arc<Hub>) {
    hub.mesh.guard(door(hub)).await;
    let folder = hub.config.data_dir.clone();
    match spawn_blocking(move || evidence::kept(&folder)).await {
        Ok(kept) => kept
            .into_iter()
            .for_each(|one| lock(&hub.trust).charge(one)),
        Err(error) => tracing::warn!(%error, "evidence of before is not proposed"),
    }
    let mut views = hub.council.watch();
    let mut sift_at = Some(Instant::now());
    loop {
        let sift = async {
            match sift_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = views.changed() => {
                // The council has stopped.
                if changed.is_err() {
                    return;
                }
                views.mark_unchanged();
                hub.review().await;
                sift_at.get_or_insert(Instant::now() + PARTING);
            }
            () = sift => {
                hub.mesh.sift().await;
                sift_at = None;
            }
        }
    }
}

/// Asked at each connection, so that an entry counts from the block that decides it and runs out by itself.
fn door(hub: &Hub) -> Door {
    let (views, clock) = (hub.council.watch(), hub.clock);
    Door::new(move |peer| {
        let view = views.borrow();
        may_connect(view.chain.state(), peer, time(&view, clock))
    })
}

fn time(view: &View, clock: Clock) -> Millis {
    now_by(view.chain.time(), clock())
}

impl Hub {
    /// Why nothing is lent to `peer`, if nothing is.
    pub fn refuses(&self, peer: PeerId) -> Option<ErrorObject> {
        let view = self.council.view();
        let may = may_work(view.chain.state(), &peer, time(&view, self.clock));
        may.err().map(ErrorObject::from)
    }

    /// Why nothing is done for `peer`, if nothing is: it may only hear what was decided, and object.
    pub(super) fn turns_away(&self, peer: PeerId) -> Option<ErrorObject> {
        let view = self.council.view();
        match stance(view.chain.state(), &peer, time(&view, self.clock)) {
            Stance::Welcome => None,
            Stance::Listed(_) | Stance::Revoked | Stance::Rotated(_) => self.refuses(peer),
        }
    }

    /// What stands in the way of this node itself, by its own ledger, for its operator.
    pub(super) fn own_trouble(&self) -> Option<String> {
        let works = self.config.network_roles().contains(&Role::Worker);
        let trouble = match works {
            true => self.refuses(self.id),
            false => self.turns_away(self.id),
        };
        trouble.map(|error| format!("{}: {}", error.message, error.next))
    }

    /// A lie was proven here: it is proposed to the operators, who alone may list anybody.
    pub fn charge(&self, peer: PeerId, evidence: Hash) {
        let at = self.now();
        lock(&self.trust).charge(Charge { peer, evidence, at });
    }

    #[cfg(feature = "coordinator")]
    async fn review(&self) {
        if let Some(chair) = self.roles().and_then(|roles| roles.coordinator.as_ref()) {
            chair.review().await;
        }
    }

    #[cfg(not(feature = "coordinator"))]
    async fn review(&self) {}

    /// Whether `from` may ask that of this node now.
    ///
    /// # Errors
    /// [`ErrorObject`] that says when to come back.
    pub(super) fn limit(&self, from: PeerId, request: &Request) -> Result<(), ErrorObject> {
        let view = self.council.view();
        let state = view.chain.state();
        let kind = match request {
            Request::Register(_)
                if state.peer(&from).is_none() && self.record_of(from).is_none() =>
            {
                Kind::Newcomer
            }
            Request::Submit(_) => Kind::Task,
            Request::Watch { .. }
            | Request::Resolve { .. }
            | Request::Received { .. }
            | Request::Cancel { .. }
            | Request::Heartbeat { .. }
            | Request::Commit(_)
            | Request::GiveBack { .. }
            | Request::Judge { .. }
            | Request::Open { .. }
            | Request::Stop { .. }
            | Request::Key { .. }
            | Request::Keep(_)
            | Request::Unkeep { .. }
            | Request::Marks { .. }
            | Request::Fetch { .. } => Kind::Held,
            Request::Register(_)
            | Request::Peers { .. }
            | Request::Take { .. }
            | Request::AskAdmission { .. }
            | Request::Desk => Kind::Request,
        };
        self.admit(from, kind, state)
    }

    /// Whether `from` may put that into the log now: whoever asks may be a worker of an open network, and each that does
    /// is in the ledger for good.
    pub(super) fn limit_entry(
        &self,
        from: PeerId,
        entry: &Signed<Entry>,
    ) -> Result<(), ErrorObject> {
        let view = self.council.view();
        let is_register = || matches!(entry.open(), Ok((entry, _)) if matches!(entry.body, Body::Register { .. }));
        match view.is_member(&from) || !is_register() {
            true => Ok(()),
            false => self.admit(from, Kind::Newcomer, view.chain.state()),
        }
    }

    fn admit(&self, key: PeerId, kind: Kind, state: &State) -> Result<(), ErrorObject> {
        let owner = match kind {
            // Its owner's use is not asked for.
            Kind::Held => None,
            Kind::Request | Kind::Task | Kind::Newcomer => self.owner_of(key, state),
        };
        let now = self.now();
        let admitted = lock(&self.trust).admit(now, Asker { key, owner }, kind);
        admitted.map_err(ErrorObject::from)
    }

    /// Whose a node is, by the ledger or an operator's word in its record.
    fn owner_of(&self, peer: PeerId, state: &State) -> Option<PeerId> {
        let admitted = state.peer(&peer).and_then(|one| one.owner);
        let said = || self.record_of(peer)?.owner_in(&self.genesis);
        admitted.or_else(said)
    }

    /// Answers what is about admission.
    pub(super) fn at_the_desk(&self, from: PeerId, request: Request) -> Response {
        if !self.council.view().is_member(&self.id) {
            return self.elsewhere();
        }
        if let Err(error) = self.limit(from, &request) {
            return Response::Refused(error);
        }
        let now = self.now();
        match request {
            Request::AskAdmission { is_trusted, note } => {
                let ask = AdmissionAsk {
                    peer: from,
                    is_trusted,
                    note,
                    at: now,
                };
                match lock(&self.trust).ask(now, ask) {
                    Ok(()) => Response::Done { now },
                    Err(error) => Response::Refused(error),
                }
            }
            _ => Response::Desk(Box::new(self.own_desk())),
        }
    }

    /// What waits here, and was not decided since.
    fn own_desk(&self) -> Desk {
        let view = self.council.view();
        let state = view.chain.state();
        let is_asked = |ask: &AdmissionAsk| match state.peer(&ask.peer) {
            Some(one) if one.is_revoked => true,
            Some(one) => ask.is_trusted && one.standing == Standing::Worker,
            None => true,
        };
        let is_charged = |charge: &Charge| {
            let listing = state.listing(&charge.peer);
            listing.is_none_or(|one| one.evidence != charge.evidence)
        };
        lock(&self.trust).desk(self.now(), is_asked, is_charged)
    }

    /// What waits here and with the members, and the members that did not say. Cancel-safe.
    pub async fn whole_desk(self: &Arc<Self>) -> (Desk, Vec<PeerId>) {
        let mut whole = self.own_desk();
        let asked = self.others().into_iter().map(|peer| async move {
            match self.ask(peer, Request::Desk, TELL).await {
                Ok(Response::Desk(desk)) => Ok(*desk),
                Ok(_) | Err(_) => Err(peer),
            }
        });
        let mut silent = Vec::new();
        for answer in join_all(asked).await {
            match answer {
                Ok(desk) => {
                    whole.asks.extend(desk.asks);
                    whole.charges.extend(desk.charges);
                }
                Err(peer) => silent.push(peer),
            }
        }
        whole.asks.sort_by_key(|one| (one.peer, one.at));
        whole.asks.dedup_by_key(|one| one.peer);
        whole
            .charges
            .sort_by_key(|one| (one.peer, one.evidence, one.at));
        whole.charges.dedup_by_key(|one| (one.peer, one.evidence));
        (whole, silent)
    }

    /// Asks all members to have this node admitted; those that keep the request, and why not the others. Cancel-safe.
    pub async fn ask_admission(
        self: &Arc<Self>,
        is_trusted: bool,
        note: &str,
    ) -> Vec<(PeerId, Result<(), String>)> {
        let mut members = self.others();
        if self.council.view().is_member(&self.id) {
            members.push(self.id);
        }
        let asked = members.into_iter().map(|peer| async move {
            let note = note.to_owned();
            let request = Request::AskAdmission { is_trusted, note };
            let kept = match self.ask(peer, request, TELL).await {
                Ok(Response::Done { .. }) => Ok(()),
                Ok(Response::Refused(error)) => Err(format!("{}: {}", error.message, error.next)),
                Ok(_) => Err("it is no member any more".into()),
                Err(reason) => Err(reason),
            };
            (peer, kept)
        });
        join_all(asked).await
    }

    /// The members but this node.
    fn others(&self) -> Vec<PeerId> {
        let view = self.council.view();
        let members = view.chain.deciders();
        let members = members.map_or_else(Vec::new, |set| set.members().to_vec());
        members.into_iter().filter(|one| *one != self.id).collect()
    }
}
