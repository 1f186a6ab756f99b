//! Cookies, in and out. All of ours are `__Host-`: of this host alone, over TLS alone.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};

/// The session.
pub const SESSION: &str = "__Host-session";
/// A sign-in on its way to the provider and back.
pub const TRANSACTION: &str = "__Host-transaction";
/// What opens an API key that was issued and not looked at yet.
pub const UNREAD_KEY: &str = "__Host-unread-key";
/// Changes while a page shows a key, and means nothing.
pub const SHOWN: &str = "__Host-shown";
/// What the next page says about the form that was just sent.
pub const NOTICE: &str = "__Host-notice";

/// The longest value that is looked at.
const LONGEST: usize = 4096;

/// The value of a cookie; nothing where it is absent, too long, or there twice.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let value = values.next().filter(|value| value.len() <= LONGEST)?;
    values.next().is_none().then_some(value)
}

/// Sets a cookie. `value` is of base64url, dots, letters and hyphens.
pub fn set(name: &str, value: &str, keep: Duration) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; Max-Age={}; Secure; HttpOnly; SameSite=Lax", keep.as_secs());
    HeaderValue::from_str(&text).ok()
}

/// Takes a cookie away.
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
    fn twice_or_too_long_is_none() {
        assert_eq!(read(&headers(&["a=1; a=2"]), "a"), None);
        assert_eq!(read(&headers(&["a=1", "a=1"]), "a"), None);
        assert_eq!(read(&headers(&[&format!("a={}", "x".repeat(5_000))]), "a"), None);
        assert_eq!(read(&headers(&["a", "=", ";;"]), "a"), None);
    }
}
