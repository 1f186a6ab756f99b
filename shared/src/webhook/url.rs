//! A webhook's URL: which ones we are willing to call.
//!
//! Whoever sets a URL makes us send requests, so this is our guard against server-side request forgery. The
//! rules are those of Svix and Smokescreen made stricter: no IP literal in any spelling, only names in the
//! public DNS. Three steps, each alone enough for most attacks: the raw text (before a parser can forgive
//! anything), the WHATWG URL parser (the one Workers use, IDNA mapping included), the host it found. What a
//! public name resolves to is the platform's to guard, by `global_fetch_strictly_public`.

use std::fmt;
use std::net::Ipv4Addr;

use super::public_host;
use crate::text::is_visible;
use crate::whatwg::Url;
use serde::{Serialize, Serializer};

/// The longest URL, in characters as given and in bytes as stored.
pub const MAX_URL_LENGTH: usize = 2048;

/// What depends on the environment; see [`crate::environment::Environment::webhook_url_rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlRules {
    /// `http://` is accepted too, and port 80 with it.
    pub plain_http: bool,
    /// Loopback and private hosts, IP literals, our own zones and any port are accepted.
    pub private_hosts: bool,
    /// Names that are refused with everything below them, in lower case, unless `private_hosts`.
    pub own_zones: &'static [&'static str],
}

/// Why a URL is refused. `Display` is the field's message to the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// The empty text.
    #[error("must not be empty")]
    Empty,
    /// Above [`MAX_URL_LENGTH`], as given or once normalised.
    #[error("must be at most {MAX_URL_LENGTH} characters, also once percent-encoded")]
    TooLong,
    /// White space, control or invisible characters, anywhere.
    #[error("must not contain white space, control or invisible characters")]
    ForbiddenCharacter,
    /// Parsers disagree whether it is a slash.
    #[error("must not contain a backslash")]
    Backslash,
    /// Does not start with `https://`.
    #[error("must use https")]
    NotHttps,
    /// Does not start with `https://` or `http://`, where both are accepted.
    #[error("must use https or http")]
    NotHttp,
    /// `user:password@`, or only the `@`.
    #[error("must not contain user name or password")]
    UserInfo,
    /// A `#`, even with nothing behind it.
    #[error("must not contain a fragment (#)")]
    Fragment,
    /// Nothing between `//` and the port, path or query.
    #[error("must name a host")]
    NoHost,
    /// A `%` in the host.
    #[error("must not percent-encode its host")]
    EncodedHost,
    /// Any port but the accepted ones.
    #[error("must use port 443 or a port from 1024 to 65535")]
    Port,
    /// An IPv4 or IPv6 address in any spelling.
    #[error("must name a host, not an IP address")]
    IpAddress,
    /// Not a DNS host name: empty or over-long labels, characters other than letters, digits and hyphens.
    #[error("must name a valid host: labels of 1 to 63 letters, digits and hyphens, at most 253 characters")]
    HostName,
    /// A valid name that is not in the public DNS.
    #[error("must name a host in the public DNS; {0} is not")]
    PrivateHost(String),
    /// A name below which anybody can have a name.
    #[error(
        "must name a host of its own; {0} is a public suffix, below which names belong to different owners"
    )]
    PublicSuffix(String),
    /// One of our own names.
    #[error("must not point to SmartphoneKey's own hosts")]
    OwnZone,
}

/// A URL that passed every rule, normalised: lower-case ASCII host (punycode), default port left out, path
/// and query percent-encoded. It cannot be deserialised: [`WebhookUrl::parse`] is the only way to one, at
/// each write and again before each request.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WebhookUrl {
    href: String,
    host: String,
}

impl WebhookUrl {
    /// Checks and normalises `raw`. Parsing the result again gives the same.
    ///
    /// # Errors
    ///
    /// The first rule that `raw` breaks.
    pub fn parse(raw: &str, rules: &UrlRules) -> Result<Self, UrlFault> {
        let url = Self::read(raw, rules)?;
        if !rules.private_hosts {
            public_host::check_public(&url.host, rules.own_zones)?;
        }
        Ok(url)
    }

    /// Checks and normalises what a person typed, by every rule but that the host is public: for that the Worker would carry
    /// the list of public suffixes, and the Admin API, which gets the URL next, has it.
    ///
    /// # Errors
    ///
    /// The first rule that `raw` breaks.
    pub fn normalised(raw: &str, rules: &UrlRules) -> Result<String, UrlFault> {
        Self::read(raw, rules).map(|url| url.href)
    }

    fn read(raw: &str, rules: &UrlRules) -> Result<Self, UrlFault> {
        check_raw(raw, rules)?;
        let url = Url::parse(raw).ok_or_else(|| why_unreadable(raw))?;
        check_parsed(&url, rules)?;
        check_host(&url.hostname, rules)?;
        Ok(Self { href: url.href, host: url.hostname })
    }

    /// The normalised URL.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.href
    }

    /// The host alone, without port; an IPv6 address (`local` only) in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.href)
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebhookUrl").field(&self.href).finish()
    }
}

impl Serialize for WebhookUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.href)
    }
}

/// The rules on the text as it came. The WHATWG parser strips white space, drops tabs and line ends, turns
/// `\` into `/` and takes any number of slashes, so none of that may reach it.
fn check_raw(raw: &str, rules: &UrlRules) -> Result<(), UrlFault> {
    if raw.is_empty() {
        return Err(UrlFault::Empty);
    }
    if raw.chars().count() > MAX_URL_LENGTH {
        return Err(UrlFault::TooLong);
    }
    // In a URL, characters that show nothing are either a slip in copying or a trick. (A name that needs a joiner can be given
    // in punycode.)
    if !raw.chars().all(is_visible) {
        return Err(UrlFault::ForbiddenCharacter);
    }
    if raw.contains('\\') {
        return Err(UrlFault::Backslash);
    }
    let rest = match (strip_scheme(raw, "https://"), strip_scheme(raw, "http://"), rules.plain_http) {
        (Some(rest), _, _) | (None, Some(rest), true) => rest,
        (None, _, true) => return Err(UrlFault::NotHttp),
        (None, _, false) => return Err(UrlFault::NotHttps),
    };
    if raw.contains('#') {
        return Err(UrlFault::Fragment);
    }
    let authority = authority(rest);
    if authority.contains('@') {
        return Err(UrlFault::UserInfo);
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err(UrlFault::NoHost);
    }
    if authority.contains(['[', ']']) && !rules.private_hosts {
        return Err(UrlFault::IpAddress);
    }
    if authority.contains('%') {
        return Err(UrlFault::EncodedHost);
    }
    if authority.ends_with(':') {
        return Err(UrlFault::Port);
    }
    Ok(())
}

fn authority(after_scheme: &str) -> &str {
    after_scheme.split(['/', '?']).next().unwrap_or_default()
}

/// Why the parser does not read a text that [`check_raw`] passed: for its port or its host, all else can be read.
fn why_unreadable(raw: &str) -> UrlFault {
    let authority = authority(raw.split_once("://").map_or(raw, |(_, rest)| rest));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let last_label = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let is_number = last_label.starts_with("0x") || last_label.bytes().all(|byte| byte.is_ascii_digit());
    match port {
        Some(port) if port.parse::<u16>().is_err() => UrlFault::Port,
        _ if host.starts_with('[') || is_number => UrlFault::IpAddress,
        _ => UrlFault::HostName,
    }
}

fn strip_scheme<'a>(raw: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = raw.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// The rules on the parsed URL. Some repeat the raw ones, so that neither step has to trust the other.
fn check_parsed(url: &Url, rules: &UrlRules) -> Result<(), UrlFault> {
    match url.protocol.as_str() {
        "https:" => {}
        "http:" if rules.plain_http => {}
        _ if rules.plain_http => return Err(UrlFault::NotHttp),
        _ => return Err(UrlFault::NotHttps),
    }
    if !url.username.is_empty() || !url.password.is_empty() {
        return Err(UrlFault::UserInfo);
    }
    if !url.hash.is_empty() {
        return Err(UrlFault::Fragment);
    }
    if url.href.len() > MAX_URL_LENGTH {
        return Err(UrlFault::TooLong);
    }
    match url.port.parse() {
        // The scheme's own: 443, or 80 of plain HTTP.
        _ if url.port.is_empty() => Ok(()),
        Ok(443 | 1024..=u16::MAX) => Ok(()),
        Ok(1..) if rules.private_hosts => Ok(()),
        _ => Err(UrlFault::Port),
    }
}

/// The host after IDNA mapping and the parser's reading of IPv4 in all its spellings.
fn check_host(host: &str, rules: &UrlRules) -> Result<(), UrlFault> {
    let is_address = host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok();
    match is_address {
        true if rules.private_hosts => Ok(()),
        true => Err(UrlFault::IpAddress),
        false if host.is_empty() => Err(UrlFault::NoHost),
        false => public_host::check_syntax(host),
    }
}

#[cfg(test)]
mod tests;
