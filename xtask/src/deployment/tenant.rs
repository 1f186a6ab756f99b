//! `cargo xtask auth0`: deploys Auth0's tenant as code, with the environment's addresses.
use std::path::Path;

use anyhow::{Context, Result, bail};
use local::process::{command, run};
use local::progress::step;
use serde_json::{Value, json};

use super::Deployment;
use crate::npm;

/// The variables of the application that deploys the tenant, each with auth0-deploy-cli's name for it. The names differ, because
/// the portal has a client secret of its own.
const CREDENTIALS: [(&str, &str); 3] = [
    ("AUTH0_DEPLOY_DOMAIN", "AUTH0_DOMAIN"),
    ("AUTH0_DEPLOY_CLIENT_ID", "AUTH0_CLIENT_ID"),
    ("AUTH0_DEPLOY_CLIENT_SECRET", "AUTH0_CLIENT_SECRET"),
];

impl Deployment {
    /// Deploys `auth0/tenant.yaml`. Deletes nothing that the tenant has besides.
    ///
    /// # Errors
    ///
    /// One sentence, where a variable is not set; otherwise what auth0-deploy-cli says.
    pub fn deploy_tenant(&self) -> Result<()> {
        if let Some((missing, _)) = CREDENTIALS.iter().find(|(name, _)| self.variable(name).is_none()) {
            bail!(
                "{missing} is not set: docs/auth0.md says how to create the application that deploys the tenant"
            );
        }
        self.require_tenant()?;
        let tools = npm::packages("auth0", "auth0")?;
        step("Deploying", &format!("Auth0's tenant of {}", self.environment));
        self.import_tenant(&tools.join("node_modules/.bin/a0deploy"))
    }

    /// Requires that the tenant answers: auth0-deploy-cli does not say what is wrong where it does not.
    fn require_tenant(&self) -> Result<()> {
        let domain = self.variable("AUTH0_DEPLOY_DOMAIN").unwrap_or_default();
        match (self.get)(&format!("https://{domain}/.well-known/openid-configuration")) {
            Ok((200, _)) => Ok(()),
            Ok((status, _)) => {
                bail!("{domain} is no Auth0 tenant (it answers {status}): correct AUTH0_DEPLOY_DOMAIN")
            }
            Err(_) => bail!("{domain} cannot be reached: check AUTH0_DEPLOY_DOMAIN and the network"),
        }
    }

    /// Lets auth0-deploy-cli, which is `program`, import the tenant. Its secret is in the environment, not on the command line.
    fn import_tenant(&self, program: &Path) -> Result<()> {
        let words = self.tenant_words()?;
        let mut deploy = command(program);
        deploy.args(["import", "--input_file"]).arg(self.root.join("auth0/tenant.yaml"));
        for (name, its_name) in CREDENTIALS {
            deploy.env(its_name, self.variable(name).unwrap_or_default());
        }
        deploy.env("AUTH0_ALLOW_DELETE", "false").env("AUTH0_KEYWORD_REPLACE_MAPPINGS", words.to_string());
        run(&mut deploy).with_context(|| format!("Auth0's tenant of {} is not deployed", self.environment))
    }

    /// Returns the texts that take the places of the `##WORDS##` of the tenant.
    pub(super) fn tenant_words(&self) -> Result<Value> {
        let files = self.files()?;
        let file = files.workers.get("admin-api").context("there is no Worker admin-api")?;
        let vars = self.part(file)?.get("vars");
        let var = |name: &str| vars.and_then(|vars| vars.get(name)?.as_str()).unwrap_or_default();
        Ok(json!({
            "ADMIN_AUDIENCE": var("AUTH0_AUDIENCE"),
            "ADMIN_EMAIL_CLAIM": var("ADMIN_EMAIL_CLAIM"),
            "PORTAL_ORIGIN": self.places()?.origin("partner-portal"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use local::workspace::root;

    use crate::environments::ENVIRONMENTS;

    use super::*;

    /// Stands in for auth0-deploy-cli: notes its words and the variables that its documentation names.
    const PROGRAM: &str = r#"#!/usr/bin/env bash
{ echo "$@"; echo "$AUTH0_DOMAIN $AUTH0_CLIENT_ID $AUTH0_CLIENT_SECRET $AUTH0_ALLOW_DELETE"; echo "$AUTH0_KEYWORD_REPLACE_MAPPINGS"; } \
  > "$(dirname "$0")/noted"
[ "$AUTH0_DOMAIN" != wrong ]
"#;

    #[test]
    fn auth0s_tool_is_called_with_the_environments_words_and_credentials_and_deletes_nothing() {
        let folder = root().join("target/tmp/a0deploy");
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join("a0deploy");
        fs::write(&program, PROGRAM).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let stage = |domain: &str| {
            let variables = [
                ("AUTH0_DEPLOY_DOMAIN", domain),
                ("AUTH0_DEPLOY_CLIENT_ID", "deployer"),
                ("AUTH0_DEPLOY_CLIENT_SECRET", "s3cret"),
            ];
            let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            let get = Box::new(|_: &str| bail!("nothing is fetched"));
            Deployment::of(root().to_owned(), "stage", variables, get, Duration::ZERO)
        };
        stage("spk-stage.eu.auth0.com").import_tenant(&program).unwrap();
        let noted = fs::read_to_string(folder.join("noted")).unwrap();
        let [words, credentials, mappings] = noted.lines().collect::<Vec<_>>()[..] else { panic!("{noted}") };
        let input = root().join("auth0/tenant.yaml");
        assert_eq!(words, format!("import --input_file {}", input.display()));
        assert_eq!(credentials, "spk-stage.eu.auth0.com deployer s3cret false");
        let mappings: Value = serde_json::from_str(mappings).unwrap();
        assert_eq!(mappings, stage("any").tenant_words().unwrap());
        let said = format!("{:#}", stage("wrong").import_tenant(&program).unwrap_err());
        assert!(said.starts_with("Auth0's tenant of stage is not deployed"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }

    #[test]
    fn a_tenant_that_does_not_answer_is_named_before_anything_is_deployed() {
        for (answer, expected) in [
            (None, "spk.eu.auth0.com cannot be reached: check AUTH0_DEPLOY_DOMAIN and the network"),
            (Some(404), "spk.eu.auth0.com is no Auth0 tenant (it answers 404): correct AUTH0_DEPLOY_DOMAIN"),
        ] {
            let variables = CREDENTIALS.map(|(name, _)| (name.to_owned(), "spk.eu.auth0.com".to_owned()));
            let get = Box::new(move |url: &str| {
                assert_eq!(url, "https://spk.eu.auth0.com/.well-known/openid-configuration");
                answer.map(|status| (status, String::new())).context("no answer")
            });
            let stage = Deployment::of(root().to_owned(), "stage", variables.into(), get, Duration::ZERO);
            assert_eq!(format!("{:#}", stage.deploy_tenant().unwrap_err()), expected);
        }
    }

    #[test]
    fn every_word_of_the_tenant_has_a_value_in_every_environment() {
        let folder = local::workspace::root().join("auth0");
        let mut text = String::new();
        for file in ["tenant.yaml", "actions/person.js", "actions/script.js"] {
            text += &std::fs::read_to_string(folder.join(file)).unwrap();
        }
        let text: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let text = text.join("\n");
        let used: Vec<&str> = text.split("##").skip(1).step_by(2).collect();
        assert!(used.contains(&"PORTAL_ORIGIN"), "{used:?}");
        for environment in ENVIRONMENTS {
            let words = Deployment::of_this_process(environment).tenant_words().unwrap();
            for word in &used {
                let value = words[word].as_str().unwrap_or_default();
                assert!(value.starts_with("https://"), "{word} of {environment} is `{value}`");
            }
        }
    }
}
