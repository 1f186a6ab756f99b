//! Misconfiguration (spec: Adversarial cases): whatever is wrong is named, and no value is repeated.

use admin_api::config::Config;
use shared::settings::SettingFaults;
use shared::testing::settings::{PLACEHOLDERS, UNFIT_SEALING_KEYS, UNFIT_SECRETS};

use crate::support::{ADMIN_KEY, SERVICE_SECRET, setting};

const REQUIRED: [&str; 6] = [
    "ENVIRONMENT",
    "ADMIN_API_KEY",
    "SERVICE_JWT_SECRET",
    "WEBHOOK_SECRETS_KEY",
    "AUTH0_ISSUER",
    "AUTH0_AUDIENCE",
];
const OPTIONAL: [&str; 2] = ["ADMIN_EMAIL_CLAIM", "WEBHOOK_SECRETS_KEY_PREVIOUS"];
const SECRETS: [&str; 4] =
    ["ADMIN_API_KEY", "SERVICE_JWT_SECRET", "WEBHOOK_SECRETS_KEY", "WEBHOOK_SECRETS_KEY_PREVIOUS"];
/// 32 bytes of 0x08.
const OTHER_SEALING_KEY: &str = "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=";

fn read(changes: &[(&str, Option<&str>)]) -> Result<Config, SettingFaults> {
    Config::read(&|name| match changes.iter().find(|(changed, _)| *changed == name) {
        Some((_, value)) => value.map(str::to_owned),
        None => setting(name),
    })
}

/// The setting, and only that, is found to be wrong, and no setting's value is in what is said of it.
#[track_caller]
fn is_wrong(name: &str, value: Option<&str>) {
    let Err(faults) = read(&[(name, value)]) else { panic!("{name} = {value:?} is taken") };
    assert_eq!(faults.keys().collect::<Vec<_>>(), [name], "{value:?}");
    let said = format!("{faults:?}\n{}", serde_json::to_string(&faults).unwrap());
    let values = REQUIRED.iter().filter_map(|name| setting(name)).chain(value.map(str::to_owned));
    // The names of the environments are no secret, and are what the message offers.
    for told in values.filter(|text| text.trim().len() > 3 && !text.contains("prod")) {
        assert!(!said.contains(&told), "{name}: {said}");
    }
}

#[test]
fn a_sound_configuration_is_taken() {
    assert!(read(&[]).is_ok());
    let previous = ("WEBHOOK_SECRETS_KEY_PREVIOUS", Some(OTHER_SEALING_KEY));
    let claim = ("ADMIN_EMAIL_CLAIM", Some("https://smartphonekey.com/email"));
    let config = read(&[previous, claim]).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_eq!(config.email_claim, "https://smartphonekey.com/email");
    for environment in ["local", "dev", "nonprod", "stage", "prod"] {
        assert!(read(&[("ENVIRONMENT", Some(environment))]).is_ok(), "{environment}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for name in REQUIRED {
        is_wrong(name, None);
    }
    let Err(faults) = Config::read(&|_| None) else { panic!("nothing at all is taken") };
    assert_eq!(faults.len(), REQUIRED.len());
}

#[test]
fn what_is_blank_or_stands_in_for_a_value_is_named() {
    for name in REQUIRED.into_iter().chain(OPTIONAL) {
        for value in PLACEHOLDERS {
            is_wrong(name, Some(value));
        }
    }
}

#[test]
fn a_secret_is_long_enough_and_fits_in_a_header() {
    for name in SECRETS {
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
    for (name, other) in [("SERVICE_JWT_SECRET", ADMIN_KEY), ("WEBHOOK_SECRETS_KEY_PREVIOUS", &sealing)] {
        is_wrong(name, Some(other));
    }
    for (name, other, blamed) in [
        ("ADMIN_API_KEY", SERVICE_SECRET, "SERVICE_JWT_SECRET"),
        ("ADMIN_API_KEY", &*sealing, "WEBHOOK_SECRETS_KEY"),
        ("SERVICE_JWT_SECRET", &sealing, "WEBHOOK_SECRETS_KEY"),
    ] {
        let Err(faults) = read(&[(name, Some(other))]) else { panic!("{name} is taken") };
        assert_eq!(faults.keys().collect::<Vec<_>>(), [blamed]);
        assert!(faults[blamed].contains(name) && !format!("{faults:?}").contains(other), "{faults:?}");
    }
}

#[test]
fn the_environment_is_one_of_five() {
    for value in ["production", "PROD", " prod", "prod\n", "test"] {
        is_wrong("ENVIRONMENT", Some(value));
    }
}

#[test]
fn the_issuer_is_an_https_address_with_its_slash() {
    for value in [
        "http://issuer.smartphonekey.test/",
        "issuer.smartphonekey.test",
        "https://issuer.smartphonekey.test",
        "https://",
        "https:///",
        "https://issuer.smartphonekey.test/?a=/",
        "https://issuer.smartphonekey.test/#/",
        "https://user@issuer.smartphonekey.test/",
        "https://:password@issuer.smartphonekey.test/",
        "https://issuer.smartphonekey.test/ /",
        " https://issuer.smartphonekey.test/",
        "https://issuer.smartphonekey.test/\n",
        "https://<tenant>.auth0.com/",
        "ftp://issuer.smartphonekey.test/",
    ] {
        is_wrong("AUTH0_ISSUER", Some(value));
    }
    let plain = ("AUTH0_ISSUER", Some("http://localhost:8788/"));
    assert!(read(&[("ENVIRONMENT", Some("local")), plain]).is_ok());
    for environment in ["dev", "nonprod", "stage", "prod"] {
        assert!(read(&[("ENVIRONMENT", Some(environment)), plain]).is_err(), "{environment}");
    }
}

#[test]
fn audience_and_claim_have_no_white_space() {
    for name in ["AUTH0_AUDIENCE", "ADMIN_EMAIL_CLAIM"] {
        for value in ["two words", " padded-in-front", "padded-behind ", "line\nbreak"] {
            is_wrong(name, Some(value));
        }
    }
}
