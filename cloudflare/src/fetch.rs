//! Outbound HTTP: a POST to an endpoint that we do not trust; a document or a token of the provider, which we do trust;
//! a call to another Worker of ours.

use std::time::Duration;

use async_trait::async_trait;
use edge::ports::{DocumentClient, FormAnswer, FormClient, NoAnswer, ServiceBinding};
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use shared::delivery::outcome::AttemptResult;
use shared::ports::{Clock, HttpClient, OutboundRequest};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use worker::send::{SendFuture, SendWrapper};
use worker::{
    AbortController, Delay, Headers, Method, Request, RequestInit, RequestRedirect, Response, ResponseBody,
};

use crate::SystemClock;

/// How much of an endpoint's answer is read, in bytes.
const EXCERPT: usize = 1024;
/// The largest document or token answer, in bytes.
const LARGEST_DOCUMENT: usize = 64 * 1024;
/// The time for fetching a document.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// The time for an exchange with a token endpoint, and for a call to another Worker.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer of another Worker, in bytes: a page of 200 deliveries, each with a day of attempts.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;
/// How much of an error's text is kept, in characters.
const LONGEST_ERROR: usize = 200;

/// `fetch()`.
pub struct Fetch;

/// The reason why a request has no usable answer.
enum Failure {
    TimedOut,
    Failed(String),
}

impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Self {
        Self::Failed(shorten(&error.to_string()))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TimedOut => formatter.write_str("timed out"),
            Self::Failed(text) => formatter.write_str(text),
        }
    }
}

/// The text of a JavaScript error.
pub(crate) fn describe(value: &JsValue) -> String {
    let message =
        js_sys::Reflect::get(value, &JsValue::from_str("message")).ok().and_then(|text| text.as_string());
    message.or_else(|| value.as_string()).unwrap_or_else(|| "unknown error".to_owned())
}

fn shorten(text: &str) -> String {
    text.chars().take(LONGEST_ERROR).collect()
}

/// Sends a request and reads at most `limit` bytes of the answer's body, all within `timeout`. Returns also whether the
/// body is longer.
async fn exchange(
    request: Request,
    timeout: Duration,
    limit: usize,
) -> Result<(Response, Vec<u8>, bool), Failure> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let exchange = async {
        let mut response = worker::Fetch::Request(request).send_with_signal(&signal).await?;
        let (body, more) = read(&mut response, limit).await?;
        Ok((response, body, more))
    };
    let ended = within(timeout, exchange).await;
    // Whatever the endpoint still sends, nobody waits for.
    controller.abort();
    ended
}

/// Reads at most `limit` bytes of the body. Returns also whether the body is longer.
async fn read(response: &mut Response, limit: usize) -> Result<(Vec<u8>, bool), Failure> {
    let mut body = Vec::new();
    read_into(response, &mut body, limit).await?;
    let more = body.len() > limit;
    body.truncate(limit);
    Ok((body, more))
}

/// Reads the body until there is more than `limit`.
async fn read_into(response: &mut Response, body: &mut Vec<u8>, limit: usize) -> Result<(), Failure> {
    if let Ok(mut stream) = response.stream() {
        while body.len() <= limit {
            match stream.next().await {
                Some(chunk) => body.extend(chunk?),
                None => break,
            }
        }
    }
    Ok(())
}

async fn within<T>(
    timeout: Duration,
    exchange: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match select(std::pin::pin!(exchange), std::pin::pin!(Delay::from(timeout))).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), _)) => Err(Failure::TimedOut),
    }
}

fn request(url: &str, init: &RequestInit) -> Result<Request, Failure> {
    Ok(Request::new_with_init(url, init)?)
}

fn post(request: &OutboundRequest) -> Result<Request, Failure> {
    let headers = Headers::new();
    for (name, value) in &request.headers {
        headers.set(name, value)?;
    }
    let mut init = RequestInit::new();
    init.with_method(Method::Post)
        .with_headers(headers)
        .with_body(Some(JsValue::from_str(&request.body)))
        .with_redirect(RequestRedirect::Manual);
    self::request(&request.url, &init)
}

/// Sends, and waits for the status. From then on nothing changes the outcome: of a 2xx the body is not read at all, of
/// any other answer at most [`EXCERPT`] bytes in what is left of the time, as far as they come.
async fn deliver(outbound: &OutboundRequest) -> Result<AttemptResult, Failure> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let began = SystemClock.now();
    let request = post(outbound)?;
    let sent = within(outbound.timeout, async {
        Ok(worker::Fetch::Request(request).send_with_signal(&signal).await?)
    });
    let mut response = match sent.await {
        Ok(response) => response,
        Err(failure) => {
            controller.abort();
            return Err(failure);
        }
    };
    let status = response.status_code();
    if (200..300).contains(&status) {
        discard(response);
        return Ok(AttemptResult::Response { status, retry_after: None, excerpt: String::new() });
    }
    let retry_after = response.headers().get("retry-after").ok().flatten();
    let mut excerpt = Vec::new();
    let spent = SystemClock.now().since(began);
    // Whatever goes wrong with the body: what came of it before is the excerpt.
    let _ =
        within(outbound.timeout.saturating_sub(spent), read_into(&mut response, &mut excerpt, EXCERPT)).await;
    controller.abort();
    excerpt.truncate(EXCERPT);
    let excerpt = String::from_utf8_lossy(&excerpt).into_owned();
    Ok(AttemptResult::Response { status, retry_after, excerpt })
}

/// Lets go of an answer whose body nobody reads; an endless one ends here.
fn discard(response: Response) {
    if let ResponseBody::Stream(stream) = response.body() {
        let cancelled = JsFuture::from(stream.cancel());
        // Not waited for. A body that cannot be cancelled, because its encoding is wrong, is no news.
        spawn_local(async move { drop(cancelled.await) });
    }
}

#[async_trait]
impl HttpClient for Fetch {
    async fn post(&self, outbound: OutboundRequest) -> AttemptResult {
        match SendFuture::new(async move { deliver(&outbound).await }).await {
            Ok(result) => result,
            Err(Failure::TimedOut) => AttemptResult::TimedOut,
            Err(Failure::Failed(text)) => AttemptResult::ConnectionFailed(text),
        }
    }
}

#[async_trait]
impl DocumentClient for Fetch {
    async fn get(&self, url: &str) -> Result<String, NoAnswer> {
        let mut init = RequestInit::new();
        // Workers know no `error` mode. A redirect comes back as it is, and is refused for not being a 200.
        init.with_redirect(RequestRedirect::Manual);
        let fetched = SendFuture::new(async {
            exchange(request(url, &init)?, DOCUMENT_TIMEOUT, LARGEST_DOCUMENT).await
        })
        .await;
        match fetched {
            Ok((response, body, false)) if response.status_code() == 200 => {
                String::from_utf8(body).map_err(|_| NoAnswer("the document is not UTF-8".into()))
            }
            Ok((response, _, more)) => {
                let size = if more { ", and larger than 64 KiB" } else { "" };
                Err(NoAnswer(format!("the document came with status {}{size}", response.status_code())))
            }
            Err(failure) => Err(NoAnswer(failure.to_string())),
        }
    }
}

#[async_trait]
impl FormClient for Fetch {
    async fn post_form(&self, url: &str, form: &str) -> Result<FormAnswer, NoAnswer> {
        let exchanged = SendFuture::new(async {
            let headers = Headers::new();
            headers.set("content-type", "application/x-www-form-urlencoded")?;
            headers.set("accept", "application/json")?;
            let mut init = RequestInit::new();
            init.with_method(Method::Post)
                .with_headers(headers)
                .with_body(Some(JsValue::from_str(form)))
                .with_redirect(RequestRedirect::Manual);
            exchange(request(url, &init)?, CALL_TIMEOUT, LARGEST_DOCUMENT).await
        })
        .await;
        match exchanged {
            Ok((response, body, false)) => match String::from_utf8(body) {
                Ok(body) => Ok(FormAnswer { status: response.status_code(), body }),
                Err(_) => Err(NoAnswer("the answer is not UTF-8".into())),
            },
            Ok(_) => Err(NoAnswer("the answer is larger than 64 KiB".into())),
            Err(failure) => Err(NoAnswer(failure.to_string())),
        }
    }
}

/// A service binding.
pub struct WorkerServiceBinding(SendWrapper<worker::Fetcher>);

impl WorkerServiceBinding {
    /// The Worker bound as `name`.
    ///
    /// # Errors
    /// If there is no such binding.
    pub fn bound(env: &worker::Env, name: &str) -> worker::Result<Self> {
        Ok(Self(SendWrapper(env.service(name)?)))
    }
}

#[async_trait]
impl ServiceBinding for WorkerServiceBinding {
    async fn call(&self, outbound: http::Request<String>) -> Result<http::Response<Vec<u8>>, NoAnswer> {
        let called = SendFuture::new(async {
            let (parts, body) = outbound.into_parts();
            let headers = Headers::new();
            for (name, value) in &parts.headers {
                headers.set(name.as_str(), value.to_str().unwrap_or_default())?;
            }
            let mut init = RequestInit::new();
            init.with_method(Method::from(parts.method.as_str().to_owned()))
                .with_headers(headers)
                .with_redirect(RequestRedirect::Manual);
            if !body.is_empty() {
                init.with_body(Some(JsValue::from_str(&body)));
            }
            // The host is a formality: the binding chooses the Worker.
            let request = request(&format!("https://service{}", parts.uri), &init)?;
            within(CALL_TIMEOUT, async {
                let mut response = self.0.fetch_request(request).await?;
                let (body, more) = read(&mut response, LARGEST_ANSWER).await?;
                if more {
                    return Err(Failure::Failed("the answer is too large".to_owned()));
                }
                let mut answer = http::Response::new(body);
                *answer.status_mut() = http::StatusCode::from_u16(response.status_code()).unwrap_or_default();
                Ok(answer)
            })
            .await
        });
        called.await.map_err(|failure| NoAnswer(failure.to_string()))
    }
}
