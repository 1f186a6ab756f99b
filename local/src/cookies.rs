//! The cookies of a client that signs in without a browser.

use std::collections::BTreeMap;

use http::{HeaderMap, header};

/// The cookies that one site has set, by name.
#[derive(Clone, Default)]
pub struct Cookies(pub BTreeMap<String, String>);

impl Cookies {
    /// Keeps the cookies that an answer sets, and forgets those that the answer empties or ends.
    pub fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all(header::SET_COOKIE) {
            let line = line.to_str().unwrap_or_default();
            let (pair, attributes) = line.split_once(';').unwrap_or((line, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            let has_ended = attributes.split(';').any(|attribute| attribute.trim() == "Max-Age=0");
            if value.is_empty() || has_ended {
                self.0.remove(name);
            } else {
                self.0.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The value of the header `Cookie`.
    #[must_use]
    pub fn header(&self) -> String {
        let pairs: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn cookies_are_kept_until_they_are_emptied_or_end() {
        let mut cookies = Cookies::default();
        let set = |line| HeaderMap::from_iter([(header::SET_COOKIE, HeaderValue::from_static(line))]);
        cookies.keep(&set("a=1; Path=/; Max-Age=60"));
        cookies.keep(&set("b=2=3"));
        cookies.keep(&set("c=4; Secure"));
        assert_eq!(cookies.header(), "a=1; b=2=3; c=4");
        cookies.keep(&set("a=; Max-Age=0"));
        cookies.keep(&set("c=x; Max-Age=0; Path=/"));
        assert_eq!(cookies.header(), "b=2=3");
    }
}
