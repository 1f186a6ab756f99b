//! The Worker's variables and secrets, checked as a whole.

use edge::secret::SecretDigest;
use shared::app::sealer::SealingKey;
use shared::delivery::retry::RetryPolicy;
use shared::environment::Environment;
use shared::settings::{SettingFaults, Settings};

/// Everything the Worker is configured with.
#[derive(Clone)]
pub struct Config {
    /// Where it runs.
    pub environment: Environment,
    /// `EVENTS_API_KEY`, as the digest it is compared by.
    pub events_api_key: SecretDigest,
    /// Opens webhook secrets.
    pub sealing_key: SealingKey,
    /// The key before, while values sealed with it are still about.
    pub previous_sealing_key: Option<SealingKey>,
    /// When failed deliveries are tried again.
    pub policy: RetryPolicy,
}

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// All that is missing or malformed, by name.
    pub fn read(read: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingFaults> {
        let mut settings = Settings::new(read);
        let environment = settings.required("ENVIRONMENT", str::parse::<Environment>);
        let events_api_key = settings.secret("EVENTS_API_KEY");
        let sealing_key = SealingKey::required(&mut settings, "WEBHOOK_SECRETS_KEY");
        let previous_sealing_key = SealingKey::optional(&mut settings, "WEBHOOK_SECRETS_KEY_PREVIOUS");
        let mut seconds = |name: &str| {
            settings.required(name, |text| text.parse::<u32>().map_err(|_| "must be whole seconds"))
        };
        let base = seconds("RETRY_BASE_SECONDS");
        let cap = seconds("RETRY_CAP_SECONDS");
        let window = seconds("RETRY_WINDOW_SECONDS");
        let policy = base.zip(cap).zip(window).and_then(|((base, cap), window)| {
            match RetryPolicy::new(base, cap, window) {
                Ok(policy) => Some(policy),
                Err(fault) => settings
                    .fault("RETRY_BASE_SECONDS, RETRY_CAP_SECONDS, RETRY_WINDOW_SECONDS", &fault.to_string()),
            }
        });
        let config = environment.zip(events_api_key).zip(sealing_key).zip(policy).map(
            |(((environment, events_api_key), sealing_key), policy)| Self {
                environment,
                events_api_key: SecretDigest::of(&events_api_key),
                sealing_key,
                previous_sealing_key,
                policy,
            },
        );
        settings.finish(config)
    }
}
