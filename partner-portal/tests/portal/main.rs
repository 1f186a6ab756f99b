//! The portal's pages, as a browser uses them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod account;
mod circuit;
mod configuration;
mod dashboard;
mod deliveries;
mod forms;
mod headers;
mod help;
mod key_once;
mod log;
mod onboarding;
mod people;
mod rate_limit;
mod results;
mod rotation;
mod sessions;
mod sign_in;
mod story;
mod support;
