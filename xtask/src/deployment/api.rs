//! Asks Cloudflare's API what an account has, and runs statements in its D1 databases. That takes a moment each time; wrangler, which
//! takes a second to start, makes all other changes.
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::Agent;

use super::Deployment;
use super::wrangler::{API_IS_UNWELL, TOKEN_IS_REFUSED, UNREACHED};

/// The address of Cloudflare's API. `CLOUDFLARE_API_BASE_URL` replaces this address, here as in wrangler.
const API: &str = "https://api.cloudflare.com/client/v4";
/// The number of entries in a page of a list, as many as wrangler asks for. Cloudflare may give fewer, and then tells the total.
const PAGE: usize = 100;
/// The time within which Cloudflare's API must answer a question.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// The time within which statements in a D1 database must end.
const STATEMENT_LIMIT: Duration = Duration::from_secs(300);
/// How often a question is asked where Cloudflare's API is unwell.
const ATTEMPTS: u32 = 3;
/// The longest time in seconds for which Cloudflare's API may have us wait before the next attempt; the same as wrangler's.
const LONGEST_WAIT: u64 = 60;

/// An answer of Cloudflare's API.
pub(super) struct AccountAnswer {
    pub(super) status: u16,
    /// The code of the first error.
    pub(super) code: Option<u64>,
    /// The text of the first error.
    message: Option<String>,
    pub(super) result: Value,
    /// The number of entries of a list on all its pages, where the answer tells.
    total: Option<usize>,
}

impl AccountAnswer {
    /// Returns whether Cloudflare does not accept the token for this question.
    pub(super) fn is_refused(&self) -> bool {
        // 6003 and 9106: a token that is cut off, or none.
        matches!(self.status, 401 | 403) || matches!(self.code, Some(10000 | 9109 | 6003 | 9106))
    }

    /// Returns whether the question was about a Worker that has never been deployed.
    fn is_unknown_worker(&self) -> bool {
        matches!(self.code, Some(10007 | 10090))
    }

    /// The result of a question about `what`.
    ///
    /// # Errors
    ///
    /// One sentence, where Cloudflare does not tell.
    pub(super) fn told(self, what: &str) -> Result<Value> {
        if self.is_refused() {
            bail!(TOKEN_IS_REFUSED);
        }
        if self.status != 200 {
            let message = self.message.map(|message| format!(": {message}")).unwrap_or_default();
            bail!("Cloudflare does not tell {what} (it answers {}{message})", self.status);
        }
        Ok(self.result)
    }
}

impl Deployment {
    /// Everything that a path of the account lists, page by page, up to the page that has nothing new.
    pub(super) fn listed_in_account(&self, account: &str, what: &str, path: &str) -> Result<Vec<Value>> {
        let mut all: Vec<Value> = Vec::new();
        for page in 1.. {
            let answer = self.read_account(account, &format!("{path}?per_page={PAGE}&page={page}"))?;
            let total = answer.total;
            let result = answer.told(&format!("which {what}s {} has", self.environment))?;
            let (before, items) = (all.len(), result.as_array().cloned().unwrap_or_default());
            let is_full = items.len() >= PAGE;
            for item in items {
                if !all.contains(&item) {
                    all.push(item);
                }
            }
            if all.len() == before || (!is_full && total.is_none_or(|total| all.len() >= total)) {
                break;
            }
        }
        Ok(all)
    }

    /// The answer to a question about a Worker; `None` where the Worker has never been deployed.
    pub(super) fn told_of_worker<T: DeserializeOwned>(
        &self,
        account: &str,
        worker: &str,
        what: &str,
    ) -> Result<Option<T>> {
        let answer = self.read_account(account, &format!("/workers/scripts/{worker}/{what}"))?;
        if answer.is_unknown_worker() {
            return Ok(None);
        }
        let subject = what.split(['/', '?']).next().unwrap_or(what);
        let result = answer.told(&format!("the {subject} of {worker}"))?;
        let read = serde_json::from_value(result);
        read.map(Some)
            .with_context(|| format!("Cloudflare tells the {subject} of {worker} in a way we cannot read"))
    }

    /// The rows that a query of a D1 database gives. The query only reads.
    pub(super) fn rows(&self, account: &str, database: &str, id: &str, sql: &str) -> Result<Vec<Value>> {
        let answer =
            self.ask_account(account, &format!("/d1/database/{id}/query"), Some(&json!({"sql": sql})))?;
        Ok(rows_of(&answer.told(&format!("what the D1 database {database} holds"))?))
    }

    /// Runs statements in a D1 database one after the other, without a second attempt. Returns the rows of all.
    pub(super) fn run_statements(
        &self,
        account: &str,
        database: &str,
        id: &str,
        sql: &str,
    ) -> Result<Vec<Value>> {
        let path = format!("/d1/database/{id}/query");
        let answer = self.ask_account_once(account, &path, Some(&json!({"sql": sql})), STATEMENT_LIMIT)?;
        let answer = answer.map_err(|unwell| anyhow!(unwell.sentence))?;
        Ok(rows_of(&answer.told(&format!("what a statement does in the D1 database {database}"))?))
    }

    /// Asks Cloudflare's API about the account.
    pub(super) fn read_account(&self, account: &str, path: &str) -> Result<AccountAnswer> {
        self.ask_account(account, path, None)
    }

    /// Sends Cloudflare's API a `GET`, or a `POST` of a question that changes nothing: up to three times, where the API is unwell
    /// or the connection breaks.
    pub(super) fn ask_account(
        &self,
        account: &str,
        path: &str,
        question: Option<&Value>,
    ) -> Result<AccountAnswer> {
        for attempt in 1..ATTEMPTS {
            match self.ask_account_once(account, path, question, ANSWER_LIMIT)? {
                Ok(answer) => return Ok(answer),
                Err(Unwell { wait, .. }) => sleep(wait.unwrap_or(self.pause * attempt)),
            }
        }
        self.ask_account_once(account, path, question, ANSWER_LIMIT)?
            .map_err(|unwell| anyhow!(unwell.sentence))
    }

    fn ask_account_once(
        &self,
        account: &str,
        path: &str,
        question: Option<&Value>,
        limit: Duration,
    ) -> Result<Result<AccountAnswer, Unwell>> {
        let base = self.variable("CLOUDFLARE_API_BASE_URL").unwrap_or(API);
        let url = format!("{base}/accounts/{account}{path}");
        let token = format!("Bearer {}", self.variable("CLOUDFLARE_API_TOKEN").unwrap_or_default());
        let limited = Agent::config_builder().timeout_global(Some(limit)).http_status_as_error(false);
        let agent = limited.build().new_agent();
        let asked = match question {
            None => agent.get(&url).header("Authorization", token).call(),
            Some(question) => {
                let request = agent.post(&url).header("Authorization", token);
                request.content_type("application/json").send(question.to_string())
            }
        };
        let Ok(mut answer) = asked else {
            return Ok(Err(Unwell { sentence: UNREACHED, wait: None }));
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
            message: body.pointer("/errors/0/message").and_then(Value::as_str).map(str::to_owned),
            result: body.get("result").cloned().unwrap_or_default(),
        }))
    }
}

/// The rows of all statements of a query, in order.
fn rows_of(result: &Value) -> Vec<Value> {
    let answers = result.as_array().into_iter().flatten();
    let rows = answers.filter_map(|answer| answer.get("results")?.as_array());
    rows.flatten().cloned().collect()
}

/// Cloudflare's API did not answer as it should.
struct Unwell {
    sentence: &'static str,
    /// The time for which the API asks us to wait.
    wait: Option<Duration>,
}
