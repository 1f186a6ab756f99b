//! What the provider says of itself (OpenID Connect Discovery, section 3).

use serde::Deserialize;

/// The parts that the portal needs.
#[derive(Deserialize)]
pub struct Metadata {
    /// Compared byte by byte with the configured one.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// The signing keys.
    pub jwks_uri: String,
    /// Where people sign out (RP-Initiated Logout, section 2.1).
    pub end_session_endpoint: Option<String>,
}

impl Metadata {
    /// Reads the document; nothing where it is none, or would have us leave TLS.
    pub fn parse(text: &str) -> Option<Self> {
        let metadata: Self = serde_json::from_str(text).ok()?;
        // Only an issuer without TLS, a local one, may have endpoints without.
        let scheme = if metadata.issuer.starts_with("http://") { "http://" } else { "https://" };
        let safe = |url: &String| url.starts_with(scheme) || url.starts_with("https://");
        let all_safe = safe(&metadata.authorization_endpoint)
            && safe(&metadata.token_endpoint)
            && safe(&metadata.jwks_uri)
            && metadata.end_session_endpoint.as_ref().is_none_or(safe);
        all_safe.then_some(metadata)
    }
}
