//! Reading a Worker's variables and secrets: every fault is collected, none repeats a value.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::whatwg::Url;

/// What is wrong with each variable or binding, by name. Never holds a value.
pub type SettingFaults = BTreeMap<String, String>;

/// Texts that stand where a value was forgotten.
const PLACEHOLDERS: &[&str] = &[
    "changeme",
    "change-me",
    "change_me",
    "placeholder",
    "replace",
    "todo",
    "example",
    "xxxx",
    "your-",
    "your_",
    "<",
    "${",
    "{{",
];

/// The shortest secret: 32 bytes.
pub const SHORTEST_SECRET: usize = 32;

/// Reads settings one by one, and notes what is wrong.
pub struct Settings<'a> {
    read: &'a dyn Fn(&str) -> Option<String>,
    secrets: Vec<(String, SecretString)>,
    faults: SettingFaults,
}

impl<'a> Settings<'a> {
    /// Reads through this function: the text of a variable or secret, if it is set.
    pub fn new(read: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { read, secrets: Vec::new(), faults: SettingFaults::new() }
    }

    /// A variable that must be set, parsed.
    pub fn required<T, E: ToString>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match (self.read)(name) {
            None => self.fault(name, "is missing"),
            Some(text) if text.trim().is_empty() => self.fault(name, "is blank"),
            Some(text) if is_placeholder(&text) => self.fault(name, "is a placeholder"),
            Some(text) => match parse(&text) {
                Ok(value) => Some(value),
                Err(fault) => self.fault(name, &fault.to_string()),
            },
        }
    }

    /// A variable that may be absent, but not malformed.
    pub fn optional<T, E: ToString>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        (self.read)(name).and_then(|_| self.required(name, parse))
    }

    /// Whether there is a value, sound or not.
    pub fn is_set(&self, name: &str) -> bool {
        (self.read)(name).is_some()
    }

    /// A secret of at least 32 bytes, unlike every other secret.
    pub fn secret(&mut self, name: &str) -> Option<SecretString> {
        let secret = self.required(name, |text| {
            if text.len() < SHORTEST_SECRET {
                return Err(format!("is shorter than {SHORTEST_SECRET} bytes"));
            }
            if text.bytes().any(|byte| !byte.is_ascii_graphic()) {
                return Err("has white space or other characters that no header can carry".to_owned());
            }
            Ok(SecretString::from(text))
        })?;
        let twin = self.secrets.iter().find(|(_, other)| other.expose_secret() == secret.expose_secret());
        if let Some((other, _)) = twin {
            let fault = format!("is equal to {other}");
            return self.fault(name, &fault);
        }
        self.secrets.push((name.to_owned(), secret.clone()));
        Some(secret)
    }

    /// As [`Settings::secret`], where it may be absent.
    pub fn optional_secret(&mut self, name: &str) -> Option<SecretString> {
        (self.read)(name).and_then(|_| self.secret(name))
    }

    /// A secret that must be there and, while it is being rotated, the value before, as `<name>_PREVIOUS`. Current first.
    pub fn rotating_secret(&mut self, name: &str) -> Option<Vec<SecretString>> {
        let current = self.secret(name);
        let previous = self.optional_secret(&format!("{name}_PREVIOUS"));
        Some(std::iter::once(current?).chain(previous).collect())
    }

    /// Notes a fault of anything else: a binding that is not there.
    pub fn fault<T>(&mut self, name: &str, fault: &str) -> Option<T> {
        self.faults.insert(name.to_owned(), fault.to_owned());
        None
    }

    /// # Errors
    /// Every fault that was noted.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, SettingFaults> {
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(self.faults),
        }
    }
}

fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    PLACEHOLDERS.iter().any(|placeholder| lower.starts_with(placeholder))
}

/// An issuer: an HTTPS URL with its trailing slash, as Auth0 writes it; plain HTTP only where `plain_http`.
///
/// # Errors
/// What is wrong with it.
pub fn issuer(text: &str, plain_http: bool) -> Result<String, &'static str> {
    let secure = text.starts_with("https://");
    let plain = plain_http && text.starts_with("http://");
    if !(secure || plain) {
        return Err("must start with https://");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must have no white space and be ASCII only");
    }
    let url = Url::parse(text).ok_or("must be a URL")?;
    let bare = !text.contains(['?', '#']);
    let anonymous = url.username.is_empty() && url.password.is_empty();
    if !(text.ends_with('/') && bare && anonymous) {
        return Err("must end with / and have no query, fragment, user name or password");
    }
    Ok(text.to_owned())
}

/// The origin of a website: HTTPS, or plain HTTP where `plain_http`, without a slash at its end.
///
/// # Errors
/// What is wrong with the text.
pub fn origin(text: &str, plain_http: bool) -> Result<String, &'static str> {
    // An origin is an issuer's URL without the slash.
    let url = issuer(&format!("{text}/"), plain_http)
        .ok()
        .and_then(|text| Url::parse(&text))
        .filter(|url| url.pathname == "/");
    match url {
        Some(url) if url.origin() == text => Ok(text.to_owned()),
        _ => Err(
            "must be an https origin, such as https://partner-portal.example.com, without a slash at its end",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(values: &[(&str, &str)]) -> SettingFaults {
        let read =
            |name: &str| values.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let mut settings = Settings::new(&read);
        settings.secret("A");
        settings.secret("B");
        settings.finish(Some(())).err().unwrap_or_default()
    }

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn every_fault_is_named_and_no_value_is_repeated() {
        for (value, fault) in [
            ("", "is blank"),
            ("   ", "is blank"),
            ("changeme-changeme-changeme-changeme", "is a placeholder"),
            ("<from doppler, 32 bytes or more, please>", "is a placeholder"),
            ("0123456789abcdef0123456789abcde", "is shorter than 32 bytes"),
            (
                "0123456789abcdef 0123456789abcdef",
                "has white space or other characters that no header can carry",
            ),
        ] {
            let faults = faults(&[("A", value)]);
            assert_eq!(faults.get("A").map(String::as_str), Some(fault));
            assert_eq!(faults.get("B").map(String::as_str), Some("is missing"));
            assert!(value.trim().is_empty() || !format!("{faults:?}").contains(value));
        }
    }

    #[test]
    fn two_secrets_must_differ() {
        assert_eq!(faults(&[("A", LONG), ("B", LONG)]).get("B").map(String::as_str), Some("is equal to A"));
        assert!(faults(&[("A", LONG), ("B", &LONG.replace('0', "1"))]).is_empty());
    }

    #[test]
    fn an_issuer_is_https_with_its_slash() {
        assert!(issuer("https://spk.eu.auth0.com/", false).is_ok());
        assert!(issuer("http://localhost:8788/", true).is_ok());
        for bad in [
            "http://spk.eu.auth0.com/",
            "https://spk.eu.auth0.com",
            "https://a/?b/",
            "https://u@a/",
            "spk",
            "https://",
        ] {
            assert!(issuer(bad, false).is_err(), "{bad}");
        }
    }
}
