//! Drives the Workers as a partner, an admin and EventBridge do: over HTTP, against the real runtime.
//!
//! A scenario is a plain `#[test]` that calls [`world::run`]: it gets the shared local stack, which the first one
//! starts. What it needs of its own it makes: a [`tenant::Tenant`], a [`receiver::Receiver`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's driver fails the test where it cannot go on"
)]

pub mod browser;
pub mod client;
pub mod event;
pub mod log;
pub mod poll;
pub mod provider;
pub mod receiver;
pub mod tenant;
mod wire;
pub mod world;
