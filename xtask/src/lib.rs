//! The task runner: sets the machine up, builds the Workers, runs them locally, checks everything, and deploys.
//!
//! The command line is in `main.rs`. What runs the Workers on this machine is the crate [`local`].

mod auth0;
mod aws;
pub mod bench;
mod browser;
pub mod build;
pub mod check;
pub mod clients;
pub mod credentials;
mod dependencies;
pub mod deployment;
pub mod dev;
pub mod environments;
pub mod fuzz;
mod npm;
mod python;
pub mod schemathesis;
pub mod setup;
pub mod simulate;
pub mod smoke;
pub mod tidy;
mod wasm_names;
mod wasm_target;
mod web;
