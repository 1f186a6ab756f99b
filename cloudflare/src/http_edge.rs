//! The edge between JavaScript and Wasm: a request crosses with the headers that its Worker reads and its body's bytes; the
//! answer goes back as bytes. This is cheaper by a third than `worker`'s own `http` feature, which copies every header and
//! streams bodies.

use axum::body::Body;
use axum::response::Response as AxumResponse;
use futures_util::StreamExt;
use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use worker::{Headers, Request, Response, ResponseBuilder};

/// Converts the runtime's request. Of the body, at most one byte more than `limit` is read: whoever checks the limit then
/// sees that it is exceeded.
///
/// # Errors
/// If the body breaks off.
pub(crate) async fn from_worker(
    mut request: Request,
    headers: &[HeaderName],
    limit: usize,
) -> worker::Result<http::Request<Body>> {
    // Not by `request.method()`, which takes every unknown method for GET.
    let method = http::Method::from_bytes(request.inner().method().as_bytes())
        .map_err(|error| worker::Error::RustError(error.to_string()))?;
    let url = request.inner().url();
    // Workers give absolute URLs, already normalised: the path begins at the first slash after the authority.
    let rest = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let target = rest.find(['/', '?']).map_or("/", |start| &rest[start..]);
    let target = target.split('#').next().unwrap_or("/");
    let mut builder = http::Request::builder().method(&method).uri(target);
    for name in headers {
        if let Some(value) = request.headers().get(name.as_str())? {
            // JavaScript joins repeated headers with a comma: such a value equals no configured one. Beyond ASCII, the
            // bytes are not those that came, but the rest of the header, such as another cookie, is as it was.
            if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
                builder = builder.header(name, value);
            }
        }
    }
    let body = if matches!(method, http::Method::GET | http::Method::HEAD) {
        Vec::new()
    } else {
        read_body(&mut request, limit).await?
    };
    builder.body(Body::from(body)).map_err(|error| worker::Error::RustError(error.to_string()))
}

async fn read_body(request: &mut Request, limit: usize) -> worker::Result<Vec<u8>> {
    if request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    let length = request.headers().get("content-length")?.and_then(|text| text.parse::<usize>().ok());
    if length.is_some_and(|length| length <= limit) {
        // One crossing for the whole body.
        return request.bytes().await;
    }
    let mut stream = request.stream()?;
    let mut body = Vec::new();
    while body.len() <= limit {
        match stream.next().await {
            Some(chunk) => body.extend(chunk?),
            None => break,
        }
    }
    body.truncate(limit + 1);
    Ok(body)
}

/// Converts an answer for the runtime.
///
/// # Errors
/// If the platform refuses a header or the status.
pub(crate) async fn to_worker(response: AxumResponse) -> worker::Result<Response> {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(|collected| collected.to_bytes().to_vec()).unwrap_or_default();
    let headers = Headers::new();
    for (name, value) in &parts.headers {
        headers.append(name.as_str(), value.to_str().unwrap_or_default())?;
    }
    let builder = ResponseBuilder::new().with_status(parts.status.as_u16()).with_headers(headers);
    Ok(if bytes.is_empty() { builder.empty() } else { builder.fixed(bytes) })
}
