//! The routes of webhook-delivery, driven with plain requests over SQLite in memory: one module per subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod anything;
mod authorization;
mod configuration;
mod events;
mod outages;
mod queues;
mod requests;
mod secrets;
mod support;
