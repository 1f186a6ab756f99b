//! Outbound HTTP: one POST to an endpoint we do not trust; one GET of a document we do.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::{Either, select};
use shared::delivery::outcome::AttemptResult;
use shared::ports::{DocumentClient, HttpClient, OutboundRequest, StoreError};
use wasm_bindgen::JsValue;
use worker::send::SendFuture;
use worker::{AbortController, Delay, Headers, Method, Request, RequestInit, RequestRedirect, Response};

/// Of an endpoint's answer, this much is read.
const EXCERPT: usize = 1024;
/// The largest document.
const LARGEST_DOCUMENT: usize = 64 * 1024;
/// For the whole exchange about a document.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// What is kept of an error's text.
const LONGEST_ERROR: usize = 200;

/// `fetch()`.
pub struct Fetch;

/// Why an exchange did not end well.
enum Failure {
    TimedOut,
    Failed(String),
}

impl From<worker::Error> for Failure {
    fn from(error: worker::Error) -> Self {
        Self::Failed(shorten(&error.to_string()))
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

/// Sends, and reads at most `limit` bytes of the body, all within `timeout`. Gives back whether there was more.
async fn exchange(
    request: Request,
    timeout: Duration,
    limit: usize,
) -> Result<(Response, Vec<u8>, bool), Failure> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let exchange = async {
        let mut response = worker::Fetch::Request(request).send_with_signal(&signal).await?;
        let mut body = Vec::new();
        if let Ok(mut stream) = response.stream() {
            while body.len() <= limit {
                match stream.next().await {
                    Some(chunk) => body.extend(chunk?),
                    None => break,
                }
            }
        }
        let more = body.len() > limit;
        body.truncate(limit);
        Ok((response, body, more))
    };
    let ended = match select(std::pin::pin!(exchange), std::pin::pin!(Delay::from(timeout))).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), _)) => Err(Failure::TimedOut),
    };
    // Whatever the endpoint still sends is not ours to wait for.
    controller.abort();
    ended
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

#[async_trait]
impl HttpClient for Fetch {
    async fn post(&self, outbound: OutboundRequest) -> AttemptResult {
        let exchanged =
            SendFuture::new(async move { exchange(post(&outbound)?, outbound.timeout, EXCERPT).await }).await;
        match exchanged {
            Ok((response, body, _)) => AttemptResult::Response {
                status: response.status_code(),
                retry_after: response.headers().get("retry-after").ok().flatten(),
                excerpt: String::from_utf8_lossy(&body).into_owned(),
            },
            Err(Failure::TimedOut) => AttemptResult::TimedOut,
            Err(Failure::Failed(text)) => AttemptResult::ConnectionFailed(text),
        }
    }
}

#[async_trait]
impl DocumentClient for Fetch {
    async fn get(&self, url: &str) -> Result<String, StoreError> {
        let mut init = RequestInit::new();
        // Workers know no `error` mode; a redirect comes back as it is, and is no 200.
        init.with_redirect(RequestRedirect::Manual);
        let fetched = SendFuture::new(async {
            exchange(request(url, &init)?, DOCUMENT_TIMEOUT, LARGEST_DOCUMENT).await
        })
        .await;
        match fetched {
            Ok((response, body, false)) if response.status_code() == 200 => {
                String::from_utf8(body).map_err(|_| StoreError("the document is not UTF-8".into()))
            }
            Ok((response, _, more)) => {
                let size = if more { ", and larger than 64 KiB" } else { "" };
                Err(StoreError(format!("the document came with status {}{size}", response.status_code())))
            }
            Err(Failure::TimedOut) => Err(StoreError("timed out".into())),
            Err(Failure::Failed(text)) => Err(StoreError(text)),
        }
    }
}
