//! The task runner: sets the machine up, builds the Workers, runs them locally, and checks everything.
//!
//! The command line is in `main.rs`. The end-to-end tests use [`stack`] to run the Workers in the real runtime.

mod aws;
pub mod bench;
mod browser;
pub mod build;
pub mod check;
mod clock;
pub mod credentials;
pub mod deployment;
pub mod dev;
pub mod environments;
mod http;
mod interruption;
mod process;
mod progress;
mod python;
pub mod schemathesis;
pub mod setup;
pub mod stack;
pub mod tidy;
mod wasm_target;
mod workspace;
