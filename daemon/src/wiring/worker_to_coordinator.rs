//! The worker's coordinator is whoever has the duty, by way of the mesh. What it lends is looked at here for the proof
//! that it still may.

use std::{sync::Arc, time::Duration};

use edgecoder_council::duties;
use edgecoder_protocol::{
    PeerId, Signed,
    ledger::duty::{Renewal, Seat},
    wire::{Request, Response},
};
use edgecoder_worker::{AskError, Coordinator};
use tokio::sync::watch;

use crate::mesh::{Hub, seat::DUTY};

/// How long a grant may take to be heard of: members are asked at once.
const HEARING: Duration = Duration::from_secs(2);

/// The way to it.
pub struct ToCoordinator(pub Arc<Hub>);

impl Coordinator for ToCoordinator {
    async fn ask(&self, request: Request, within: Duration) -> Result<Response, AskError> {
        let asked = tokio::time::timeout(within, self.0.ask_coordinator(request, within)).await;
        let (answer, seat) = match asked {
            Ok(answer) => answer.map_err(AskError::Unreachable)?,
            Err(_) => return Err(AskError::Timeout),
        };
        match &answer {
            Response::Granted { grants, proof } if !grants.is_empty() => {
                match self.is_proven(seat.holder, proof).await {
                    true => Ok(answer),
                    // Its lease is over, whether it knows that or not: what it lends is in vain.
                    false => {
                        self.0.doubt();
                        Err(AskError::Unproven(seat.holder))
                    }
                }
            }
            _ => Ok(answer),
        }
    }

    fn seat(&self) -> watch::Receiver<Option<Seat>> {
        self.0.seats()
    }
}

impl ToCoordinator {
    /// Whether a quorum of members says that the lease of `holder` stands. It may be by a grant that this node has yet
    /// to hear of.
    async fn is_proven(&self, holder: PeerId, proof: &[Signed<Renewal>]) -> bool {
        let mut seats = self.0.seats();
        let hears = async {
            loop {
                let seat = *seats.borrow_and_update();
                let its = seat.filter(|seat| seat.holder == holder);
                if its.is_some_and(|seat| self.proves(seat, proof)) {
                    return true;
                }
                let known = seat.map_or(0, |seat| seat.term);
                if !self.is_of_later_term(proof, known) {
                    return false;
                }
                self.0.doubt();
                if seats.changed().await.is_err() {
                    return false;
                }
            }
        };
        tokio::time::timeout(HEARING, hears).await.unwrap_or(false)
    }

    /// Whether a member says that there is a later grant than `known`.
    fn is_of_later_term(&self, proof: &[Signed<Renewal>], known: u64) -> bool {
        let view = self.0.council.view();
        let mut renewals = proof.iter().filter_map(|word| word.open().ok());
        renewals.any(|(renewal, by)| {
            renewal.duty == DUTY && renewal.term > known && view.is_member(&by)
        })
    }

    fn proves(&self, seat: Seat, proof: &[Signed<Renewal>]) -> bool {
        let hub = &self.0;
        let view = hub.council.view();
        let grant = duties::Grant {
            chain: hub.network,
            duty: DUTY,
            term: seat.term,
        };
        let members = view.chain.deciders();
        members.is_some_and(|members| duties::is_current(proof, members, grant, hub.network_time()))
    }
}
