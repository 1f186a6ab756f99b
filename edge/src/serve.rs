//! What surrounds the answer to a request: the request's id, its cost, a problem's body, headers and a log line.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use shared::api_key::ApiKey;
use shared::code::ErrorCode;
use shared::ports::{Clock, Log, Random};
use shared::settings::SettingFaults;

use crate::cost::Cost;
use crate::problem::Problem;
use crate::reads::Reads;
use crate::refusals::Refusals;

/// What [`serve`] needs besides the answer.
#[derive(Clone)]
pub struct Surroundings {
    /// Times the request.
    pub clock: Arc<dyn Clock>,
    /// Draws request ids.
    pub random: Arc<dyn Random>,
    /// Takes the log line.
    pub log: Arc<dyn Log>,
    /// Limits the lines of requests that are refused.
    pub refusals: Arc<Refusals>,
    /// Lets the reads of a busy second share lines.
    pub reads: Arc<Reads>,
}

/// The most characters of a path in the log.
const LONGEST_LOGGED_PATH: usize = 200;

/// How signing secrets of webhooks and JSON Web Tokens begin.
const CREDENTIAL_PREFIXES: [&str; 2] = ["whsec_", "eyJ"];

/// How a Worker shows its problems.
pub trait ProblemFormat: Send + Sync {
    /// Returns the media type and the body. `left` holds what the handler left on its response.
    fn render(&self, problem: &Problem, request_id: &str, left: &Extensions) -> (&'static str, String);
}

/// `application/json`, as the APIs have it.
pub struct JsonProblems;

impl ProblemFormat for JsonProblems {
    fn render(&self, problem: &Problem, request_id: &str, _left: &Extensions) -> (&'static str, String) {
        ("application/json", problem.render(request_id))
    }
}

/// A request's id, for handlers that log.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// A detail that a handler leaves for the log, as an extension of a response that is no problem.
#[derive(Clone, Debug)]
pub struct LogDetail(pub String);

/// A handler leaves this as an extension of an answer that needs no log line: what comes in by the million, and leaves a
/// line elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Unlogged;

/// Answers a request as [`serve_as`] does, with problems in JSON.
pub async fn serve(
    surroundings: &Surroundings,
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    serve_as(&JsonProblems, surroundings, request, answer).await
}

/// Answers a request by `answer`, which leaves a [`Problem`] as an extension of a response that shall be one.
pub async fn serve_as(
    format: &dyn ProblemFormat,
    surroundings: &Surroundings,
    mut request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let started = surroundings.clock.now();
    let request_id = fresh_request_id(surroundings);
    let cost = Cost::default();
    request.extensions_mut().insert(cost.clone());
    request.extensions_mut().insert(RequestId(request_id.clone()));
    let method = request.method().clone();
    let uri = request.uri().clone();

    let mut response = answer(request).await;
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        write_problem(format, problem, &request_id, &mut response);
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", value);
    }
    // Caches may keep assets alone, which say so themselves.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    protect(response.headers_mut());

    let now = surroundings.clock.now();
    let refused = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::TOO_MANY_REQUESTS);
    let unlogged = response.extensions_mut().remove::<Unlogged>().is_some();
    if unlogged || (refused && !surroundings.refusals.count(now)) {
        return response;
    }
    let status = response.status();
    let detail = response.extensions_mut().remove::<LogDetail>().map(|LogDetail(detail)| detail);
    let is_good_read =
        matches!(method, Method::GET | Method::HEAD) && status.is_success() && detail.is_none();
    let line = RequestLine {
        request_id: &request_id,
        method: method.as_str(),
        path: &path_in_public(uri.path()),
        status: status.as_u16(),
        milliseconds: u64::try_from(now.since(started).as_millis()).unwrap_or(u64::MAX),
        d1_round_trips: cost.round_trips(),
        d1_rows_read: cost.rows_read(),
        d1_rows_written: cost.rows_written(),
        error: problem.as_ref().map(|problem| problem.code),
        detail: problem.and_then(|problem| problem.detail).or(detail),
        refused_without_line: surroundings.refusals.take_without_line(now),
    };
    let line = serde_json::to_string(&line).unwrap_or_default();
    let overdue = surroundings.reads.take_overdue(now);
    let line = if is_good_read { surroundings.reads.take(line, now) } else { Some(line) };
    overdue.into_iter().chain(line).for_each(|line| surroundings.log.write_text(line));
    response
}

/// The line of one request. Nothing in it can fail to be written as JSON.
#[derive(Serialize)]
#[serde(tag = "message", rename = "request", rename_all = "camelCase")]
struct RequestLine<'a> {
    request_id: &'a str,
    method: &'a str,
    path: &'a str,
    status: u16,
    milliseconds: u64,
    d1_round_trips: u64,
    d1_rows_read: u64,
    d1_rows_written: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_without_line: Option<u64>,
}

/// A path as the log has it: cut off, and without what looks like a credential that somebody put there by mistake.
fn path_in_public(path: &str) -> String {
    let mut shown = String::with_capacity(path.len());
    for part in path.split('/').skip(1) {
        let is_credential = ApiKey::parse(part).is_some()
            || CREDENTIAL_PREFIXES.iter().any(|prefix| part.starts_with(prefix));
        shown.push('/');
        shown.push_str(if is_credential { "[credential]" } else { part });
    }
    shown.chars().take(LONGEST_LOGGED_PATH).collect()
}

/// The answer of a Worker with faults in its configuration. The log names each fault; the body names none.
pub fn misconfigured(
    format: &dyn ProblemFormat,
    surroundings: &Surroundings,
    faults: &SettingFaults,
) -> Response {
    let request_id = fresh_request_id(surroundings);
    surroundings.log.write(
        json!({"message": "misconfigured", "level": "error", "requestId": request_id, "faults": faults}),
    );
    unrouted(format, &Problem::misconfigured(None), &request_id)
}

/// The answer to a request that broke off, or that is none by the rules of HTTP. The log says what is wrong.
pub fn not_read(surroundings: &Surroundings, fault: &str) -> Response {
    let request_id = fresh_request_id(surroundings);
    surroundings.log.write(
        json!({"message": "request not read", "level": "error", "requestId": request_id, "detail": fault}),
    );
    let problem = Problem::invalid_request("The request ended early, or is not valid HTTP.");
    unrouted(&JsonProblems, &problem, &request_id)
}

/// The answer to a request that no router sees.
fn unrouted(format: &dyn ProblemFormat, problem: &Problem, request_id: &str) -> Response {
    let mut response = Response::default();
    write_problem(format, problem, request_id, &mut response);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    protect(response.headers_mut());
    response
}

/// Adds what every answer has: for two years no browser asks the host without TLS (RFC 6797; over plain HTTP the header
/// means nothing), and none guesses at media types.
fn protect(headers: &mut HeaderMap) {
    let transport = HeaderValue::from_static("max-age=63072000; includeSubDomains");
    headers.insert(header::STRICT_TRANSPORT_SECURITY, transport);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

fn write_problem(format: &dyn ProblemFormat, problem: &Problem, request_id: &str, response: &mut Response) {
    let (media_type, body) = format.render(problem, request_id, response.extensions());
    *response.status_mut() = problem.status;
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    *response.body_mut() = Body::from(body);
}

fn fresh_request_id(surroundings: &Surroundings) -> String {
    let mut bytes = [0_u8; 16];
    surroundings.random.fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
