//! Misconfiguration (spec: Adversarial cases): whatever is wrong is named, and no value is repeated.

use std::time::Duration;

use shared::settings::SettingFaults;
use shared::testing::settings::{PLACEHOLDERS, UNFIT_SEALING_KEYS, UNFIT_SECRETS};
use webhook_delivery::config::Config;

use crate::support::{EVENTS_KEY, setting};

const REQUIRED: [&str; 6] = [
    "ENVIRONMENT",
    "EVENTS_API_KEY",
    "WEBHOOK_SECRETS_KEY",
    "RETRY_BASE_SECONDS",
    "RETRY_CAP_SECONDS",
    "RETRY_WINDOW_SECONDS",
];
const SECONDS: [&str; 4] =
    ["ATTEMPT_TIMEOUT_SECONDS", "FIRST_PROBE_SECONDS", "LONGEST_PROBE_SECONDS", "DISABLE_AFTER_SECONDS"];
/// 32 bytes of 0x08.
const OTHER_SEALING_KEY: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";
const OPS_URL: &str = "https://hooks.operators-of-ours.com/in";
const OPS_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
type Changes<'a> = &'a [(&'a str, Option<&'a str>)];

fn read(changes: Changes<'_>) -> Result<Config, SettingFaults> {
    Config::read(&|name| match changes.iter().find(|(changed, _)| *changed == name) {
        Some((_, value)) => value.map(str::to_owned),
        None => setting(name),
    })
}

#[track_caller]
fn sound(changes: Changes<'_>) -> Config {
    read(changes).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// Exactly these settings are found to be wrong, and no setting's value is in what is said of them.
#[track_caller]
fn are_wrong(names: &[&str], changes: Changes<'_>) {
    let Err(faults) = read(changes) else { panic!("{changes:?} is taken") };
    assert_eq!(faults.keys().collect::<Vec<_>>(), names, "{changes:?}: {faults:?}");
    let said = format!("{faults:?}\n{}", serde_json::to_string(&faults).unwrap());
    let given = changes.iter().filter_map(|(_, value)| value.map(str::to_owned));
    // Numbers and environments are no secret, and are what the messages offer.
    let values =
        ["EVENTS_API_KEY", "WEBHOOK_SECRETS_KEY"].iter().filter_map(|name| setting(name)).chain(given);
    for told in values.filter(|text| text.trim().len() > 6 && text.parse::<f64>().is_err()) {
        assert!(!said.contains(&told), "{names:?}: {said}");
    }
}

#[track_caller]
fn is_wrong(name: &str, value: Option<&str>) {
    are_wrong(&[name], &[(name, value)]);
}

#[test]
fn a_sound_configuration_is_taken() {
    let config = sound(&[]);
    assert_eq!(config.policy.retry.window(), Duration::from_secs(259_200));
    assert_eq!(config.policy.attempt_timeout, Duration::from_secs(15));
    assert!(config.operators.is_none() && config.previous_sealing_key.is_none());
    let config = sound(&[
        ("WEBHOOK_SECRETS_KEY_PREVIOUS", Some(OTHER_SEALING_KEY)),
        ("ATTEMPT_TIMEOUT_SECONDS", Some("2")),
        ("FIRST_PROBE_SECONDS", Some("1")),
        ("LONGEST_PROBE_SECONDS", Some("3")),
        ("DISABLE_AFTER_SECONDS", Some("60")),
        ("OPS_WEBHOOK_URL", Some(OPS_URL)),
        ("OPS_WEBHOOK_SECRET", Some(OPS_SECRET)),
    ]);
    assert_eq!(config.policy.attempt_timeout, Duration::from_secs(2));
    assert_eq!(config.policy.health.disabled_after, Duration::from_secs(60));
    assert_eq!(config.operators.unwrap().url, OPS_URL);
    assert!(config.previous_sealing_key.is_some());
    for environment in ["local", "dev", "nonprod", "stage", "prod"] {
        sound(&[("ENVIRONMENT", Some(environment))]);
    }
}

#[test]
fn what_is_missing_is_named() {
    for name in REQUIRED {
        is_wrong(name, None);
    }
    let Err(faults) = Config::read(&|_| None) else { panic!("nothing at all is taken") };
    assert_eq!(faults.len(), REQUIRED.len());
    let Err(faults) = Config::read(&|_| Some("changeme".to_owned())) else {
        panic!("placeholders are taken")
    };
    assert!(REQUIRED.iter().chain(&SECONDS).all(|name| faults.contains_key(*name)), "{faults:?}");
}

#[test]
fn what_is_blank_or_stands_in_for_a_value_is_named() {
    for value in PLACEHOLDERS {
        for name in REQUIRED.into_iter().chain(SECONDS).chain(["WEBHOOK_SECRETS_KEY_PREVIOUS"]) {
            is_wrong(name, Some(value));
        }
        are_wrong(
            &["OPS_WEBHOOK_URL"],
            &[("OPS_WEBHOOK_URL", Some(value)), ("OPS_WEBHOOK_SECRET", Some(OPS_SECRET))],
        );
        are_wrong(
            &["OPS_WEBHOOK_SECRET"],
            &[("OPS_WEBHOOK_URL", Some(OPS_URL)), ("OPS_WEBHOOK_SECRET", Some(value))],
        );
    }
}

#[test]
fn a_secret_is_long_enough_and_fits_in_a_header() {
    for name in ["EVENTS_API_KEY", "WEBHOOK_SECRETS_KEY", "WEBHOOK_SECRETS_KEY_PREVIOUS"] {
        for value in UNFIT_SECRETS {
            is_wrong(name, Some(value));
        }
    }
    for name in ["WEBHOOK_SECRETS_KEY", "WEBHOOK_SECRETS_KEY_PREVIOUS"] {
        for value in UNFIT_SEALING_KEYS {
            is_wrong(name, Some(value));
        }
    }
}

#[test]
fn no_two_secrets_are_equal() {
    let sealing = setting("WEBHOOK_SECRETS_KEY").unwrap();
    is_wrong("WEBHOOK_SECRETS_KEY", Some(EVENTS_KEY));
    is_wrong("WEBHOOK_SECRETS_KEY_PREVIOUS", Some(&sealing));
    is_wrong("WEBHOOK_SECRETS_KEY_PREVIOUS", Some(EVENTS_KEY));
    // The later one is blamed, and told whose twin it is.
    are_wrong(&["WEBHOOK_SECRETS_KEY"], &[("EVENTS_API_KEY", Some(&sealing))]);
    let ops = OPS_SECRET;
    are_wrong(
        &["OPS_WEBHOOK_SECRET"],
        &[
            ("EVENTS_API_KEY", Some(ops)),
            ("OPS_WEBHOOK_URL", Some(OPS_URL)),
            ("OPS_WEBHOOK_SECRET", Some(ops)),
        ],
    );
}

#[test]
fn the_environment_is_one_of_five() {
    for value in ["production", "PROD", " prod", "prod\n", "test"] {
        is_wrong("ENVIRONMENT", Some(value));
    }
}

#[test]
fn seconds_are_whole_and_at_least_one() {
    for name in REQUIRED.into_iter().filter(|name| name.ends_with("SECONDS")).chain(SECONDS) {
        for value in ["0", "-1", "1.5", "1e3", "5s", " 5", "5 ", "0x10", "4294967296", "99999999999999999999"]
        {
            is_wrong(name, Some(value));
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
        are_wrong(
            &names,
            &[
                ("RETRY_BASE_SECONDS", Some(base)),
                ("RETRY_CAP_SECONDS", Some(cap)),
                ("RETRY_WINDOW_SECONDS", Some(window)),
            ],
        );
    }
    for (base, cap, window) in [("1", "1", "1"), ("86400", "86400", "86400"), ("1", "2", "1209600")] {
        sound(&[
            ("RETRY_BASE_SECONDS", Some(base)),
            ("RETRY_CAP_SECONDS", Some(cap)),
            ("RETRY_WINDOW_SECONDS", Some(window)),
        ]);
    }
}

#[test]
fn all_that_is_wrong_is_named_at_once() {
    are_wrong(
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
    are_wrong(&["OPS_WEBHOOK_URL"], &[("OPS_WEBHOOK_SECRET", Some(OPS_SECRET))]);
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
    are_wrong(&[name], &[("OPS_WEBHOOK_URL", Some(url)), ("OPS_WEBHOOK_SECRET", secret)]);
}
