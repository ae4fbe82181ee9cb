//! Who coordinates: the duty's holder in the ledger, as far as this node follows it. Nothing is configured, and nobody's
//! word but the log's is taken.

use std::{sync::Arc, time::Duration};

use edgecoder_council::View;
use edgecoder_protocol::{
    PeerId,
    ledger::duty::{Duty, Seat},
    wire::{Request, Response},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Hub;

/// One shard has all task ids.
pub const SHARD: u16 = 0;
/// The duty of its coordinator.
pub const DUTY: Duty = Duty::Coordinator(SHARD);

/// What a view of the ledger says.
pub fn of(view: &View) -> Option<Seat> {
    view.chain.state().seat(DUTY)
}

impl Hub {
    /// Who coordinates; nobody while the duty is vacant.
    pub fn seat(&self) -> Option<Seat> {
        *self.seats.borrow()
    }

    /// Changes of who coordinates.
    pub fn seats(&self) -> watch::Receiver<Option<Seat>> {
        self.seats.clone()
    }

    /// Waits until somebody else has the duty: `holder` may be cut off, and never answer. One that is granted it anew
    /// answers what it was asked before.
    async fn moved_from(&self, holder: PeerId) {
        let mut seats = self.seats();
        let moved = seats.wait_for(|now| now.is_some_and(|now| now.holder != holder));
        if moved.await.is_err() {
            // The node stops; whoever asks has a limit of its own.
            std::future::pending::<()>().await;
        }
    }

    /// The ledger may have gone on without this node.
    pub fn doubt(&self) {
        self.doubt.notify_one();
    }

    pub(super) fn is_coordinator(&self, peer: PeerId) -> bool {
        self.seat().is_some_and(|seat| seat.holder == peer)
    }

    /// Asks whoever coordinates, once. Cancel-safe: dropping the future withdraws the request.
    ///
    /// # Errors
    /// A sentence: nobody does, or the one who does gives no answer.
    pub async fn ask_coordinator(
        self: &Arc<Self>,
        request: Request,
        within: Duration,
    ) -> Result<(Response, Seat), String> {
        let Some(seat) = self.seat() else {
            self.doubt.notify_one();
            return Err(match self.council.view().chain.height() {
                0 => "no member of the council was reached yet, so it is not known who coordinates",
                _ => "nobody coordinates the network at the moment",
            }
            .into());
        };
        let holder = seat.holder;
        let answer = tokio::select! {
            answer = self.ask(holder, request, within) => answer,
            () = self.moved_from(holder) => return Err("the duty has moved meanwhile".into()),
        };
        match answer {
            Ok(Response::Elsewhere { height }) => {
                self.council.is_at(holder, height).await;
                self.doubt.notify_one();
                Err(format!("{holder} does not coordinate any more"))
            }
            Ok(response) => Ok((response, seat)),
            Err(reason) => {
                // There may be another already, of whom this node has not heard.
                self.doubt.notify_one();
                Err(reason)
            }
        }
    }
}

/// Follows the ledger until `stop`.
pub async fn run(hub: Arc<Hub>, told: watch::Sender<Option<Seat>>, stop: CancellationToken) {
    let mut view = hub.council.watch();
    let follow = async {
        // Ends with the council.
        while view.changed().await.is_ok() {
            let seat = of(&view.borrow_and_update());
            told.send_if_modified(|old| std::mem::replace(old, seat) != seat);
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = follow => {}
    }
}
