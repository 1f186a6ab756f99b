//! Outbound HTTP: a POST to an endpoint that we do not trust; a document or a token of the provider, which we do trust;
//! a call to another Worker of ours.

use std::time::Duration;

use async_trait::async_trait;
use edge::ports::{DocumentClient, FormAnswer, FormClient, NoAnswer, ServiceBinding};
use shared::delivery::outcome::AttemptResult;
use shared::ports::{HttpClient, OutboundRequest};

use crate::bindings::{Bound, Env};
use crate::glue::{self, Call, FAILED, LATE, Outcome};

/// How much of an endpoint's answer is read, in bytes.
const EXCERPT: u32 = 1024;
/// The largest document or token answer, in bytes.
const LARGEST_DOCUMENT: u32 = 64 * 1024;
/// The time for fetching a document.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for an exchange with a token endpoint, and for a call to another Worker.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer of another Worker, in bytes: a page of 200 deliveries, each with a day of attempts.
const LARGEST_ANSWER: u32 = 8 * 1024 * 1024;
/// How much of an error's text is kept, in characters.
const LONGEST_ERROR: usize = 200;

/// The place of no binding: the Internet.
const INTERNET: i32 = -1;

/// `fetch()`.
pub struct Fetch;

/// The reason why a request has no usable answer.
fn no_answer(outcome: &Outcome) -> NoAnswer {
    NoAnswer(if outcome.code == LATE { "timed out".to_owned() } else { shorten(&outcome.text) })
}

fn shorten(text: &str) -> String {
    text.chars().take(LONGEST_ERROR).collect()
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Header names and values by turns, a line each. `None` if there is a line break in one of them.
pub(crate) fn lines<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let mut lines = String::new();
    for part in headers.into_iter().flat_map(|(name, value)| [name, value]) {
        if part.contains('\n') {
            return None;
        }
        lines.push_str(part);
        lines.push('\n');
    }
    Some(lines)
}

/// A status with at most `limit` bytes of the body, and whether the body is longer.
struct FetchAnswer {
    status: u16,
    body: Vec<u8>,
    longer: bool,
}

/// Sends a request, within `timeout`.
async fn exchange(
    place: i32,
    (method, url): (&str, &str),
    headers: &str,
    body: &str,
    timeout: Duration,
    limit: u32,
) -> Result<FetchAnswer, NoAnswer> {
    let timeout = milliseconds(timeout);
    let exchanged =
        Call::make(|call| glue::exchange(call, place, method, url, headers, body, timeout, limit)).await;
    let Ok(status) = u16::try_from(exchanged.code) else { return Err(no_answer(&exchanged)) };
    let mut body = exchanged.bytes;
    let longer = body.len() > limit as usize;
    body.truncate(limit as usize);
    Ok(FetchAnswer { status, body, longer })
}

#[async_trait]
impl HttpClient for Fetch {
    async fn post(&self, outbound: OutboundRequest) -> AttemptResult {
        let headers = outbound.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let Some(headers) = lines(headers) else {
            return AttemptResult::ConnectionFailed("a header has a line break".to_owned());
        };
        let timeout = milliseconds(outbound.timeout);
        let OutboundRequest { url, body, .. } = &outbound;
        let (number, body) = (body.number(), body.as_bytes());
        let attempt =
            Call::make(|call| glue::attempt(call, url, &headers, number, body, timeout, EXCERPT)).await;
        match attempt.code {
            LATE => AttemptResult::TimedOut,
            FAILED => AttemptResult::ConnectionFailed(shorten(&attempt.text)),
            status => AttemptResult::Response {
                status: u16::try_from(status).unwrap_or_default(),
                retry_after: Some(attempt.text).filter(|text| !text.is_empty()),
                excerpt: String::from_utf8_lossy(&attempt.bytes).into_owned(),
            },
        }
    }
}

#[async_trait]
impl DocumentClient for Fetch {
    async fn get(&self, url: &str) -> Result<String, NoAnswer> {
        // Workers know no `error` mode. A redirect comes back as it is, and is refused for not being a 200.
        let request = ("GET", url);
        let answer = exchange(INTERNET, request, "", "", DOCUMENT_TIMEOUT, LARGEST_DOCUMENT).await?;
        match answer {
            FetchAnswer { status: 200, body, longer: false } => {
                String::from_utf8(body).map_err(|_| NoAnswer("the document is not UTF-8".into()))
            }
            FetchAnswer { status, longer, .. } => {
                let size = if longer { ", and larger than 64 KiB" } else { "" };
                Err(NoAnswer(format!("the document came with status {status}{size}")))
            }
        }
    }
}

#[async_trait]
impl FormClient for Fetch {
    async fn post_form(&self, url: &str, form: &str) -> Result<FormAnswer, NoAnswer> {
        let headers = "content-type\napplication/x-www-form-urlencoded\naccept\napplication/json\n";
        let request = ("POST", url);
        let answer = exchange(INTERNET, request, headers, form, CALL_TIMEOUT, LARGEST_DOCUMENT).await?;
        if answer.longer {
            return Err(NoAnswer("the answer is larger than 64 KiB".into()));
        }
        match String::from_utf8(answer.body) {
            Ok(body) => Ok(FormAnswer { status: answer.status, body }),
            Err(_) => Err(NoAnswer("the answer is not UTF-8".into())),
        }
    }
}

/// A service binding.
pub struct WorkerServiceBinding(Bound);

impl WorkerServiceBinding {
    /// The Worker bound as `name`. `None` if there is no such binding.
    pub fn bound(env: &Env, name: &str) -> Option<Self> {
        env.bound(name, "fetch").map(Self)
    }
}

#[async_trait]
impl ServiceBinding for WorkerServiceBinding {
    async fn call(&self, outbound: http::Request<String>) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        let (parts, body) = outbound.into_parts();
        let headers =
            parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
        let headers = lines(headers).unwrap_or_default();
        // The host is a formality: the binding chooses the Worker.
        let url = format!("https://service{}", parts.uri);
        let request = (parts.method.as_str(), url.as_str());
        let answer = exchange(self.0.place(), request, &headers, &body, CALL_TIMEOUT, LARGEST_ANSWER).await?;
        if answer.longer {
            return Err(NoAnswer("the answer is too large".to_owned()));
        }
        let mut response = http::Response::new(answer.body);
        *response.status_mut() = http::StatusCode::from_u16(answer.status).unwrap_or_default();
        Ok(response)
    }
}
