//! Misconfiguration (spec: Adversarial cases): whatever is wrong is named, and no value is repeated.

use admin_api::config::Config;
use edge::testing::settings::Configuration;

use crate::support::SETTINGS;

const CONFIGURATION: Configuration<Config> = Configuration {
    read: Config::read,
    sound: &SETTINGS,
    required: &[
        "ENVIRONMENT",
        "SHARDS",
        "ADMIN_API_KEY",
        "SERVICE_JWT_SECRET",
        "WEBHOOK_SECRETS_KEY",
        "AUTH0_ISSUER",
        "AUTH0_AUDIENCE",
    ],
    optional: &[
        "QUEUE_PAIRS",
        "ADMIN_API_KEY_PREVIOUS",
        "SERVICE_JWT_SECRET_PREVIOUS",
        "ADMIN_EMAIL_CLAIM",
        "WEBHOOK_SECRETS_KEY_PREVIOUS",
    ],
    paired: &[],
    secrets: &[
        "ADMIN_API_KEY",
        "ADMIN_API_KEY_PREVIOUS",
        "SERVICE_JWT_SECRET",
        "SERVICE_JWT_SECRET_PREVIOUS",
        "WEBHOOK_SECRETS_KEY",
        "WEBHOOK_SECRETS_KEY_PREVIOUS",
    ],
    sealing_keys: &["WEBHOOK_SECRETS_KEY", "WEBHOOK_SECRETS_KEY_PREVIOUS"],
};
/// 32 bytes of 0x08.
const OTHER_SEALING_KEY: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";

#[test]
fn what_holds_of_every_worker_holds() {
    CONFIGURATION.holds();
}

#[test]
fn a_sound_configuration_is_taken() {
    CONFIGURATION.is_sound(&[]);
    let previous = ("WEBHOOK_SECRETS_KEY_PREVIOUS", Some(OTHER_SEALING_KEY));
    let claim = ("ADMIN_EMAIL_CLAIM", Some("https://smartphonekey.com/email"));
    let config = CONFIGURATION.is_sound(&[previous, claim]);
    assert_eq!(config.email_claim, "https://smartphonekey.com/email");
}

#[test]
fn audience_and_claim_have_no_white_space() {
    for name in ["AUTH0_AUDIENCE", "ADMIN_EMAIL_CLAIM"] {
        for value in ["two words", " padded-in-front", "padded-behind ", "line\nbreak"] {
            CONFIGURATION.is_wrong(name, Some(value));
        }
    }
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
