//! The tokens that callers bring.

use edge::testing::Token;
use serde_json::json;
use shared::ports::Clock;
use shared::testing::FakeClock;

use super::{AUDIENCE, ISSUER};

/// What the issuer gives an admin, good for an hour.
pub(crate) fn token_of_admin(clock: &FakeClock) -> Token {
    let now = clock.now().seconds();
    Token::rs256(&json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "auth0|1", "iat": now, "exp": now + 3600,
        "email": "admin@smartphonekey.com", "email_verified": true,
    }))
}

/// What the portal signs for the person at its other end.
pub(crate) fn token_of_portal(clock: &FakeClock, person: &str) -> Token {
    let now = clock.now().seconds();
    Token::hs256(&json!({
        "iss": "partner-portal", "aud": "admin-api", "iat": now, "exp": now + 60,
        "email": "partner-portal@smartphonekey.com", "act": person,
    }))
}
