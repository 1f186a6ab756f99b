//! A sound configuration.

pub(crate) const ADMIN_KEY: &str = "admin-key-of-the-tests-0123456789abcdef";
pub(crate) const SERVICE_SECRET: &str = "service-secret-of-the-tests-0123456789";
pub(crate) const ISSUER: &str = "https://issuer.smartphonekey.test/";
pub(crate) const AUDIENCE: &str = "https://admin-api.smartphonekey.test";

/// The value of a variable or secret, as every test has it that does not care.
pub(crate) fn setting(name: &str) -> Option<String> {
    let value = match name {
        "ENVIRONMENT" => "prod",
        "ADMIN_API_KEY" => ADMIN_KEY,
        "SERVICE_JWT_SECRET" => SERVICE_SECRET,
        // 32 bytes of 0x07.
        "WEBHOOK_SECRETS_KEY" => "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        "AUTH0_ISSUER" => ISSUER,
        "AUTH0_AUDIENCE" => AUDIENCE,
        _ => return None,
    };
    Some(value.to_owned())
}
