//! A peer that falls silent without a word, as when its cable is pulled.

use crate::support::{TCP, quiet, start};
use edgecoder_mesh::Event;
use tokio::runtime::Builder;

#[test]
fn a_peer_that_stands_still_is_disconnected() {
    let here = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    // It runs only while it is asked to: afterwards its socket stays open and nobody answers.
    let there = Builder::new_current_thread().enable_all().build().unwrap();
    let mut frozen = there.block_on(start(2, quiet(TCP)));
    let mut node = here.block_on(start(1, quiet(TCP)));
    let (id, addresses) = (frozen.id(), frozen.addresses.clone());
    let mesh = node.mesh.clone();
    here.spawn(async move { mesh.dial(id, addresses).await });
    there.block_on(frozen.event(|event| matches!(event, Event::Connected { .. })));
    there.block_on(frozen.view(node.id(), |view| view.round_trip.is_some()));
    here.block_on(async {
        node.view(id, |view| view.round_trip.is_some()).await;
        node.event(|event| matches!(event, Event::Disconnected { peer } if *peer == id))
            .await;
    });
}
