//! Requests that a browser makes ahead, perhaps for a page that the person never sees.
//!
//! They start nothing and use nothing up, because the portal does not answer them: a browser drops an answer that is no
//! success, and asks again when the person wants the page.

use edge::problem::Problem;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use shared::code::ErrorCode;

/// The standard header that marks such requests (Fetch, section 3.8).
pub const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
/// The header of older versions of Chromium.
pub const PURPOSE: HeaderName = HeaderName::from_static("purpose");
/// The header of Safari.
pub const X_PURPOSE: HeaderName = HeaderName::from_static("x-purpose");
/// The header of older versions of Firefox.
pub const MOZ: HeaderName = HeaderName::from_static("x-moz");

/// What these headers say of a page that is fetched ahead.
const PURPOSES: [&str; 3] = ["prefetch", "prerender", "preview"];

/// Returns whether a browser makes this request ahead.
pub fn is_ahead(headers: &HeaderMap) -> bool {
    let says_so = |value: &HeaderValue| {
        let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        PURPOSES.iter().any(|purpose| value.contains(purpose))
    };
    [SEC_PURPOSE, PURPOSE, X_PURPOSE, MOZ].iter().any(|name| headers.get_all(name).iter().any(says_so))
}

/// The answer to a request that was made ahead.
pub fn refused() -> Problem {
    let message = "This page is not fetched ahead. Open it when you need it.";
    Problem::new(StatusCode::FORBIDDEN, ErrorCode::FetchedAhead, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_made_ahead_are_told_by_any_header_that_says_so() {
        for (name, value, ahead) in [
            ("sec-purpose", "prefetch", true),
            ("sec-purpose", "prefetch;prerender", true),
            ("purpose", "Prefetch", true),
            ("x-purpose", "preview", true),
            ("x-moz", "prefetch", true),
            ("purpose", "", false),
            ("purpose", "navigation", false),
            ("accept", "prefetch", false),
        ] {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value.parse().unwrap())]);
            assert_eq!(is_ahead(&headers), ahead, "{name}: {value}");
        }
    }
}
