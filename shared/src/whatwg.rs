//! URLs as the WHATWG standard reads them. In a Worker the runtime's own parser does, the one that `fetch` uses: so nothing can
//! be read in two ways, and the Wasm has no tables of Unicode. Elsewhere the crate `url` does, by the same standard.

/// A URL in its parts, named as in JavaScript.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// The whole, normalised.
    pub href: String,
    /// The scheme with its colon.
    pub protocol: String,
    /// Empty where there is none.
    pub username: String,
    /// Empty where there is none.
    pub password: String,
    /// The host in lower-case ASCII; an IPv6 address in brackets.
    pub hostname: String,
    /// Empty where there is none, or where the scheme needs none.
    pub port: String,
    /// From the first slash on.
    pub pathname: String,
    /// With its question mark; empty where there is nothing after it.
    pub search: String,
    /// With its `#`; empty where there is nothing after it.
    pub hash: String,
}

impl Url {
    /// Reads an absolute URL. `None` where the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let read = parser::read(text)?;
        let mut parts = read.split('\n').map(str::to_owned);
        let mut part = || parts.next().unwrap_or_default();
        Some(Self {
            href: part(),
            protocol: part(),
            username: part(),
            password: part(),
            hostname: part(),
            port: part(),
            pathname: part(),
            search: part(),
            hash: part(),
        })
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> String {
        let colon = if self.port.is_empty() { "" } else { ":" };
        format!("{}//{}{colon}{}", self.protocol, self.hostname, self.port)
    }
}

#[cfg(target_arch = "wasm32")]
mod parser {
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen(module = "/src/whatwg.js")]
    extern "C" {
        pub(super) fn read(text: &str) -> Option<String>;
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod parser {
    use url::{Url, quirks};

    pub(super) fn read(text: &str) -> Option<String> {
        let url = Url::parse(text).ok()?;
        let parts = [
            quirks::href(&url),
            quirks::protocol(&url),
            quirks::username(&url),
            quirks::password(&url),
            quirks::hostname(&url),
            quirks::port(&url),
            quirks::pathname(&url),
            quirks::search(&url),
            quirks::hash(&url),
        ];
        Some(parts.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_in_its_parts() {
        let url = Url::parse("HTTPS://u:p@Ex\u{e4}mple.com:8443/a/../b c?d\u{e4}#e").unwrap();
        let expected = Url {
            href: "https://u:p@xn--exmple-cua.com:8443/b%20c?d%C3%A4#e".into(),
            protocol: "https:".into(),
            username: "u".into(),
            password: "p".into(),
            hostname: "xn--exmple-cua.com".into(),
            port: "8443".into(),
            pathname: "/b%20c".into(),
            search: "?d%C3%A4".into(),
            hash: "#e".into(),
        };
        assert_eq!(url, expected);
        assert_eq!(url.origin(), "https://xn--exmple-cua.com:8443");
    }

    #[test]
    fn what_is_not_there_is_empty_and_what_is_no_url_is_none() {
        let url = Url::parse("http://[::1]:80?").unwrap();
        let expected = Url {
            href: "http://[::1]/?".into(),
            protocol: "http:".into(),
            hostname: "[::1]".into(),
            pathname: "/".into(),
            ..Url::default()
        };
        assert_eq!((url.origin().as_str(), url), ("http://[::1]", expected));
        for text in [
            "",
            "/a",
            "example.com",
            "https://",
            "https://a:b/",
            "https://a\u{ff20}b.com/",
            "https://1.2.3.4.5/",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
    }
}
