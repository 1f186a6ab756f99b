//! End to end, against the Workers as built for release in the real runtime.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests, and functions that only tests use"
)]

mod answers;
mod campaign;
mod concurrency;
mod cost;
mod crash;
mod delivery;
mod growth;
mod leaving;
mod mail;
mod misconfiguration;
mod outages;
mod portal;
mod procedures;
mod requests;
mod sign_in;
mod split;
mod stage;
mod storage;
mod story;
mod tokens;
mod trouble;
mod verification;
