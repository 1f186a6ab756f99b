//! Cookies, in and out. The names of the portal's cookies begin with `__Host-`: browsers send them to this host alone, over
//! TLS alone.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

/// The session.
pub const SESSION: &str = "__Host-session";
/// How the name of the cookie of a sign-in under way begins: the state of the sign-in follows.
pub const TRANSACTION: &str = "__Host-transaction-";
/// How the name of the cookie with the key to an unread API key begins: the organization's ID follows.
pub const UNREAD_KEY: &str = "__Host-unread-key-";
/// What a person typed into a form that could not be taken before another sign-in.
pub const DRAFT: &str = "__Host-draft";
/// A cookie without meaning, which changes while a page shows an API key.
pub const SHOWN: &str = "__Host-shown";
/// The name of the person who has signed in in this browser.
pub const KNOWN_BROWSER: &str = "__Host-known-browser";
/// The notice that the next page shows.
pub const NOTICE: &str = "__Host-notice";

/// The longest value that the portal reads.
const LONGEST: usize = 4096;

/// Returns each cookie as `name=value`. Cookies of others may contain any bytes.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii)
}

/// Returns the names of all cookies whose name begins with `prefix`, without the prefix.
pub fn names<'a>(headers: &'a HeaderMap, prefix: &str) -> impl Iterator<Item = &'a str> {
    pairs(headers).filter_map(move |pair| {
        let rest = std::str::from_utf8(pair.strip_prefix(prefix.as_bytes())?).ok()?;
        rest.split_once('=').map(|(name, _)| name)
    })
}

/// Returns the value of a cookie; `None` if the cookie is absent, too long, or sent twice.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = pairs(headers).filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let value = values.next().filter(|value| value.len() <= LONGEST)?;
    let value = std::str::from_utf8(value).ok()?;
    values.next().is_none().then_some(value)
}

/// Returns the header that sets a cookie. `name` and `value` contain base64url, dots, letters and hyphens. `None` if a
/// browser would not keep a cookie of this length (RFC 6265, section 6.1).
pub fn set(name: &str, value: &str, keep: Duration) -> Option<HeaderValue> {
    if name.len() + value.len() >= LONGEST {
        return None;
    }
    let text = format!("{name}={value}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax", keep.as_secs());
    HeaderValue::from_str(&text).ok()
}

/// Returns the header that clears a cookie.
pub fn clear(name: &str) -> Option<HeaderValue> {
    set(name, "", Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_read_by_its_exact_name() {
        let headers = headers(&["a=1; __Host-session=token.x.y; b=2"]);
        assert_eq!(read(&headers, SESSION), Some("token.x.y"));
        assert_eq!(read(&headers, "session"), None);
    }

    #[test]
    fn cookies_of_one_kind_are_found_by_the_beginning_of_their_names() {
        let line = HeaderValue::from_bytes(b"t-a=1; x=t-b; t-c=; t-; t-\xe9=1; T-d=1").unwrap();
        let headers = HeaderMap::from_iter([(header::COOKIE, line)]);
        assert_eq!(names(&headers, "t-").collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn a_cookie_that_no_browser_would_keep_is_not_set() {
        assert!(set("a", &"x".repeat(4_000), Duration::ZERO).is_some());
        assert!(set("a", &"x".repeat(4_096), Duration::ZERO).is_none());
    }

    #[test]
    fn another_s_cookie_does_not_stand_in_the_way() {
        let line = HeaderValue::from_bytes(b"a=\xe9; __Host-session=token; b=\xff\xff").unwrap();
        let headers = HeaderMap::from_iter([(header::COOKIE, line)]);
        assert_eq!(read(&headers, SESSION), Some("token"));
        assert_eq!(read(&headers, "a"), None);
    }

    #[test]
    fn twice_or_too_long_is_none() {
        assert_eq!(read(&headers(&["a=1; a=2"]), "a"), None);
        assert_eq!(read(&headers(&["a=1", "a=1"]), "a"), None);
        assert_eq!(read(&headers(&[&format!("a={}", "x".repeat(5_000))]), "a"), None);
        assert_eq!(read(&headers(&["a", "=", ";;"]), "a"), None);
    }
}
