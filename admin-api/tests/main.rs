//! The Admin API's router, driven with plain requests over SQLite in memory: one module per subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod authorization;
mod configuration;
mod cost;
mod documents;
mod partner_keys;
mod rate_limit;
mod repeated;
mod requests;
mod secrets;
mod story;
mod support;
mod tokens;
mod webhook_actions;
