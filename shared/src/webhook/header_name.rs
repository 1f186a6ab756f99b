//! The header in which a webhook's static token travels: which names a partner may choose.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest header name, in characters.
const MAX_HEADER_NAME_LENGTH: usize = 64;

/// A header name that may carry a token: an RFC 9110 token that means nothing to HTTP, to proxies or to us.
/// Kept as given; header names ignore case.
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
    #[error("must not be a header that HTTP, a proxy or this service gives a meaning of its own")]
    Reserved,
}

/// Names with a meaning of their own, in lower case: a token there would be lost, break the request, or make
/// the receiver believe something of it.
const RESERVED: &[&str] = &[
    // The connection and its framing (RFC 9110 §7.6, RFC 9112, RFC 9113).
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    // The request's own description (RFC 9110 §10.1, §12.5, §13, §14); `Date` and its kin.
    "accept",
    "age",
    "cache-control",
    "date",
    "dnt",
    "early-data",
    "from",
    "link",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "prefer",
    "priority",
    "range",
    "referer",
    "retry-after",
    "server",
    "user-agent",
    "vary",
    "warning",
    // State and credentials.
    "authentication-info",
    "cookie",
    "cookie2",
    "idempotency-key",
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
    // The way a request came, and whom it came from: proxies overwrite them, receivers trust them.
    "cdn-loop",
    "client-ip",
    "fastly-client-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-real-ip",
    // What frameworks take as another method or target.
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-rewrite-url",
    // Traces (W3C Trace Context), which join ours to theirs.
    "baggage",
    "traceparent",
    "tracestate",
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
        // CGI and its descendants hand `X_Name` and `X-Name` to a program as one variable (RFC 3875 §4.1.18).
        let folded = name.to_ascii_lowercase().replace('_', "-");
        if folded == "authorization" {
            return Err(HeaderNameFault::Authorization);
        }
        let is_reserved = RESERVED.contains(&folded.as_str())
            || RESERVED_PREFIXES.iter().any(|prefix| folded.starts_with(prefix));
        if is_reserved { Err(HeaderNameFault::Reserved) } else { Ok(Self(name.to_owned())) }
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

/// `tchar` of RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_names_are_accepted_as_given() {
        for name in
            ["X-Api-Key", "x-api-key", "X_API_KEY", "Token", "X-Partner.Token", "a", "!#$%&'*+-.^_`|~9"]
        {
            assert_eq!(HeaderName::parse(name).unwrap().as_str(), name);
        }
        assert!(HeaderName::parse("X-Webhook-Token").is_ok());
        assert!(HeaderName::parse("Hostess").is_ok());
    }

    #[test]
    fn names_have_1_to_64_characters() {
        assert_eq!(HeaderName::parse(""), Err(HeaderNameFault::Length));
        assert!(HeaderName::parse(&"x".repeat(64)).is_ok());
        assert_eq!(HeaderName::parse(&"x".repeat(65)), Err(HeaderNameFault::Length));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for name in [
            " ",
            "X Api",
            "X-Api:",
            "X-Api\r\nHost",
            "X-Api\0",
            "X(Api)",
            "\"x\"",
            "x,y",
            "x/y",
            "x@y",
            "Ü",
            "X-\u{212a}ey",
            "{x}",
        ] {
            assert_eq!(HeaderName::parse(name), Err(HeaderNameFault::NotAToken), "{name:?}");
        }
    }

    #[test]
    fn authorization_is_pointed_to_its_own_type() {
        for name in ["Authorization", "authorization", "AUTHORIZATION"] {
            let fault = HeaderName::parse(name).unwrap_err();
            assert_eq!(fault.to_string(), "must not be Authorization; use the type bearerToken");
        }
    }

    #[test]
    fn names_with_a_meaning_of_their_own_are_refused_in_any_case() {
        let names = "Host Content-Type Content-Length Content-Encoding Content-Anything Transfer-Encoding
            Connection Cookie Set-Cookie User-Agent Webhook-Id webhook-signature webhook-timestamp webhook-x CF-Ray
            CF-Connecting-IP cf-access-client-secret X-Forwarded-For X-Forwarded-Host X-Forwarded TE Trailer
            Upgrade Keep-Alive Proxy-Authorization Proxy-Connection Expect Via Forwarded X-Real-IP True-Client-IP Date
            Sec-Fetch-Site Origin Referer Accept Accept-Encoding Idempotency-Key traceparent If-None-Match
            Range X-HTTP-Method-Override X-Original-URL Access-Control-Request-Method";
        for name in names.split_whitespace() {
            for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase(), name.replace('-', "_")] {
                assert_eq!(HeaderName::parse(&name), Err(HeaderNameFault::Reserved), "{name}");
            }
        }
    }

    #[test]
    fn the_reserved_lists_are_in_the_form_that_is_compared() {
        for name in RESERVED.iter().chain(RESERVED_PREFIXES) {
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{name}"
            );
        }
    }

    #[test]
    fn json_is_checked_like_any_other_input() {
        assert!(serde_json::from_str::<HeaderName>("\"Host\"").is_err());
        let name: HeaderName = serde_json::from_str("\"X-Api-Key\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"X-Api-Key\"");
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_is_a_short_ascii_token(name: String) {
            if let Ok(name) = HeaderName::parse(&name) {
                let separators = b":,;\"()<>@/[]{}?=\\";
                let is_token = |byte: u8| byte.is_ascii_graphic() && !separators.contains(&byte);
                prop_assert!(name.as_str().bytes().all(is_token));
            }
        }

        #[test]
        fn reserved_families_are_refused_whatever_follows(
            index in 0..RESERVED_PREFIXES.len(),
            rest in "[A-Za-z0-9_-]{1,20}",
        ) {
            let name = format!("{}{rest}", RESERVED_PREFIXES[index]);
            prop_assert_eq!(HeaderName::parse(&name), Err(HeaderNameFault::Reserved));
        }
    }
}
