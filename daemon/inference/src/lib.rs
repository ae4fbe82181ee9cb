//! Asks models for text: llama.cpp in a child process, or a script in tests.
//!
//! A [`Provider`] answers a [`GenerateRequest`](edgecoder_protocol::generation::GenerateRequest) with as many
//! candidates as it asks for. [`Llama`] is the real one: a crafted model file aborts the process that
//! reads it, so llama.cpp lives in a child ([`worker_main`]) that may die without harm, and the handle
//! starts it again. This crate words no prompts and judges no answers; it opens no network socket.
//!
//! llama.cpp is there with the feature `llama`; a child built without it says so (`absent`).

pub mod bench;
mod client;
mod config;
#[cfg(feature = "llama")]
mod engine;
#[cfg(not(feature = "llama"))]
#[path = "absent.rs"]
mod engine;
mod error;
pub mod gguf;
mod provider;
pub mod scripted;
mod wire;
mod worker;

pub use client::Llama;
pub use config::{Config, ModelFile, WorkerProgram, threads_default};
pub use error::InferenceError;
pub use provider::{Boxed, DELTAS, Delta, Provider};
pub use scripted::Scripted;
pub use worker::worker_main;
