//! The Worker's variables and secrets, checked as a whole.

use std::time::Duration;

use edge::secret::SharedSecret;
use shared::courier::Operators;
use shared::delivery::policy::{DeliveryPolicy, Retention};
use shared::delivery::retry::RetryPolicy;
use shared::environment::Environment;
use shared::sealer::SealingKey;
use shared::settings::{SettingFaults, Settings, origin};
use shared::shard::ShardCount;
use shared::tenant::EmailAddress;
use shared::webhook::health::HealthPolicy;

/// Everything the Worker is configured with.
#[derive(Clone)]
pub struct Config {
    /// The environment that the Worker runs in.
    pub environment: Environment,
    /// How many databases hold the tenants.
    pub shards: ShardCount,
    /// How many pairs of Queues they share.
    pub queue_pairs: ShardCount,
    /// `EVENTS_API_KEY`
    pub events_api_key: SharedSecret,
    /// The key that opens webhook secrets.
    pub sealing_key: SealingKey,
    /// The previous sealing key, while there are values sealed with it.
    pub previous_sealing_key: Option<SealingKey>,
    /// The numbers that delivery goes by: deadlines, the retry schedule, the limits on a webhook's health.
    pub policy: DeliveryPolicy,
    /// The operators' endpoint, which is told when a webhook starts failing, is disabled, or recovers.
    pub operators: Option<Operators>,
    /// The sender of mails to members, and the portal that they lead to. `None` where nobody is mailed.
    pub mail: Option<MailSettings>,
}

/// What mails need besides the service that takes them.
#[derive(Clone)]
pub struct MailSettings {
    /// `MAIL_FROM`
    pub from: EmailAddress,
    /// `PORTAL_ORIGIN`
    pub portal_origin: String,
}

impl MailSettings {
    /// Reads both. `MAIL_FROM` alone is a fault: a mail without a way to the dashboard helps nobody.
    fn read(settings: &mut Settings<'_>, local: bool) -> Option<Self> {
        let from = settings
            .optional("MAIL_FROM", |text| EmailAddress::parse(text).map_err(|_| "must be an e-mail address"));
        let portal_origin = settings.optional("PORTAL_ORIGIN", |text| origin(text, local));
        if settings.is_set("MAIL_FROM") && !settings.is_set("PORTAL_ORIGIN") {
            return settings.fault("PORTAL_ORIGIN", "is missing, though MAIL_FROM is set");
        }
        Some(Self { from: from?, portal_origin: portal_origin? })
    }
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
        let events_api_key = settings.rotating_secret("EVENTS_API_KEY");
        let sealing_key = SealingKey::required(&mut settings, "WEBHOOK_SECRETS_KEY");
        let previous_sealing_key = SealingKey::optional(&mut settings, "WEBHOOK_SECRETS_KEY_PREVIOUS");
        let policy = policy(&mut settings);
        let operators = Operators::read(&mut settings, environment);
        // Without an environment, that fault is enough.
        let plain_http = environment.is_none_or(|environment| environment == Environment::Local);
        let mail = MailSettings::read(&mut settings, plain_http);
        let config = || {
            Some(Self {
                environment: environment?,
                shards: shards?,
                queue_pairs: queue_pairs?,
                events_api_key: SharedSecret::of(&events_api_key?),
                sealing_key: sealing_key?,
                previous_sealing_key,
                policy: policy?,
                operators,
                mail,
            })
        };
        settings.finish(config())
    }
}

/// Reads the retry schedule, which must be set, and the other numbers, which have defaults.
fn policy(settings: &mut Settings<'_>) -> Option<DeliveryPolicy> {
    let base = settings.required("RETRY_BASE_SECONDS", seconds);
    let cap = settings.required("RETRY_CAP_SECONDS", seconds);
    let window = settings.required("RETRY_WINDOW_SECONDS", seconds);
    let retry = || Some(RetryPolicy::new(base?, cap?, window?));
    let retry = retry().and_then(|retry| match retry {
        Ok(retry) => Some(retry),
        Err(fault) => {
            let names = "RETRY_BASE_SECONDS, RETRY_CAP_SECONDS, RETRY_WINDOW_SECONDS";
            settings.fault(names, &fault.to_string())
        }
    });
    let default = DeliveryPolicy::default();
    let kept = default.retention;
    let retention = Retention {
        delivered: kept_for(settings, "DELIVERED_KEPT_DAYS", DAY, 1, kept.delivered),
        undelivered: kept_for(settings, "UNDELIVERED_KEPT_DAYS", DAY, 1, kept.undelivered),
        delivered_bodies: kept_for(settings, "DELIVERED_BODIES_KEPT_HOURS", HOUR, 0, kept.delivered_bodies),
    };
    let mut duration = |name: &str, otherwise: Duration| {
        settings.optional(name, seconds).map_or(otherwise, |seconds| Duration::from_secs(seconds.into()))
    };
    let policy = DeliveryPolicy {
        retention,
        attempt_timeout: duration("ATTEMPT_TIMEOUT_SECONDS", default.attempt_timeout),
        health: HealthPolicy {
            first_probe: duration("FIRST_PROBE_SECONDS", default.health.first_probe),
            longest_probe: duration("LONGEST_PROBE_SECONDS", default.health.longest_probe),
            disabled_after: duration("DISABLE_AFTER_SECONDS", default.health.disabled_after),
            ..default.health
        },
        ..default
    };
    retry.map(|retry| DeliveryPolicy { retry, ..policy })
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Reads for how many units something is kept: at least `least`, and a year at most.
fn kept_for(
    settings: &mut Settings<'_>,
    name: &str,
    unit: Duration,
    least: u32,
    otherwise: Duration,
) -> Duration {
    let most = 365 * 86_400 / u32::try_from(unit.as_secs()).unwrap_or(u32::MAX);
    let read = |text: &str| {
        let good = text.parse::<u32>().ok().filter(|count| (least..=most).contains(count));
        good.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
    };
    settings.optional(name, read).map_or(otherwise, |count| unit * count)
}

fn seconds(text: &str) -> Result<u32, &'static str> {
    let good = text.parse::<u32>().ok().filter(|seconds| *seconds > 0);
    good.ok_or("must be whole seconds, at least 1")
}
