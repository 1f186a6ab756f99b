//! Misconfiguration (spec: Adversarial cases): whatever is wrong is named, and no value is repeated.

use std::time::Duration;

use edge::testing::settings::{Configuration, PLACEHOLDERS};
use shared::delivery::policy::Retention;
use webhook_delivery::config::Config;

use crate::support::SETTINGS;

const CONFIGURATION: Configuration<Config> = Configuration {
    read: Config::read,
    sound: &SETTINGS,
    required: &[
        "ENVIRONMENT",
        "SHARDS",
        "EVENTS_API_KEY",
        "WEBHOOK_SECRETS_KEY",
        "RETRY_BASE_SECONDS",
        "RETRY_CAP_SECONDS",
        "RETRY_WINDOW_SECONDS",
    ],
    optional: &[
        "QUEUE_PAIRS",
        "EVENTS_API_KEY_PREVIOUS",
        "WEBHOOK_SECRETS_KEY_PREVIOUS",
        "ATTEMPT_TIMEOUT_SECONDS",
        "FIRST_PROBE_SECONDS",
        "LONGEST_PROBE_SECONDS",
        "DISABLE_AFTER_SECONDS",
        "DELIVERED_KEPT_DAYS",
        "UNDELIVERED_KEPT_DAYS",
        "DELIVERED_BODIES_KEPT_HOURS",
        "PORTAL_ORIGIN",
    ],
    paired: &["OPS_WEBHOOK_URL", "OPS_WEBHOOK_SECRET", "MAIL_FROM"],
    secrets: &[
        "EVENTS_API_KEY",
        "EVENTS_API_KEY_PREVIOUS",
        "WEBHOOK_SECRETS_KEY",
        "WEBHOOK_SECRETS_KEY_PREVIOUS",
    ],
    sealing_keys: &["WEBHOOK_SECRETS_KEY", "WEBHOOK_SECRETS_KEY_PREVIOUS"],
};
/// 32 bytes of 0x08.
const OTHER_SEALING_KEY: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
const OPS_URL: &str = "https://hooks.operators-of-ours.com/in";
const OPS_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn what_holds_of_every_worker_holds() {
    CONFIGURATION.holds();
}

#[test]
fn a_sound_configuration_is_taken() {
    let config = CONFIGURATION.is_sound(&[]);
    assert_eq!(config.policy.retry.window(), Duration::from_secs(259_200));
    assert_eq!(config.policy.attempt_timeout, Duration::from_secs(15));
    assert!(config.operators.is_none() && config.previous_sealing_key.is_none());
    let config = CONFIGURATION.is_sound(&[
        ("WEBHOOK_SECRETS_KEY_PREVIOUS", Some(OTHER_SEALING_KEY)),
        ("ATTEMPT_TIMEOUT_SECONDS", Some("2")),
        ("FIRST_PROBE_SECONDS", Some("1")),
        ("LONGEST_PROBE_SECONDS", Some("3")),
        ("DISABLE_AFTER_SECONDS", Some("60")),
        ("DELIVERED_KEPT_DAYS", Some("7")),
        ("UNDELIVERED_KEPT_DAYS", Some("60")),
        ("DELIVERED_BODIES_KEPT_HOURS", Some("0")),
        ("OPS_WEBHOOK_URL", Some(OPS_URL)),
        ("OPS_WEBHOOK_SECRET", Some(OPS_SECRET)),
    ]);
    assert_eq!(config.policy.attempt_timeout, Duration::from_secs(2));
    assert_eq!(config.policy.health.disabled_after, Duration::from_secs(60));
    let Retention { delivered, undelivered, delivered_bodies } = config.policy.retention;
    let days = [delivered, undelivered].map(|kept| kept.as_secs() / 86_400);
    assert_eq!((days, delivered_bodies), ([7, 60], Duration::ZERO));
    assert_eq!(config.operators.unwrap().url, OPS_URL);
    assert!(config.previous_sealing_key.is_some());
}

#[test]
fn what_stands_in_for_the_operators_settings_is_named() {
    for value in PLACEHOLDERS {
        CONFIGURATION.are_wrong(
            &["OPS_WEBHOOK_URL"],
            &[("OPS_WEBHOOK_URL", Some(value)), ("OPS_WEBHOOK_SECRET", Some(OPS_SECRET))],
        );
        CONFIGURATION.are_wrong(
            &["OPS_WEBHOOK_SECRET"],
            &[("OPS_WEBHOOK_URL", Some(OPS_URL)), ("OPS_WEBHOOK_SECRET", Some(value))],
        );
    }
}

#[test]
fn the_operators_secret_is_no_other_secret() {
    let ops = OPS_SECRET;
    CONFIGURATION.are_wrong(
        &["OPS_WEBHOOK_SECRET"],
        &[
            ("EVENTS_API_KEY", Some(ops)),
            ("OPS_WEBHOOK_URL", Some(OPS_URL)),
            ("OPS_WEBHOOK_SECRET", Some(ops)),
        ],
    );
}

#[test]
fn mail_needs_an_address_and_a_way_to_the_portal() {
    let origin = ("PORTAL_ORIGIN", Some("https://portal.example.com"));
    let config = CONFIGURATION.is_sound(&[("MAIL_FROM", Some("webhooks@example.com")), origin]);
    assert_eq!(config.mail.unwrap().from.as_str(), "webhooks@example.com");
    CONFIGURATION.are_wrong(
        &["PORTAL_ORIGIN"],
        &[("MAIL_FROM", Some("webhooks@example.com")), ("PORTAL_ORIGIN", None)],
    );
    for wrong in ["webhooks", "Webhooks <webhooks@example.com>", "a@b@c.example", ""] {
        CONFIGURATION.are_wrong(&["MAIL_FROM"], &[("MAIL_FROM", Some(wrong)), origin]);
    }
}

#[test]
fn seconds_are_whole_and_at_least_one() {
    for name in
        CONFIGURATION.required.iter().chain(CONFIGURATION.optional).filter(|name| name.ends_with("SECONDS"))
    {
        for value in ["0", "-1", "1.5", "1e3", "5s", " 5", "5 ", "0x10", "4294967296", "99999999999999999999"]
        {
            CONFIGURATION.is_wrong(name, Some(value));
        }
    }
}

#[test]
fn the_three_numbers_of_the_schedule_fit_together() {
    let names = ["RETRY_BASE_SECONDS, RETRY_CAP_SECONDS, RETRY_WINDOW_SECONDS"];
    for (base, cap, window) in [
        ("10", "9", "100"),
        ("5", "86401", "1209600"),
        ("5", "100", "99"),
        ("5", "14400", "1209601"),
        ("4294967295", "4294967295", "4294967295"),
    ] {
        CONFIGURATION.are_wrong(
            &names,
            &[
                ("RETRY_BASE_SECONDS", Some(base)),
                ("RETRY_CAP_SECONDS", Some(cap)),
                ("RETRY_WINDOW_SECONDS", Some(window)),
            ],
        );
    }
    for (base, cap, window) in [("1", "1", "1"), ("86400", "86400", "86400"), ("1", "2", "1209600")] {
        CONFIGURATION.is_sound(&[
            ("RETRY_BASE_SECONDS", Some(base)),
            ("RETRY_CAP_SECONDS", Some(cap)),
            ("RETRY_WINDOW_SECONDS", Some(window)),
        ]);
    }
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    CONFIGURATION.are_wrong(
        &["ATTEMPT_TIMEOUT_SECONDS", "EVENTS_API_KEY", "OPS_WEBHOOK_SECRET", "RETRY_CAP_SECONDS"],
        &[
            ("EVENTS_API_KEY", None),
            ("RETRY_CAP_SECONDS", Some("soon")),
            ("ATTEMPT_TIMEOUT_SECONDS", Some("0")),
            ("OPS_WEBHOOK_URL", Some("operators.example.com")),
        ],
    );
}

#[test]
fn operators_have_a_url_that_is_allowed_and_a_secret_that_signs() {
    is_wrong_pair("OPS_WEBHOOK_SECRET", OPS_URL, None);
    CONFIGURATION.are_wrong(&["OPS_WEBHOOK_URL"], &[("OPS_WEBHOOK_SECRET", Some(OPS_SECRET))]);
    for url in [
        "http://hooks.operators-of-ours.com/in",
        "hooks.operators-of-ours.com",
        "https://localhost/in-there",
        "https://192.0.2.7/in-there",
        "https://hooks.operators-of-ours.com:22/in",
        "https://user:word@hooks.operators-of-ours.com/",
        " https://hooks.operators-of-ours.com/in",
        "https://hooks.operators-of-ours.internal/",
    ] {
        is_wrong_pair("OPS_WEBHOOK_URL", url, Some(OPS_SECRET));
    }
    for secret in [
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_c2hvcnQ=",
        "whsec_not*base64*not*base64*not*base64*no",
        "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ] {
        is_wrong_pair("OPS_WEBHOOK_SECRET", OPS_URL, Some(secret));
    }
}

#[track_caller]
fn is_wrong_pair(name: &str, url: &str, secret: Option<&str>) {
    CONFIGURATION.are_wrong(&[name], &[("OPS_WEBHOOK_URL", Some(url)), ("OPS_WEBHOOK_SECRET", secret)]);
}

#[test]
fn shards_are_a_power_of_two_and_pairs_of_queues_no_more_than_shards() {
    for wrong in ["0", "3", "512", "-1", "two", ""] {
        CONFIGURATION.are_wrong(&["SHARDS"], &[("SHARDS", Some(wrong))]);
    }
    let config = CONFIGURATION.is_sound(&[("SHARDS", Some("8")), ("QUEUE_PAIRS", Some("2"))]);
    assert_eq!((config.shards.get(), config.queue_pairs.get()), (8, 2));
    CONFIGURATION.are_wrong(&["QUEUE_PAIRS"], &[("SHARDS", Some("2")), ("QUEUE_PAIRS", Some("4"))]);
    CONFIGURATION.are_wrong(&["QUEUE_PAIRS"], &[("SHARDS", Some("4")), ("QUEUE_PAIRS", Some("3"))]);
}
