//! A sound configuration.

pub(crate) const EVENTS_KEY: &str = "events-key-of-the-tests-0123456789abcdef";

/// The value of a variable or secret, as every test has it that does not care.
pub(crate) fn setting(name: &str) -> Option<String> {
    let value = match name {
        "ENVIRONMENT" => "prod",
        "EVENTS_API_KEY" => EVENTS_KEY,
        // 32 bytes of 0x07.
        "WEBHOOK_SECRETS_KEY" => "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "RETRY_BASE_SECONDS" => "5",
        "RETRY_CAP_SECONDS" => "14400",
        "RETRY_WINDOW_SECONDS" => "259200",
        _ => return None,
    };
    Some(value.to_owned())
}
