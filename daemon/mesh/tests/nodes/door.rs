//! Whom the daemon keeps out: refused whoever dials, cut off when it says so, let in when it says no more, and whatever
//! stands against a peer by its offences stays apart.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::support::{LIMIT, Node, TCP, quiet, start};
use edgecoder_mesh::{DialStep, Door, Event, RequestError, Service};

/// A node whose door is shut to `other` while the flag stands.
async fn guarded(other: &Node) -> (Node, Arc<AtomicBool>) {
    let node = start(1, quiet(TCP)).await;
    let is_shut = Arc::new(AtomicBool::new(false));
    let (shut, peer) = (is_shut.clone(), other.id());
    let door = Door::new(move |one| *one != peer || !shut.load(Ordering::SeqCst));
    node.mesh.guard(door).await;
    (node, is_shut)
}

fn gone(event: &Event) -> bool {
    matches!(event, Event::Disconnected { .. })
}

#[tokio::test]
async fn whom_the_door_keeps_out_is_cut_off_refused_both_ways_and_let_in_again() {
    let mut other = start(2, quiet(TCP)).await;
    let (mut node, is_shut) = guarded(&other).await;
    node.join(&other).await;
    is_shut.store(true, Ordering::SeqCst);
    node.mesh.sift().await;
    node.event(gone).await;
    other.event(gone).await;
    let peer = other.id();
    let ask = || node.mesh.request(peer, Service::Control, vec![1], LIMIT);
    assert_eq!(ask().await, Err(RequestError::Blocked));
    let view = node.view(other.id(), |_| true).await;
    assert_eq!((view.blocked, view.offences), (true, 0));
    assert_eq!(view.failure.unwrap().step, DialStep::Blocked);
    // It dials, and has nothing of it: its own end of the connection falls as soon as it stands.
    other.mesh.dial(node.id(), node.addresses.clone()).await;
    other.event(gone).await;
    assert!(!node.view(other.id(), |_| true).await.connected);
    is_shut.store(false, Ordering::SeqCst);
    other.serve();
    assert_eq!(ask().await.unwrap(), [1]);
}

#[tokio::test]
async fn a_door_that_opens_lifts_no_block() {
    let other = start(2, quiet(TCP)).await;
    let (mut node, is_shut) = guarded(&other).await;
    node.join(&other).await;
    node.mesh.block(other.id()).await;
    is_shut.store(true, Ordering::SeqCst);
    node.mesh.sift().await;
    node.event(gone).await;
    is_shut.store(false, Ordering::SeqCst);
    let asked = node
        .mesh
        .request(other.id(), Service::Control, vec![1], LIMIT);
    assert_eq!(asked.await, Err(RequestError::Blocked));
}
