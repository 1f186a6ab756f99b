//! The Worker's variables and secrets, checked as a whole.

use edge::secret::SecretDigest;
use secrecy::SecretString;
use shared::environment::Environment;
use shared::sealer::SealingKey;
use shared::settings::{SettingFaults, Settings, issuer};

/// Everything the Worker is configured with.
#[derive(Clone)]
pub struct Config {
    /// Where it runs.
    pub environment: Environment,
    /// `ADMIN_API_KEY`, as the digest it is compared by.
    pub admin_api_key: SecretDigest,
    /// Signs the portal's service tokens.
    pub service_jwt_secret: SecretString,
    /// Seals webhook secrets.
    pub sealing_key: SealingKey,
    /// The key before, while values sealed with it are still about.
    pub previous_sealing_key: Option<SealingKey>,
    /// The issuer of admins' tokens, with its trailing slash.
    pub issuer: String,
    /// What their `aud` must name.
    pub audience: String,
    /// The claim that holds the e-mail address.
    pub email_claim: String,
}

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// All that is missing or malformed, by name.
    pub fn read(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingFaults> {
        let mut settings = Settings::new(read);
        let environment = settings.required("ENVIRONMENT", str::parse::<Environment>);
        let local = environment == Some(Environment::Local);
        let admin_api_key = settings.secret("ADMIN_API_KEY");
        let service_jwt_secret = settings.secret("SERVICE_JWT_SECRET");
        let sealing_key = SealingKey::required(&mut settings, "WEBHOOK_SECRETS_KEY");
        let previous_sealing_key = SealingKey::optional(&mut settings, "WEBHOOK_SECRETS_KEY_PREVIOUS");
        let issuer = settings.required("AUTH0_ISSUER", |text| issuer(text, local));
        let audience = settings.required("AUTH0_AUDIENCE", text);
        let email_claim = settings.optional("ADMIN_EMAIL_CLAIM", text).unwrap_or_else(|| "email".to_owned());
        let config = || {
            Some(Self {
                environment: environment?,
                admin_api_key: SecretDigest::of(&admin_api_key?),
                service_jwt_secret: service_jwt_secret?,
                sealing_key: sealing_key?,
                previous_sealing_key,
                issuer: issuer?,
                audience: audience?,
                email_claim,
            })
        };
        settings.finish(config())
    }
}

/// A text that is compared to the letter, so that a stray space would shut everybody out.
fn text(value: &str) -> Result<String, &'static str> {
    let stray = |character: char| character.is_whitespace() || character.is_control();
    if value.contains(stray) { Err("must have no white space") } else { Ok(value.to_owned()) }
}
