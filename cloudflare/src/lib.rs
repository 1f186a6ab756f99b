//! The domain's ports on Workers: D1, Queues, KV, fetch, WebCrypto, clock, randomness and console; and the edge where
//! a request crosses from JavaScript into Wasm and its answer goes back.
//!
//! Each crossing costs, so values cross seldom, as strings and bytes.

mod ambient;
mod analytics_engine;
mod bindings;
mod crypto;
mod d1;
mod fetch;
mod http_edge;
mod kv;
mod queues;
mod rate_limiter;

pub use ambient::{ConsoleLog, SystemClock, WebRandom};
pub use analytics_engine::AnalyticsEngine;
pub use bindings::{Bindings, Kept, Ready, assemble, once, surroundings};
pub use crypto::WebCrypto;
pub use d1::D1;
pub use fetch::{Fetch, Service};
pub use http_edge::{from_worker, misconfigured, to_worker};
pub use kv::Kv;
pub use queues::{WorkerQueue, settle};
pub use rate_limiter::WorkerRateLimiter;
