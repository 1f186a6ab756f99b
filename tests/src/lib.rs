//! Drives the Workers as a partner, an admin and EventBridge do: over HTTP, against the real runtime.
//!
//! A scenario is a plain `#[test]` that calls [`world::run`] and gets the shared local stack, which the first scenario
//! starts. Each scenario makes what the others must not touch: a [`tenant::Tenant`], an [`endpoint::Endpoint`].
//!
//! Everything here panics where the scenario cannot go on, and says why.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test's driver fails the test where it cannot go on"
)]

pub mod browser;
pub mod client;
pub mod endpoint;
pub mod event;
pub mod log;
pub mod page;
pub mod poll;
pub mod provider;
pub mod tenant;
pub mod world;
