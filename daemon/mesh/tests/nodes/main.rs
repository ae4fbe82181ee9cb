//! Whole nodes that talk to each other, over real sockets on the loopback and within the process. What one
//! file of the crate decides by itself is tested there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // A test that panics has failed.

mod dht;
mod door;
mod gossip;
mod hostile;
mod lines;
mod requests;
mod silence;
mod support;
mod transfer;
