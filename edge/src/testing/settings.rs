//! What every Worker's configuration must be: whatever is wrong is named, and no value is repeated (spec: Adversarial
//! cases, Misconfiguration).

use std::cell::RefCell;
use std::collections::BTreeSet;

use shared::settings::SettingFaults;

/// Settings in place of the sound ones; `None` takes a setting away.
pub type Changes<'a> = &'a [(&'a str, Option<&'a str>)];

/// Reads a configuration through a function that gives the text of each setting.
pub type ReadSettings<C> = fn(&dyn Fn(&str) -> Option<String>) -> Result<C, SettingFaults>;

/// A Worker's configuration, and which of its settings are what.
pub struct Configuration<C: 'static> {
    /// Reads the configuration.
    pub read: ReadSettings<C>,
    /// Sound settings, with which each test begins.
    pub sound: &'static [(&'static str, &'static str)],
    /// Settings that must be there.
    pub required: &'static [&'static str],
    /// Settings that may be absent.
    pub optional: &'static [&'static str],
    /// Settings that go with another setting, and have tests of their own.
    pub paired: &'static [&'static str],
    /// Secrets, in the order in which they are read.
    pub secrets: &'static [&'static str],
    /// Those of the secrets that are keys of AES.
    pub sealing_keys: &'static [&'static str],
}

/// Reads these settings, changed.
pub fn reader<'a>(
    sound: &'a [(&'a str, &'a str)],
    changes: Changes<'a>,
) -> impl Fn(&str) -> Option<String> + 'a {
    |name| {
        let changed = changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
        let usual = sound.iter().find(|(usual, _)| *usual == name).map(|(_, value)| *value);
        changed.unwrap_or(usual).map(str::to_owned)
    }
}

impl<C> Configuration<C> {
    /// Reads the configuration with these changes.
    ///
    /// # Errors
    /// What is wrong with each setting.
    pub fn changed(&self, changes: Changes<'_>) -> Result<C, SettingFaults> {
        (self.read)(&reader(self.sound, changes))
    }

    /// The configuration is sound with these changes.
    #[track_caller]
    pub fn is_sound(&self, changes: Changes<'_>) -> C {
        self.changed(changes).unwrap_or_else(|faults| panic!("{changes:?}: {faults:?}"))
    }

    /// Exactly these settings are found to be wrong, and no setting's value is in what is said of them.
    #[track_caller]
    pub fn are_wrong(&self, names: &[&str], changes: Changes<'_>) -> SettingFaults {
        let Err(faults) = self.changed(changes) else { panic!("{changes:?} is taken") };
        assert_eq!(faults.keys().collect::<Vec<_>>(), names, "{changes:?}: {faults:?}");
        let said = format!("{faults:?}\n{}", serde_json::to_string(&faults).unwrap());
        let sound = self.required.iter().filter_map(|name| self.sound_value(name));
        // Numbers and environments are no secret, and are what the messages offer.
        let hidden =
            |value: &&str| value.trim().len() > 3 && value.parse::<f64>().is_err() && !value.contains("prod");
        for value in sound.chain(changes.iter().filter_map(|(_, value)| *value)).filter(hidden) {
            assert!(!said.contains(value), "{names:?}: {said}");
        }
        faults
    }

    /// The setting, and no other, is found to be wrong with this value.
    #[track_caller]
    pub fn is_wrong(&self, name: &str, value: Option<&str>) {
        self.are_wrong(&[name], &[(name, value)]);
    }

    fn sound_value(&self, name: &str) -> Option<&'static str> {
        self.sound.iter().find(|(sound, _)| *sound == name).map(|(_, value)| *value)
    }

    /// Checks what must hold of every Worker.
    #[track_caller]
    pub fn holds(&self) {
        for environment in ["local", "dev", "nonprod", "stage", "prod"] {
            self.is_sound(&[("ENVIRONMENT", Some(environment))]);
        }
        for value in ["production", "PROD", " prod", "prod\n", "test"] {
            self.is_wrong("ENVIRONMENT", Some(value));
        }
        self.reads_no_other_setting();
        self.names_what_is_missing_or_stands_in_for_a_value();
        self.takes_secrets_only_that_are_long_and_fit_in_a_header();
        self.takes_no_two_equal_secrets();
        if self.required.contains(&"AUTH0_ISSUER") {
            self.takes_issuers_only_that_are_https_addresses_with_their_slash();
        }
    }

    /// The lists are whole: a new setting is tried in every way, too.
    #[track_caller]
    fn reads_no_other_setting(&self) {
        let asked = RefCell::new(BTreeSet::new());
        for value in [None, Some("changeme")] {
            let read = |name: &str| {
                asked.borrow_mut().insert(name.to_owned());
                value.or_else(|| self.sound_value(name)).map(str::to_owned)
            };
            drop((self.read)(&read));
        }
        let listed = [self.required, self.optional, self.paired].concat();
        let listed: BTreeSet<String> = listed.into_iter().map(str::to_owned).collect();
        assert_eq!(asked.into_inner(), listed);
    }

    #[track_caller]
    fn names_what_is_missing_or_stands_in_for_a_value(&self) {
        for name in self.required {
            self.is_wrong(name, None);
        }
        let faults = (self.read)(&|_| None).err().expect("nothing at all is taken");
        assert_eq!(faults.len(), self.required.len(), "{faults:?}");
        let faults = (self.read)(&|_| Some("changeme".to_owned())).err().expect("placeholders are taken");
        let all = || self.required.iter().chain(self.optional);
        assert!(all().all(|name| faults.contains_key(*name)), "{faults:?}");
        for name in all() {
            for value in PLACEHOLDERS {
                self.is_wrong(name, Some(value));
            }
        }
    }

    #[track_caller]
    fn takes_secrets_only_that_are_long_and_fit_in_a_header(&self) {
        for name in self.secrets {
            for value in UNFIT_SECRETS {
                self.is_wrong(name, Some(value));
            }
        }
        for name in self.sealing_keys {
            for value in UNFIT_SEALING_KEYS {
                self.is_wrong(name, Some(value));
            }
        }
    }

    /// The later of two is blamed, and told whose twin it is.
    #[track_caller]
    fn takes_no_two_equal_secrets(&self) {
        for (index, earlier) in self.secrets.iter().enumerate() {
            for later in &self.secrets[index + 1..] {
                if let Some(value) = self.sound_value(earlier) {
                    self.is_wrong(later, Some(value));
                }
                if let Some(value) = self.sound_value(later) {
                    let faults = self.are_wrong(&[later], &[(earlier, Some(value))]);
                    assert!(faults[*later].contains(earlier), "{faults:?}");
                }
            }
        }
    }

    #[track_caller]
    fn takes_issuers_only_that_are_https_addresses_with_their_slash(&self) {
        for value in UNFIT_ISSUERS {
            self.is_wrong("AUTH0_ISSUER", Some(value));
        }
        let plain = ("AUTH0_ISSUER", Some("http://localhost:8788/"));
        self.is_sound(&[("ENVIRONMENT", Some("local")), plain]);
        for environment in ["dev", "nonprod", "stage", "prod"] {
            assert!(self.changed(&[("ENVIRONMENT", Some(environment)), plain]).is_err(), "{environment}");
        }
    }
}

/// Blanks and placeholders, as they stand where a value was forgotten; the latter are as long as a secret.
pub const PLACEHOLDERS: [&str; 15] = [
    "",
    " ",
    "\t\n",
    "changeme-changeme-changeme-changeme-changeme",
    "CHANGE-ME-CHANGE-ME-CHANGE-ME-CHANGE-ME",
    "change_me_change_me_change_me_change_me_",
    "placeholder-placeholder-placeholder-pl",
    "replace-me-with-a-secret-of-32-characters",
    "Todo-todo-todo-todo-todo-todo-todo-todo",
    "<the value from doppler, 32 characters>",
    "${THE_VALUE_FROM_SOMEWHERE_ELSE_ENTIRELY}",
    "{{the-value-from-somewhere-else-entirely}}",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "your-secret-goes-here-your-secret-goes-here",
    "example-example-example-example-example",
];

/// Texts that are too short for a secret, or unfit for a header.
const UNFIT_SECRETS: [&str; 4] = [
    "0123456789abcdef0123456789abcde",
    " 0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef\n",
    "0123456789abcdef\u{e9}0123456789abcdef",
];

/// Texts that are not standard base64 of exactly 32 bytes.
const UNFIT_SEALING_KEYS: [&str; 5] = [
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg",
    "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICA==",
    "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
    "-_gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=",
];

/// Texts that are no issuer outside of one machine.
const UNFIT_ISSUERS: [&str; 14] = [
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
];
