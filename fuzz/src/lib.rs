//! What reads texts of strangers, tried with any bytes. Each target says what must hold of whatever is accepted, and panics
//! where that does not hold. `cargo xtask test` tries a bounded number of inputs natively (`tests/bounded.rs`), `cargo xtask
//! fuzz` lets libFuzzer search for longer (`libfuzzer/`). Both begin with the inputs in `corpus/`.
#![allow(clippy::panic, reason = "a target reports by panicking")]

use fluent_uri::Uri;
use http::{HeaderMap, HeaderValue, header};
use partner_portal::cookies;
use secrecy::SecretString;
use serde_json::Value;
use shared::cursor::Cursor;
use shared::delivery::excerpt::Redactor;
use shared::delivery::retry_after::parse_retry_after;
use shared::environment::Environment;
use shared::event::envelope::Event;
use shared::strict_json;
use shared::text::{Printable, is_printable};
use shared::webhook::authentication::HeaderName;
use shared::webhook::url::WebhookUrl;

/// One reader of texts of strangers.
pub struct Target {
    /// As its corpus is named.
    pub name: &'static str,
    /// Tries one input.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 9] = [
    Target { name: "strict_json", run: strict_json },
    Target { name: "envelope", run: envelope },
    Target { name: "webhook_url", run: webhook_url },
    Target { name: "header_name", run: header_name },
    Target { name: "cookies", run: cookies },
    Target { name: "cursor", run: cursor },
    Target { name: "retry_after", run: retry_after },
    Target { name: "token", run: token },
    Target { name: "excerpt", run: excerpt },
];

/// Tries one input with the target of a name.
///
/// # Panics
/// Where something does not hold that must, and where there is no such target.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    match target {
        Some(target) => (target.run)(input),
        None => panic!("there is no target {name}"),
    }
}

/// Another parser takes what the strict one takes, and what that writes is strict again.
fn strict_json(input: &[u8]) {
    if strict_json::check(input).is_ok() {
        let value: Result<Value, _> = serde_json::from_slice(input);
        let written = value.map(|value| value.to_string());
        assert!(written.is_ok_and(|text| strict_json::check(text.as_bytes()).is_ok()));
    }
}

/// An event keeps its bytes, and its id and type can be printed.
fn envelope(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(event) = Event::parse(text) {
        assert_eq!(&*event.body, text);
        assert!(event.id.as_str().bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(event.event_type.as_str().chars().all(is_printable));
        assert!(!event.partner_id.is_empty());
    }
}

/// What our parser accepts means the same to a second, independent parser: scheme, host, port and nothing before or behind.
fn webhook_url(input: &[u8]) {
    let Ok(raw) = std::str::from_utf8(input) else { return };
    let rules = Environment::Prod.webhook_url_rules();
    let Ok(url) = WebhookUrl::parse(raw, &rules) else { return };
    assert_eq!(WebhookUrl::parse(url.as_str(), &rules).as_ref(), Ok(&url), "{raw}");
    let port = |authority: &str| authority.rsplit_once(':').map_or("443", |(_, port)| port).to_owned();
    for text in [url.as_str(), raw] {
        // By RFC 3986 there is neither IDNA nor any of the characters that WHATWG encodes: of the raw text only the host.
        let end =
            text.bytes().enumerate().skip("https://".len()).find(|(_, byte)| matches!(byte, b'/' | b'?'));
        let end = end.map_or(text.len(), |(at, _)| at);
        let Ok(parsed) = Uri::parse(text).or_else(|_| Uri::parse(&text[..end])) else {
            assert!(!text.is_ascii(), "{raw}: only the first parser takes the host of {text}");
            continue;
        };
        let authority = parsed.authority();
        assert!(parsed.scheme().as_str().eq_ignore_ascii_case("https"), "{raw}");
        assert!(authority.is_some_and(|authority| authority.userinfo().is_none()), "{raw}");
        let host = authority.map(|authority| authority.host().to_ascii_lowercase());
        if text.is_ascii() {
            assert_eq!(host.as_deref().unwrap_or_default().trim_end_matches('.'), url.host(), "{raw}");
            let ports = [
                authority.map_or("", |authority| authority.as_str()),
                url.as_str()[8..].split(['/', '?']).next().unwrap_or_default(),
            ];
            let [theirs, ours] = ports.map(port);
            assert_eq!(theirs.trim_start_matches('0'), ours.trim_start_matches('0'), "{raw}");
        }
        assert!(parsed.fragment().is_none(), "{raw}");
    }
}

/// HTTP takes the name, and servers that fold punctuation see no other verdict.
fn header_name(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(name) = HeaderName::parse(text) {
        let name = name.as_str();
        assert!(http::HeaderName::from_bytes(name.as_bytes()).is_ok(), "{name}");
        for folded in ["-", "_", "."].map(|mark| name.replace(['-', '_', '.'], mark)) {
            assert!(
                HeaderName::parse(&folded).is_ok() && HeaderName::parse(&folded.to_uppercase()).is_ok(),
                "{name}"
            );
        }
    }
}

/// A cookie is a part of the header, and short.
fn cookies(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else { return };
    let headers = HeaderMap::from_iter([(header::COOKIE, value)]);
    for name in [cookies::SESSION, cookies::SHOWN, "a"] {
        if let Some(found) = cookies::read(&headers, name) {
            let pair = format!("{name}={found}");
            assert!(found.len() <= 4_096 && input.windows(pair.len()).any(|part| part == pair.as_bytes()));
        }
    }
    let _ = cookies::names(&headers, cookies::TRANSACTION).count();
}

/// A cursor that is read is written again as it was meant.
fn cursor(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(cursor) = Cursor::<(i64, String)>::parse(text) {
        assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor));
    }
}

/// Nobody can have us wait for longer than an hour.
fn retry_after(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for now in [0, 1_775_124_000_000, i64::MAX / 2] {
        assert!(parse_retry_after(text, now).is_none_or(|wait| wait.as_secs() <= 3_600));
    }
}

/// What is taken for a token brings no key of its own, and names each member once.
fn token(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if edge::oidc::parse(text).is_ok() {
        assert!(text.split('.').count() == 3 && text.is_ascii() && text.len() <= 16 * 1024, "{text}");
    }
}

/// No text of an endpoint shows a secret, and what is kept of the text can be printed.
fn excerpt(input: &[u8]) {
    const SECRET: &str = "s3cr3t/Token+of=a%41partner";
    let text = String::from_utf8_lossy(input);
    for text in [text.to_string(), format!("{text}{SECRET}"), format!("{text}{SECRET}{text}")] {
        let kept = Printable::from(Redactor::of(&[SecretString::from(SECRET)]).redact(&text));
        assert!(!kept.contains(SECRET) && kept.chars().all(is_printable), "{text:?}");
    }
}
