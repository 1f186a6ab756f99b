//! What an account must be before anything is created or changed in it: on the paid plan, open to the token, with the
//! environment's subdomain, and with its data in the right jurisdiction.
use anyhow::{Result, bail};
use local::progress::line;
use serde_json::{Value, json};

use super::places::Places;
use super::wrangler::TOKEN_IS_REFUSED;
use super::{Deployment, ORDER};

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
            bail!(TOKEN_IS_REFUSED);
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
        let result = answer.told(&format!("where the D1 database {name} is"))?;
        let found = result.get("jurisdiction").and_then(Value::as_str).filter(|found| !found.is_empty());
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
