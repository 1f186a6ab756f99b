//! The ports on Workers: D1, Queues, KV, fetch, WebCrypto, clock, randomness and console; and the one way in for a
//! Worker's events, where they cross from JavaScript into Wasm and their answers go back.
//!
//! Each crossing costs, so values cross seldom, as strings and bytes.

mod ambient;
mod analytics_engine;
mod bindings;
mod compression;
mod crypto;
mod d1;
mod entry;
mod fetch;
mod glue;
mod http_edge;
mod kv;
mod mail;
mod queues;
mod rate_limiter;
mod runtime;
mod tasks;

pub use ambient::{ConsoleLog, SystemClock, WebRandom};
pub use analytics_engine::AnalyticsEngine;
pub use bindings::{Bindings, Env, settings_and_bindings};
pub use compression::CompressionStreams;
pub use crypto::WebCrypto;
pub use d1::D1;
pub use entry::{Isolate, Kept, Ready, Worker, fetch, queue, scheduled};
pub use fetch::{Fetch, WorkerServiceBinding};
pub use kv::Kv;
pub use mail::MailService;
pub use queues::WorkerQueue;
pub use rate_limiter::WorkerRateLimiter;
pub use runtime::Runtime;
