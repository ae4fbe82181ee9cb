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
//! The engine, and all that runs in the child, is there with the feature `engine`. A build without it still checks,
//! asks and judges, and its child (`absent`) says that it cannot run anything.
//!
//! Absent on purpose: waiting on real time (a guest's clock is virtual, so every host call returns at once),
//! reuse of a guest after its run, and anything the child says about the request.

mod bounds;
mod check;
mod child;
mod client;
mod error;
mod guest;
mod judge;
mod profile;
mod raw;
mod request;
mod wire;

#[cfg(not(feature = "engine"))]
mod absent;
#[cfg(feature = "engine")]
mod cache;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "engine")]
mod host;
#[cfg(feature = "engine")]
mod run;
#[cfg(feature = "engine")]
mod seal;
#[cfg(feature = "engine")]
mod self_test;
#[cfg(feature = "engine")]
mod worker;

#[cfg(not(feature = "engine"))]
pub use absent::{compile_main, worker_main};

pub use bounds::{Bounds, InForce, Layer, MEMORY_MIN};
pub use check::{CALLS_MAX, STDIN_MAX, check_sizes};
pub use client::{EngineOptions, Sandbox, SandboxConfig};
pub use error::{RefusedExecution, SandboxError};
pub use guest::Guest;
pub use profile::profile_id;
#[cfg(feature = "engine")]
pub use worker::{compile_main, worker_main};
