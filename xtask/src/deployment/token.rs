//! `cargo xtask token`: a token for the Admin API, for an admin or for a script. And the smoke test, which needs one.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use local::clock;
use local::progress::line;
use serde::Deserialize;

use super::Deployment;
use crate::smoke::Smoke;
use crate::web::Web;

/// The device flow of OAuth 2.0 (RFC 8628).
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// The variables that the smoke test needs besides a token.
const NEEDED: [&str; 3] = ["ADMIN_API_KEY", "EVENTS_API_KEY", "SMOKE_INBOX_URL"];

/// Auth0's answer to the first request of the device flow.
#[derive(Deserialize)]
struct Started {
    device_code: String,
    user_code: String,
    verification_uri_complete: String,
    interval: Option<u64>,
    expires_in: u64,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
}

#[derive(Deserialize, Default)]
struct Refused {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Deployment {
    /// A token for the Admin API: of the script whose `SCRIPT_CLIENT_ID` and `SCRIPT_CLIENT_SECRET` are set; otherwise of the
    /// person who opens the link that this prints, by the application `ADMIN_CLIENT_ID`.
    ///
    /// # Errors
    ///
    /// One sentence with Auth0's reason, or with the variable that is not set.
    pub fn token(&self) -> Result<String> {
        self.require_token_variables()?;
        let (issuer, audience) = self.issuer_and_audience()?;
        let auth0 = Web::new(&issuer);
        if let (Some(id), Some(secret)) =
            (self.variable("SCRIPT_CLIENT_ID"), self.variable("SCRIPT_CLIENT_SECRET"))
        {
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_id", id),
                ("client_secret", secret),
                ("audience", &audience),
            ];
            let answer = auth0.form("/oauth/token", &fields)?;
            let granted = serde_json::from_str::<Granted>(&answer.body);
            return Ok(granted.map_err(|_| refusal(&answer.body))?.access_token);
        }
        let client_id = self.variable("ADMIN_CLIENT_ID").unwrap_or_default();
        let fields = [("client_id", client_id), ("audience", &*audience), ("scope", "openid email")];
        let answer = auth0.form("/oauth/device/code", &fields)?;
        let started: Started = serde_json::from_str(&answer.body).map_err(|_| refusal(&answer.body))?;
        eprintln!("Open {} and confirm {}", started.verification_uri_complete, started.user_code);
        let fields =
            [("grant_type", DEVICE_GRANT), ("device_code", &started.device_code), ("client_id", client_id)];
        let mut pause = Duration::from_secs(started.interval.unwrap_or(5));
        let ends = clock::now() + Duration::from_secs(started.expires_in);
        while clock::now() < ends {
            std::thread::sleep(pause);
            // RFC 8628, section 3.5: a connection that breaks halves the pace, and ends nothing.
            let Some(answer) = auth0.form("/oauth/token", &fields).ok().filter(|answer| answer.status < 500)
            else {
                pause *= 2;
                continue;
            };
            if let Ok(granted) = serde_json::from_str::<Granted>(&answer.body) {
                return Ok(granted.access_token);
            }
            let refused: Refused = serde_json::from_str(&answer.body).unwrap_or_default();
            match &*refused.error {
                "authorization_pending" => {}
                "slow_down" => pause += Duration::from_secs(5),
                _ => return Err(refusal(&answer.body)),
            }
        }
        bail!("nobody confirmed in time: run {} again", self.own("token"));
    }

    /// Plays an event's way through the environment.
    ///
    /// # Errors
    ///
    /// One sentence that names the step that failed, or the variable that is not set.
    pub fn smoke(&self) -> Result<()> {
        self.require_smoke_variables()?;
        let value = |name: &str| self.variable(name).unwrap_or_default().to_owned();
        let places = self.places()?;
        let token = match self.variable("ADMIN_TOKEN") {
            Some(token) => token.to_owned(),
            None => self.token()?,
        };
        let smoke = Smoke {
            admin_api: places.origin("admin-api"),
            delivery: places.origin("webhook-delivery"),
            inbox: value("SMOKE_INBOX_URL").trim_end_matches('/').to_owned(),
            admin_api_key: value("ADMIN_API_KEY"),
            token,
            events_key: value("EVENTS_API_KEY"),
        };
        smoke.run(&unique())
    }

    /// Requires the variables of the smoke test, where a deployment is to end with the test.
    pub(super) fn require_smoke_if_set_up(&self) -> Result<()> {
        if self.variable("SMOKE_INBOX_URL").is_some() { self.require_smoke_variables() } else { Ok(()) }
    }

    fn require_smoke_variables(&self) -> Result<()> {
        if let Some(missing) = NEEDED.iter().find(|name| self.variable(name).is_none()) {
            bail!("{missing} is not set: the smoke test of {} needs {}", self.environment, NEEDED.join(", "));
        }
        if self.variable("ADMIN_TOKEN").is_some() { Ok(()) } else { self.require_token_variables() }
    }

    /// Requires the variables with which Auth0 is asked for a token.
    fn require_token_variables(&self) -> Result<()> {
        let script = ["SCRIPT_CLIENT_ID", "SCRIPT_CLIENT_SECRET"];
        match script.map(|name| self.variable(name).is_some()) {
            [true, true] => return Ok(()),
            [false, false] => {}
            [id, _] => bail!(
                "{} is not set, and {} is: a script's token needs both",
                script[usize::from(id)],
                script[usize::from(!id)]
            ),
        }
        if self.variable("ADMIN_CLIENT_ID").is_none() {
            bail!(
                "ADMIN_CLIENT_ID is not set: set it to the client id of Auth0's application Admin Terminal of {}",
                self.environment
            );
        }
        Ok(())
    }

    /// The smoke test at the end of a deployment, where its variables are set.
    pub(super) fn smoke_if_set_up(&self) -> Result<()> {
        if self.variable("SMOKE_INBOX_URL").is_none() {
            line(format!("  Not smoke-tested: set {} and run {}", NEEDED.join(", "), self.own("smoke")));
            return Ok(());
        }
        self.smoke()
    }

    fn issuer_and_audience(&self) -> Result<(String, String)> {
        let files = self.files()?;
        let file = files.workers.get("admin-api").context("there is no Worker admin-api")?;
        let vars = self.part(file)?.get("vars");
        let var = |name: &str| {
            let value = vars.and_then(|vars| vars.get(name)?.as_str());
            value.map(str::to_owned).with_context(|| format!("{name} of {} is missing", self.environment))
        };
        Ok((var("AUTH0_ISSUER")?, var("AUTH0_AUDIENCE")?))
    }
}

/// Auth0's reason for giving no token.
fn refusal(body: &str) -> anyhow::Error {
    let refused: Refused = serde_json::from_str(body).unwrap_or_default();
    if refused.error.is_empty() {
        return anyhow::anyhow!("Auth0 answers in a way we cannot read");
    }
    anyhow::anyhow!("Auth0 gives no token: {} ({})", refused.error_description, refused.error)
}

/// A word that no earlier run has used: the time, in hexadecimal.
#[allow(
    clippy::disallowed_methods,
    reason = "natively, there is a system time, and no test depends on this word"
)]
fn unique() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}", since.as_millis())
}
