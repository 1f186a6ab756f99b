//! The provider's discovery document (OpenID Connect Discovery, section 3).

use serde::Deserialize;

/// The parts of the document that the portal needs.
#[derive(Deserialize)]
pub struct Metadata {
    /// The issuer. The portal compares it byte by byte with the configured one.
    pub issuer: String,
    /// The URL where people sign in.
    pub authorization_endpoint: String,
    /// The URL that exchanges codes for tokens.
    pub token_endpoint: String,
    /// The URL of the signing keys.
    pub jwks_uri: String,
    /// The URL where people sign out (RP-Initiated Logout, section 2.1).
    pub end_session_endpoint: Option<String>,
    /// Whether the provider names itself in each answer (RFC 9207, section 3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Reads the document; `None` if it is malformed, or an endpoint is not HTTPS.
    pub fn parse(text: &str) -> Option<Self> {
        let metadata: Self = serde_json::from_str(text).ok()?;
        // Only a local issuer has no TLS, and only then its endpoints need none.
        let scheme = if metadata.issuer.starts_with("http://") { "http://" } else { "https://" };
        let safe = |url: &String| url.starts_with(scheme) || url.starts_with("https://");
        let all_safe = safe(&metadata.authorization_endpoint)
            && safe(&metadata.token_endpoint)
            && safe(&metadata.jwks_uri)
            && metadata.end_session_endpoint.as_ref().is_none_or(safe);
        all_safe.then_some(metadata)
    }
}
