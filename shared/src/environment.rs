//! The environment a Worker runs in, and the rules that differ by it.

use std::fmt;
use std::str::FromStr;

use crate::webhook::url::UrlRules;

/// Names where only we are: a webhook there could call our own Workers. Each stands for itself and all below.
const OWN_ZONES: &[&str] = &[
    "smartphonekey.com",
    "spk-dev.workers.dev",
    "spk-nonprod.workers.dev",
    "spk-stage.workers.dev",
    "spk-prod.workers.dev",
];

/// One of the five environments. Each but `Local` is a Cloudflare account of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// One developer's machine, or a test run.
    Local,
    /// For developers, ours and the partners'.
    Dev,
    /// For automated tests of deployed code.
    Nonprod,
    /// The last stop before production.
    Stage,
    /// Production.
    Prod,
}

/// The text names none of the five environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of local, dev, nonprod, stage, prod")]
pub struct UnknownEnvironment;

impl Environment {
    /// Every environment, the most private first.
    pub const ALL: [Environment; 5] = [Self::Local, Self::Dev, Self::Nonprod, Self::Stage, Self::Prod];

    /// The name, as in `wrangler --env` and in the variable `ENVIRONMENT`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Dev => "dev",
            Self::Nonprod => "nonprod",
            Self::Stage => "stage",
            Self::Prod => "prod",
        }
    }

    /// What a webhook URL may be here: plain HTTP in `dev` and `local` only; loopback, private hosts, IP
    /// literals, any port and our own names in `local` only.
    #[must_use]
    pub fn webhook_url_rules(self) -> UrlRules {
        UrlRules {
            plain_http: matches!(self, Self::Local | Self::Dev),
            private_hosts: self == Self::Local,
            own_zones: OWN_ZONES,
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|environment| environment.name() == name).ok_or(UnknownEnvironment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_environment_is_parsed_from_the_name_it_prints() {
        for environment in Environment::ALL {
            assert_eq!(environment.to_string().parse(), Ok(environment));
        }
    }

    #[test]
    fn other_names_and_other_spellings_are_refused() {
        for name in ["", "Prod", "PROD", "production", " prod", "prod\n", "test"] {
            assert_eq!(name.parse::<Environment>(), Err(UnknownEnvironment), "{name:?}");
        }
    }

    #[test]
    fn plain_http_is_allowed_in_local_and_dev_only() {
        let allowed = Environment::ALL.map(|environment| environment.webhook_url_rules().plain_http);
        assert_eq!(allowed, [true, true, false, false, false]);
    }

    #[test]
    fn private_hosts_are_allowed_in_local_only() {
        let allowed = Environment::ALL.map(|environment| environment.webhook_url_rules().private_hosts);
        assert_eq!(allowed, [true, false, false, false, false]);
    }
}
