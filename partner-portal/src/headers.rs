//! The security headers of every answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use shared::ports::Random;

/// The nonce for the script of one page.
#[derive(Clone, Debug)]
pub struct Nonce(pub String);

impl Nonce {
    /// Draws a nonce.
    pub fn draw(random: &dyn Random) -> Self {
        let mut bytes = [0_u8; 16];
        random.fill(&mut bytes);
        Self(STANDARD.encode(bytes))
    }
}

/// Adds the security headers of pages; [`edge::serve`] adds those of every answer. `provider_origin` is where the form for signing out redirects to.
pub fn secure(headers: &mut HeaderMap, nonce: &Nonce, provider_origin: &str) {
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'nonce-{}'; base-uri 'none'; \
         form-action 'self' {provider_origin}; frame-ancestors 'none'",
        nonce.0
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let fixed: [(HeaderName, &str); 5] = [
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=()",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
