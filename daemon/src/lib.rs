//! A node of EdgeCoder: its roles wired together, its operator API, and the commands that are its clients.

pub mod api;
mod build;
mod bundle;
pub mod cli;
pub mod config;
mod data_dir;
mod executor;
#[cfg(feature = "mesh")]
pub mod mesh;
pub mod network;
pub mod node;
pub mod serve;
mod tasks;
pub mod wiring;

pub use bundle::BundleError;
pub use executor::Executor;
pub use node::{Node, NodeHandle, Ports};
pub use tasks::Tasks;
