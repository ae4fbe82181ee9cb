//! What the coordinator has to say about tasks, on its way into the ledger: together, once a second, so that it is one
//! block however many tasks there are.

use std::{sync::Arc, time::Duration};

use edgecoder_council::{NotTaken, SubmitError, View};
use edgecoder_protocol::ledger::{
    entry::{Body, Fenced},
    state::Key,
};
use tokio::{sync::mpsc, time::sleep};

use crate::mesh::Hub;

/// What is to be in the log waits so long for more: it is one block then.
const EVERY: Duration = Duration::from_secs(1);
/// What waits for the log; of more, the log says nothing.
pub const WAITING_MAX: usize = 16_384;
/// A log that takes nothing is asked again after so long.
const PAUSE: Duration = Duration::from_millis(250);
/// So often.
const TRIES: u32 = 20;

/// Puts what comes into the log, together and in order.
pub async fn write(hub: Arc<Hub>, mut due: mpsc::Receiver<Body>) {
    let mut bodies = Vec::new();
    while due.recv_many(&mut bodies, WAITING_MAX).await > 0 {
        sleep(EVERY).await;
        while let Ok(body) = due.try_recv() {
            bodies.push(body);
        }
        let view = hub.council.view();
        bodies.retain(|body| is_news(&view, body));
        let mut tries = TRIES;
        while !bodies.is_empty() {
            let (left, why) = hub.council.enter_all(std::mem::take(&mut bodies)).await;
            bodies = left;
            match why {
                None => {}
                Some(SubmitError::NotTaken(NotTaken::Full | NotTaken::Ahead { .. }))
                    if tries > 0 =>
                {
                    tries -= 1;
                    sleep(PAUSE).await;
                }
                Some(error) => {
                    tracing::debug!(%error, "an entry about a task is left out");
                    bodies.drain(..1.min(bodies.len()));
                }
            }
        }
    }
}

/// A task that its submitter gives again, since its coordinator had not heard of it, is in the log already.
fn is_news(view: &View, body: &Body) -> bool {
    match body {
        Body::Accept(Fenced { task, .. }) => view.chain.state().value(&Key::Task(*task)).is_none(),
        _ => true,
    }
}
