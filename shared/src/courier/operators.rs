//! Who is told of a webhook's troubles besides its owner.

use secrecy::ExposeSecret;

use crate::environment::Environment;
use crate::settings::Settings;
use crate::webhook::signing::SigningSecret;
use crate::webhook::url::WebhookUrl;

/// Where operators listen.
#[derive(Clone)]
pub struct Operators {
    /// `OPS_WEBHOOK_URL`
    pub url: String,
    /// `OPS_WEBHOOK_SECRET`, by which the notices are signed as webhooks are.
    pub secret: SigningSecret,
}

impl Operators {
    /// The setting that holds their address.
    pub const URL: &str = "OPS_WEBHOOK_URL";
    /// The setting that holds their secret.
    pub const SECRET: &str = "OPS_WEBHOOK_SECRET";

    /// Both or none: a notice that nobody can check is not worth sending, and a secret alone is a URL forgotten.
    pub fn read(settings: &mut Settings<'_>, environment: Option<Environment>) -> Option<Self> {
        match (settings.is_set(Self::URL), settings.is_set(Self::SECRET)) {
            (false, false) => None,
            (true, false) => settings.fault(Self::SECRET, "is missing, though OPS_WEBHOOK_URL is set"),
            (false, true) => settings.fault(Self::URL, "is missing, though OPS_WEBHOOK_SECRET is set"),
            (true, true) => {
                let secret = settings.secret(Self::SECRET).and_then(|text| {
                    let parsed = SigningSecret::parse(text.expose_secret());
                    parsed.map_or_else(|fault| settings.fault(Self::SECRET, &fault.to_string()), Some)
                });
                let rules = environment?.webhook_url_rules();
                let url = settings.required(Self::URL, |text| WebhookUrl::parse(text, &rules));
                url.zip(secret).map(|(url, secret)| Self { url: url.as_str().to_owned(), secret })
            }
        }
    }
}
