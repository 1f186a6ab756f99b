//! Tokens, and an OpenID provider that misbehaves as it is told: for tests of what takes them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "tests stop at the first surprise"
)]

mod keys;
mod misbehaviour;
mod provider;
mod token;

pub use keys::{RustCryptoRs256, TestKey};
pub use misbehaviour::{BadSignIn, Misbehaviour, bad_sign_ins};
pub use provider::{FakeProvider, Registration};
pub use token::{Token, hs256, hs512};
