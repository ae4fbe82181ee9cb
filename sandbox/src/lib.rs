//! Where foreign code runs: an interpreter compiled to WebAssembly, metered, without files or network, inside
//! a sealed child process.
//!
//! An [`Execution`](edgecoder_protocol::Execution) goes in and an
//! [`ExecutionReport`](edgecoder_protocol::ExecutionReport) comes out, which is the same on every node. This
//! crate decides outcomes (`judge`, pure) and performs runs. It does not sign receipts, keep files, or decide
//! which code is allowed.
//!
//! The way of a request: [`Sandbox::run`] (`client`) > a frame on a socket (`wire`, `child`) > the child
//! (`worker`, after `seal`) > a guest prepared ahead of time (`run`, `host`, `engine`) > back, to `judge`.
//!
//! Absent on purpose: waiting on real time (a guest's clock is virtual, so every host call returns at once),
//! reuse of a guest after its run, and anything the child says about the request.

mod cache;
mod check;
mod child;
mod client;
mod engine;
mod error;
mod guest;
mod host;
mod judge;
mod profile;
mod request;
mod run;
mod seal;
mod self_test;
mod wire;
mod worker;

pub use check::{CALLS_MAX, STDIN_MAX, check_sizes};
pub use client::{Sandbox, SandboxConfig};
pub use engine::EngineOptions;
pub use error::{RefusedExecution, SandboxError};
pub use guest::Guest;
pub use profile::profile_id;
pub use worker::{compile_main, worker_main};
