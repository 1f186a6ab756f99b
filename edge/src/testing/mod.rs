//! What tests of the Workers' HTTP side share: the platform and its ports in memory, tokens, and an OpenID provider that
//! misbehaves as a test says.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod answer;
mod forgery;
mod keys;
mod misbehaviour;
mod platform;
mod provider;
mod rate_limiter;
pub mod settings;
mod token;

pub use answer::{Answer, Isolate, Request};
pub use forgery::{Forgery, forgeries, own_key_headers, public_key_spellings};
pub use keys::{RustCryptoRs256, TestKey};
pub use misbehaviour::{BadSignIn, Misbehaviour, bad_sign_ins};
pub use platform::TestPlatform;
pub use provider::{FakeProvider, Registration};
pub use rate_limiter::MemoryRateLimiter;
pub use token::{Token, hs256, hs512};
