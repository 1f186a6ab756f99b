//! The Worker's variables and secrets, checked as a whole.

use edge::secret::SharedSecret;
use secrecy::SecretString;
use shared::environment::Environment;
use shared::sealer::SealingKey;
use shared::settings::{SettingFaults, Settings, issuer};
use shared::shard::ShardCount;

/// Everything the Worker is configured with.
#[derive(Clone)]
pub struct Config {
    /// The environment that the Worker runs in.
    pub environment: Environment,
    /// How many databases hold the tenants.
    pub shards: ShardCount,
    /// How many pairs of Queues they share.
    pub queue_pairs: ShardCount,
    /// `ADMIN_API_KEY`
    pub admin_api_key: SharedSecret,
    /// The secret that signs the portal's service tokens; while it is being rotated, also the one before.
    pub service_jwt_secrets: Vec<SecretString>,
    /// The key that seals webhook secrets.
    pub sealing_key: SealingKey,
    /// The previous sealing key, while there are values sealed with it.
    pub previous_sealing_key: Option<SealingKey>,
    /// The issuer of admins' tokens, with its trailing slash.
    pub issuer: String,
    /// The audience that admins' tokens must name in `aud`.
    pub audience: String,
    /// The claim that holds the e-mail address.
    pub email_claim: String,
}

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// What is wrong with each setting, by its name.
    pub fn read(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingFaults> {
        let mut settings = Settings::new(read);
        let environment = settings.required("ENVIRONMENT", str::parse::<Environment>);
        let shards = ShardCount::read(&mut settings);
        let queue_pairs = ShardCount::read_pairs(&mut settings, shards);
        let local = environment == Some(Environment::Local);
        let admin_api_key = settings.rotating_secret("ADMIN_API_KEY");
        let service_jwt_secrets = settings.rotating_secret("SERVICE_JWT_SECRET");
        let sealing_key = SealingKey::required(&mut settings, "WEBHOOK_SECRETS_KEY");
        let previous_sealing_key = SealingKey::optional(&mut settings, "WEBHOOK_SECRETS_KEY_PREVIOUS");
        let issuer = settings.required("AUTH0_ISSUER", |text| issuer(text, local));
        let audience = settings.required("AUTH0_AUDIENCE", text);
        let email_claim = settings.optional("ADMIN_EMAIL_CLAIM", text).unwrap_or_else(|| "email".to_owned());
        let config = || {
            Some(Self {
                environment: environment?,
                shards: shards?,
                queue_pairs: queue_pairs?,
                admin_api_key: SharedSecret::of(&admin_api_key?),
                service_jwt_secrets: service_jwt_secrets?,
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

/// A text without white space: it is compared to the letter, and a stray space would shut everybody out.
fn text(value: &str) -> Result<String, &'static str> {
    let stray = |character: char| character.is_whitespace() || character.is_control();
    if value.contains(stray) { Err("must have no white space") } else { Ok(value.to_owned()) }
}
