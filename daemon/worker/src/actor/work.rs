//! The work under one lease, from its grant to what the machine hears of it.

use std::time::Duration;

use edgecoder_protocol::{
    sealing::OpenKey,
    wire::{Grant, Held, WhyBack},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, error, info_span};

use super::{Actor, Job};
use crate::{Coordinator, Host, Input, NotMade, Workshop};

/// How long cancelled work may take to end before it is dropped: its slot is not free until then.
const CANCEL_MAX: Duration = Duration::from_secs(5);

async fn overdue(stop: CancellationToken) -> NotMade {
    stop.cancelled().await;
    tokio::time::sleep(CANCEL_MAX).await;
    NotMade {
        why: WhyBack::Unable,
        sentence: "The work did not end when it was cancelled.".to_owned(),
    }
}

impl<C, W, H> Actor<C, W, H>
where
    C: Coordinator + 'static,
    W: Workshop + 'static,
    H: Host + 'static,
{
    pub(super) fn work(&mut self, held: Held, grant: Box<Grant>, key: OpenKey) {
        let stop = CancellationToken::new();
        self.working.insert(held, stop.clone().drop_guard());
        let (workshop, host) = (self.workshop.clone(), self.host.clone());
        let (parties, own) = (self.parties, self.key.clone());
        let span = info_span!("work", task = %held.attempt.task, step = held.attempt.subtask, part = ?held.part);
        let work = async move {
            let came = tokio::select! {
                biased;
                came = workshop.work(*grant, key, stop.clone()) => came,
                not_made = overdue(stop.clone()) => Err(not_made),
            };
            let fixed = came.and_then(|made| {
                let mut salt = [0; 32];
                host.random(&mut salt);
                parties.fix(held, made, &own, salt).map_err(|error| {
                    error!(%error, "the workshop made something wrong");
                    NotMade {
                        why: WhyBack::Unable,
                        sentence: format!("The node's workshop is broken: {error}."),
                    }
                })
            });
            match fixed {
                Ok(fixed) => {
                    let fixed = Box::new(fixed);
                    Input::Made { held, fixed }.into()
                }
                Err(NotMade { why, sentence }) => Input::NotMade {
                    held,
                    why,
                    sentence,
                }
                .into(),
            }
        };
        self.start(Job::Work(held), work.instrument(span));
    }
}
