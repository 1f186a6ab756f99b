//! Cookies, in and out. The names of the portal's cookies begin with `__Host-`: browsers send them to this host alone, over
//! TLS alone.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

/// The session.
pub const SESSION: &str = "__Host-session";
/// A sign-in under way.
pub const TRANSACTION: &str = "__Host-transaction";
/// The key that opens an API key which nobody has read yet.
pub const UNREAD_KEY: &str = "__Host-unread-key";
/// A cookie without meaning, which changes while a page shows an API key.
pub const SHOWN: &str = "__Host-shown";
/// The notice that the next page shows.
pub const NOTICE: &str = "__Host-notice";

/// The longest value that the portal reads.
const LONGEST: usize = 4096;

/// Returns the value of a cookie; `None` if the cookie is absent, too long, or sent twice.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // Cookies of others on the same line may contain any bytes.
    let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    let mut values = pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let value = values.next().filter(|value| value.len() <= LONGEST)?;
    let value = std::str::from_utf8(value).ok()?;
    values.next().is_none().then_some(value)
}

/// Returns the header that sets a cookie. `value` contains base64url, dots, letters and hyphens.
pub fn set(name: &str, value: &str, keep: Duration) -> Option<HeaderValue> {
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
