//! The portal accepts forms only from its own pages.

use edge::problem::Problem;
use edge::secret::the_only;
use http::{HeaderMap, HeaderName, StatusCode, header};
use shared::code::ErrorCode;

/// Says where a request comes from; no page can forge this header (Fetch Metadata).
pub const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Refuses a request from another site, before the portal reads anything else of the request.
///
/// Under `Referrer-Policy: no-referrer` browsers send `Origin: null` with the portal's own forms (Fetch, "serializing a
/// request origin"). Then `Sec-Fetch-Site` must be `same-origin`, which a page of an opaque origin cannot send.
///
/// # Errors
/// 403.
pub fn check_site(headers: &HeaderMap, own_origin: &str) -> Result<(), Problem> {
    let text = |name: &HeaderName| {
        headers.contains_key(name).then(|| {
            the_only(headers, name).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
        })
    };
    let same_site = match text(&FETCH_SITE) {
        Some("same-origin") => true,
        Some(_) => return Err(refused("another site")),
        None => false,
    };
    match text(&header::ORIGIN) {
        Some("null") if same_site => Ok(()),
        Some(origin) if origin != own_origin => Err(refused("another origin")),
        _ => Ok(()),
    }
}

/// A form was not sent from a page of this session.
pub fn refused(why: &str) -> Problem {
    let message = "This form came from a page that is out of date, or not from this portal. Nothing was changed. Open the \
         dashboard and try again.";
    Problem {
        detail: Some(why.to_owned()),
        ..Problem::new(StatusCode::FORBIDDEN, ErrorCode::FormRefused, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_origin_is_taken() {
        for (site, origin, good) in [
            (None, None, true),
            (None, Some("https://portal.example"), true),
            (Some("same-origin"), Some("https://portal.example"), true),
            (Some("same-origin"), Some("null"), true),
            (None, Some("null"), false),
            (None, Some("https://evil.example"), false),
            (None, Some("https://portal.example.evil.example"), false),
            (None, Some("http://portal.example"), false),
            (Some("same-origin"), Some("https://evil.example"), false),
            (Some("same-site"), Some("https://portal.example"), false),
            (Some("cross-site"), None, false),
            (Some("none"), None, false),
            (Some(""), None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.extend(site.map(|value| (FETCH_SITE, value.parse().unwrap())));
            headers.extend(origin.map(|value| (header::ORIGIN, value.parse().unwrap())));
            assert_eq!(check_site(&headers, "https://portal.example").is_ok(), good, "{site:?} {origin:?}");
        }
    }
}
