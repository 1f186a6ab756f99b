//! A sound configuration.

pub(crate) const EVENTS_KEY: &str = "events-key-of-the-tests-0123456789abcdef";
/// 32 bytes of 0x07.
pub(crate) const SEALING_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

/// Every setting that must be there.
pub(crate) const SETTINGS: [(&str, &str); 7] = [
    ("ENVIRONMENT", "prod"),
    ("SHARDS", "1"),
    ("EVENTS_API_KEY", EVENTS_KEY),
    ("WEBHOOK_SECRETS_KEY", SEALING_KEY),
    ("RETRY_BASE_SECONDS", "5"),
    ("RETRY_CAP_SECONDS", "14400"),
    ("RETRY_WINDOW_SECONDS", "259200"),
];
