//! A sound configuration.

pub(crate) const ADMIN_KEY: &str = "admin-key-of-the-tests-0123456789abcdef";
pub(crate) const SERVICE_SECRET: &str = "service-secret-of-the-tests-0123456789";
pub(crate) const ISSUER: &str = "https://issuer.smartphonekey.test/";
pub(crate) const AUDIENCE: &str = "https://admin-api.smartphonekey.test";

/// Every setting that must be there.
pub(crate) const SETTINGS: [(&str, &str); 7] = [
    ("ENVIRONMENT", "prod"),
    ("SHARDS", "1"),
    ("ADMIN_API_KEY", ADMIN_KEY),
    ("SERVICE_JWT_SECRET", SERVICE_SECRET),
    // 32 bytes of 0x07.
    ("WEBHOOK_SECRETS_KEY", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="),
    ("AUTH0_ISSUER", ISSUER),
    ("AUTH0_AUDIENCE", AUDIENCE),
];
