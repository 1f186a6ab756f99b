//! What an account must be before anything is created or changed in it: on the paid plan, open to the token, with the
//! environment's subdomain, and with its data in the right jurisdiction.
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use local::progress::line;
use serde_json::{Value, json};
use ureq::Agent;

use super::places::Places;
use super::wrangler::{API_IS_UNWELL, ATTEMPTS};
use super::{Deployment, ORDER};

/// The address of Cloudflare's API. `CLOUDFLARE_API_BASE_URL` replaces this address, here as in wrangler.
const API: &str = "https://api.cloudflare.com/client/v4";
/// The number of entries in a page of a list, as many as wrangler asks for. Cloudflare may give fewer, and then tells the total.
const PAGE: usize = 100;
/// The time within which Cloudflare's API must answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// The permissions that a token needs. Each has a path that only a token with this permission may read.
const PERMISSIONS: [(&str, &str); 5] = [
    ("Account Settings: Read", ""),
    ("Workers Scripts: Edit", "/workers/scripts"),
    ("D1: Edit", "/d1/database"),
    ("Queues: Edit", "/queues"),
    ("Workers KV Storage: Edit", "/storage/kv/namespaces"),
];
/// Cloudflare's code for an account without a subdomain, and for a subdomain that can be had.
const NO_SUBDOMAIN: u64 = 10007;
const FREE_SUBDOMAIN: u64 = 10032;

/// The path of Workers Logs' queries (<https://developers.cloudflare.com/api/resources/workers/subresources/observability>).
const LOGS: &str = "/workers/observability/telemetry/query";

/// The longest time in seconds for which Cloudflare's API may have us wait before the next attempt; the same as wrangler's.
const LONGEST_WAIT: u64 = 60;

/// An answer of Cloudflare's API.
struct AccountAnswer {
    status: u16,
    /// The code of the first error.
    code: Option<u64>,
    result: Value,
    /// The number of entries of a list on all its pages, where the answer tells.
    total: Option<usize>,
}

impl AccountAnswer {
    fn is_refused(&self) -> bool {
        // 6003 and 9106: a token that is cut off, or none.
        matches!(self.status, 401 | 403) || matches!(self.code, Some(10000 | 9109 | 6003 | 9106))
    }
}

impl Deployment {
    /// Checks plan, permissions and subdomain, and changes nothing.
    ///
    /// # Errors
    ///
    /// One sentence that names what the account or the token lacks.
    pub(super) fn require_ready_account(&self, account: &str, places: &Places) -> Result<()> {
        self.require_permissions(account)?;
        self.require_paid_plan(account)?;
        self.require_subdomain(account, places)
    }

    fn require_permissions(&self, account: &str) -> Result<()> {
        let mut lacking = Vec::new();
        for (permission, path) in PERMISSIONS {
            let answer = self.read_account(account, path)?;
            if answer.is_refused() {
                lacking.push(permission);
            } else if path.is_empty() && answer.status != 200 {
                bail!(
                    "Cloudflare has no account {account} (it answers {}): correct CLOUDFLARE_ACCOUNT_ID",
                    answer.status
                );
            }
        }
        if lacking.len() == PERMISSIONS.len() {
            bail!(
                "Cloudflare does not accept CLOUDFLARE_API_TOKEN for the account {account}: create one with the permissions {}",
                lacking.join(", ")
            );
        }
        if !lacking.is_empty() {
            bail!(
                "CLOUDFLARE_API_TOKEN lacks {}: add that to the token in Cloudflare's dashboard",
                lacking.join(", ")
            );
        }
        Ok(())
    }

    fn require_paid_plan(&self, account: &str) -> Result<()> {
        let answer = self.read_account(account, "/subscriptions")?;
        let Some(subscriptions) = answer.result.as_array().filter(|_| answer.status == 200) else {
            // Only a token that may read bills is told. The Queues are created first, and the free plan refuses the first.
            line("  not told whether the account has Workers Paid: the token lacks Billing: Read");
            return Ok(());
        };
        if !subscriptions.iter().any(is_paid_workers_plan) {
            bail!(
                "the account {account} of {} is not on the Workers Paid plan, which Queues with 14 days' retention and long runs need: subscribe to it in Cloudflare's dashboard",
                self.environment
            );
        }
        Ok(())
    }

    /// Requires that the account has the environment's workers.dev subdomain, unless there are custom domains.
    pub(super) fn require_subdomain(&self, account: &str, places: &Places) -> Result<()> {
        let Some(wanted) = &places.subdomain else { return Ok(()) };
        let answer = self.read_account(account, "/workers/subdomain")?;
        if answer.is_refused() {
            bail!(
                "Cloudflare does not accept CLOUDFLARE_API_TOKEN for this account: create one with the permissions to edit Workers, D1, KV and Queues"
            );
        }
        match answer.result.get("subdomain").and_then(Value::as_str) {
            Some(name) if name == wanted => return Ok(()),
            Some(name) if !name.is_empty() => bail!(
                "the account's workers.dev subdomain is {name}, and should be {wanted}: change it in Cloudflare's dashboard, or name custom domains for {} in environments.toml",
                self.environment
            ),
            _ => {}
        }
        if answer.status != 200 && answer.code != Some(NO_SUBDOMAIN) {
            bail!(
                "Cloudflare does not tell the account's workers.dev subdomain (it answers {})",
                answer.status
            );
        }
        let available = self.read_account(account, &format!("/workers/subdomains/{wanted}"))?;
        if available.code != Some(FREE_SUBDOMAIN) {
            bail!(
                "the workers.dev subdomain {wanted} is taken by another account: name custom domains for {} in environments.toml",
                self.environment
            );
        }
        bail!(
            "the account has no workers.dev subdomain, and {wanted} can be had: register it in Cloudflare's dashboard (Workers & Pages, Your subdomain)"
        );
    }

    /// Everything that a path of the account lists, page by page, up to the page that has nothing new.
    pub(super) fn listed_in_account(&self, account: &str, what: &str, path: &str) -> Result<Vec<Value>> {
        let mut all: Vec<Value> = Vec::new();
        for page in 1.. {
            let answer = self.read_account(account, &format!("{path}?per_page={PAGE}&page={page}"))?;
            if answer.status != 200 {
                bail!(
                    "Cloudflare does not list the {what}s of {} (it answers {})",
                    self.environment,
                    answer.status
                );
            }
            let (before, items) = (all.len(), answer.result.as_array().cloned().unwrap_or_default());
            let is_full = items.len() >= PAGE;
            for item in items {
                if !all.contains(&item) {
                    all.push(item);
                }
            }
            if all.len() == before || (!is_full && answer.total.is_none_or(|total| all.len() >= total)) {
                break;
            }
        }
        Ok(all)
    }

    /// Requires that the jurisdiction in which something was found is that of `environments.toml`.
    pub(super) fn compare_jurisdiction(
        &self,
        places: &Places,
        what: &str,
        name: &str,
        found: Option<&str>,
    ) -> Result<()> {
        if found != places.jurisdiction.as_deref() {
            bail!(
                "the {what} {name} of {} is in the jurisdiction {}, and should be in {}: a {what} cannot be moved, so correct environments.toml, or keep its contents, delete it and provision anew",
                self.environment,
                found.unwrap_or("none"),
                places.jurisdiction.as_deref().unwrap_or("none")
            );
        }
        Ok(())
    }

    /// Requires that a database of the account is in the jurisdiction that `environments.toml` names.
    pub(super) fn require_jurisdiction(
        &self,
        account: &str,
        places: &Places,
        name: &str,
        id: &str,
    ) -> Result<()> {
        let answer = self.read_account(account, &format!("/d1/database/{id}"))?;
        if answer.status != 200 {
            bail!("Cloudflare does not tell where the D1 database {name} is (it answers {})", answer.status);
        }
        let found =
            answer.result.get("jurisdiction").and_then(Value::as_str).filter(|found| !found.is_empty());
        self.compare_jurisdiction(places, "D1 database", name, found)
    }

    /// Requires that the token may ask Workers Logs, which tell how a new version does.
    pub(super) fn require_logs(&self, account: &str) -> Result<()> {
        let now = local::clock::milliseconds();
        let first = ORDER[0];
        self.error_lines(account, first, "", now, now).map(drop)
    }

    /// The error lines and the answers of 5xx that a version of a Worker has in Workers Logs between two times, which are in
    /// milliseconds: each `message` with its number.
    pub(super) fn error_lines(
        &self,
        account: &str,
        worker: &str,
        version: &str,
        from: u64,
        to: u64,
    ) -> Result<Vec<(String, u64)>> {
        let mut lines = Vec::new();
        for bad in [
            json!({"key": "level", "operation": "eq", "type": "string", "value": "error"}),
            json!({"key": "status", "operation": "gte", "type": "number", "value": 500}),
        ] {
            let is = |key: &str, value: &str| json!({"key": key, "operation": "eq", "type": "string", "value": value});
            let question = json!({
                "queryId": "gradual", "view": "calculations", "timeframe": {"from": from, "to": to},
                "parameters": {
                    "datasets": ["cloudflare-workers"],
                    "filters": [is("$metadata.service", worker), is("$workers.scriptVersion.id", version), bad],
                    "calculations": [{"operator": "count"}],
                    "groupBys": [{"type": "string", "value": "message"}],
                },
            });
            let answer = self.ask_account(account, LOGS, Some(&question))?;
            if answer.is_refused() {
                bail!(
                    "CLOUDFLARE_API_TOKEN lacks Workers Observability: Read, without which nothing tells how a new version does: add that to the token in Cloudflare's dashboard, or deploy without --gradual"
                );
            }
            if answer.status != 200 {
                bail!("Workers Logs do not tell how {worker} does (they answer {})", answer.status);
            }
            let list = |value: &Value, key: &str| {
                value.get(key).and_then(Value::as_array).cloned().unwrap_or_default()
            };
            for aggregate in
                list(&answer.result, "calculations").iter().flat_map(|all| list(all, "aggregates"))
            {
                let count = aggregate.get("count").or_else(|| aggregate.get("value")).and_then(Value::as_f64);
                let message =
                    aggregate.pointer("/groups/0/value").and_then(Value::as_str).unwrap_or("an error");
                if let Some(count) = count.filter(|count| *count >= 1.0) {
                    #[allow(
                        clippy::cast_possible_truncation,
                        clippy::cast_sign_loss,
                        reason = "a number of lines"
                    )]
                    lines.push((message.to_owned(), count as u64));
                }
            }
        }
        Ok(lines)
    }

    /// Asks Cloudflare's API about the account.
    fn read_account(&self, account: &str, path: &str) -> Result<AccountAnswer> {
        self.ask_account(account, path, None)
    }

    /// Sends Cloudflare's API a `GET`, or a `POST` of a question that changes nothing: up to three times, where the API is unwell
    /// or the connection breaks.
    fn ask_account(&self, account: &str, path: &str, question: Option<&Value>) -> Result<AccountAnswer> {
        for attempt in 1..ATTEMPTS {
            match self.ask_account_once(account, path, question)? {
                Ok(answer) => return Ok(answer),
                Err(Unwell { wait, .. }) => sleep(wait.unwrap_or(self.pause * attempt)),
            }
        }
        self.ask_account_once(account, path, question)?.map_err(|unwell| anyhow!(unwell.sentence))
    }

    fn ask_account_once(
        &self,
        account: &str,
        path: &str,
        question: Option<&Value>,
    ) -> Result<Result<AccountAnswer, Unwell>> {
        let base = self.variable("CLOUDFLARE_API_BASE_URL").unwrap_or(API);
        let url = format!("{base}/accounts/{account}{path}");
        let token = format!("Bearer {}", self.variable("CLOUDFLARE_API_TOKEN").unwrap_or_default());
        let limited = Agent::config_builder().timeout_global(Some(ANSWER_LIMIT)).http_status_as_error(false);
        let agent = limited.build().new_agent();
        let asked = match question {
            None => agent.get(&url).header("Authorization", token).call(),
            Some(question) => {
                let request = agent.post(&url).header("Authorization", token);
                request.content_type("application/json").send(question.to_string())
            }
        };
        let Ok(mut answer) = asked else {
            return Ok(Err(Unwell {
                sentence: "Cloudflare's API cannot be reached: check the network",
                wait: None,
            }));
        };
        let status = answer.status().as_u16();
        let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let wait = wait.filter(|seconds| *seconds <= LONGEST_WAIT).map(Duration::from_secs);
        let body = answer.body_mut().read_to_string().ok();
        let body: Option<Value> = body.and_then(|text| serde_json::from_str(&text).ok());
        let Some(body) = body.filter(|_| status != 429 && status < 500) else {
            return Ok(Err(Unwell { sentence: API_IS_UNWELL, wait }));
        };
        let total = body.pointer("/result_info/total_count").and_then(Value::as_u64);
        Ok(Ok(AccountAnswer {
            status,
            total: total.and_then(|total| total.try_into().ok()),
            code: body.pointer("/errors/0/code").and_then(Value::as_u64),
            result: body.get("result").cloned().unwrap_or_default(),
        }))
    }
}

/// Cloudflare's API did not answer as it should.
struct Unwell {
    sentence: &'static str,
    /// The time for which the API asks us to wait.
    wait: Option<Duration>,
}

/// Returns whether a subscription pays for Workers Paid.
fn is_paid_workers_plan(subscription: &Value) -> bool {
    let text = |key: &str| {
        let value = subscription.pointer(&format!("/rate_plan/{key}")).and_then(Value::as_str);
        value.unwrap_or_default().to_lowercase()
    };
    let (id, name) = (text("id"), text("public_name"));
    let pays = |text: &str| text.contains("workers") && !text.contains("free");
    pays(&id) || pays(&name) || id.contains("enterprise") || name.contains("enterprise")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_plan_that_pays_for_workers_counts() {
        let plan = |id: &str, name: &str| json!({"rate_plan": {"id": id, "public_name": name}});
        assert!(is_paid_workers_plan(&plan("workers_paid", "Workers Paid")));
        assert!(is_paid_workers_plan(&plan("enterprise", "Enterprise Plan")));
        for other in [plan("workers_free", "Workers Free"), plan("pro", "Pro Plan"), json!({})] {
            assert!(!is_paid_workers_plan(&other), "{other}");
        }
    }
}
