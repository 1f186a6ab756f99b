//! The header in which a webhook's static token travels: which names a partner may choose.
//!
//! Whoever sets a webhook chooses a header name and its value, and the request goes to an application that may believe
//! what other headers say. A header that a proxy, a CDN or a sign-in front uses to tell the application who is calling
//! would let the chooser be anybody there. There is no end to such names, so the rule is the other way round: the name
//! says that it carries a credential ([`CREDENTIALS`]), and holds no word by which fronts speak ([`fronts`]).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::words::any;

mod fronts;

/// The longest header name, in characters.
const MAX_HEADER_NAME_LENGTH: usize = 64;

/// How a name ends that carries a credential, which the endpoint itself compares: in lower case.
const CREDENTIALS: &[&str] = &["key", "token", "secret", "password", "auth"];

/// A header name that may carry a token: an RFC 9110 token that ends in one of [`CREDENTIALS`] and means nothing to HTTP,
/// to proxies, to sign-in fronts or to us. Kept as given; header names ignore case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HeaderName(String);

/// Why a header name is refused. `Display` is the field's message to the person who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameFault {
    /// Not 1 to 64 characters.
    #[error("must be 1 to {MAX_HEADER_NAME_LENGTH} characters")]
    Length,
    /// Not a token (RFC 9110 §5.6.2).
    #[error("must be letters, digits and !#$%&'*+-.^_`|~ only")]
    NotAToken,
    /// `Authorization` has a type of its own.
    #[error("must not be Authorization; use the type bearerToken")]
    Authorization,
    /// A name with a meaning of its own.
    #[error(
        "must not be a header that HTTP, a proxy, a sign-in front or this service gives a meaning of its own; \
         choose X-Api-Key or X-Webhook-Token"
    )]
    Reserved,
    /// A name that does not say that it carries a credential.
    #[error("must end in Key, Token, Secret, Password or Auth; choose X-Api-Key or X-Webhook-Token")]
    NotACredential,
}

/// Names with a meaning of their own, in lower case: a token there would be lost, break the request, or make
/// the receiver believe something of it.
const RESERVED: &[&str] = &[
    // The connection and its framing (RFC 9110 §7.6, RFC 9112, RFC 9113).
    "connection expect host http2-settings keep-alive te trailer transfer-encoding upgrade",
    // The request's own description (RFC 9110 §10.1, §12.5, §13, §14); `Date` and its kin.
    "accept age cache-control date dnt early-data from link location max-forwards origin pragma prefer priority range \
     referer retry-after server user-agent vary warning",
    // State and credentials.
    "authentication-info cookie cookie2 idempotency-key set-cookie set-cookie2 www-authenticate",
    // The way a request came, and whom it came from: proxies overwrite them, receivers trust them.
    "cdn-loop client-ip fastly-client-ip forwarded true-client-ip via x-client-ip x-cluster-client-ip x-host \
     x-real-ip",
    // What frameworks take as another method or target.
    "x-http-method x-http-method-override x-method-override x-rewrite-url",
    // Traces (W3C Trace Context), which join ours to theirs.
    "baggage traceparent tracestate",
];

/// What reserved families of names start with, in lower case.
const RESERVED_PREFIXES: &[&str] = &[
    "accept-",
    "access-control-",
    "alt-",
    "cf-",
    "content-",
    "if-",
    "proxy-",
    "sec-",
    "strict-transport-",
    "svix-",
    "webhook-",
    "x-forwarded",
    "x-original-",
];

impl HeaderName {
    /// Checks a name that somebody asks for.
    ///
    /// # Errors
    ///
    /// The first rule that the name breaks.
    pub fn parse(name: &str) -> Result<Self, HeaderNameFault> {
        if name.is_empty() || name.chars().count() > MAX_HEADER_NAME_LENGTH {
            return Err(HeaderNameFault::Length);
        }
        if !name.bytes().all(is_token_byte) {
            return Err(HeaderNameFault::NotAToken);
        }
        let folded = folded(name);
        if folded == "authorization" {
            return Err(HeaderNameFault::Authorization);
        }
        if any(RESERVED, &|name| name == folded)
            || RESERVED_PREFIXES.iter().any(|prefix| folded.starts_with(prefix))
            || fronts::speaks_as_one(&folded)
        {
            return Err(HeaderNameFault::Reserved);
        }
        if !CREDENTIALS.iter().any(|credential| folded.ends_with(credential)) {
            return Err(HeaderNameFault::NotACredential);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for HeaderName {
    type Error = HeaderNameFault;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name)
    }
}

impl From<HeaderName> for String {
    fn from(name: HeaderName) -> Self {
        name.0
    }
}

/// The name in lower case, with `-` for every other character than letters and digits. Servers fold names so: CGI and its
/// descendants hand `X_Name`, `X.Name` and `X-Name` to a program as one variable (RFC 3875 §4.1.18).
fn folded(name: &str) -> String {
    let fold = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
    };
    name.chars().map(fold).collect()
}

/// `tchar` of RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
