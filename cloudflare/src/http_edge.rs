//! The edge between JavaScript and Wasm: a request crosses with the headers that its Worker reads and its body's bytes; the
//! answer goes back as bytes.

use axum::body::Body;
use axum::response::Response as AxumResponse;
use http::uri::InvalidUri;
use http::{HeaderName, HeaderValue, Method};
use http_body_util::BodyExt;

use crate::fetch::lines;
use crate::glue::{Outcome, Promised};

/// The names of headers as they cross.
pub(crate) fn names(headers: &[HeaderName]) -> String {
    headers.iter().map(HeaderName::as_str).collect::<Vec<_>>().join("\n")
}

/// Converts a request that the glue took over. Of the body, at most one byte more than the limit was read: whoever checks the
/// limit then sees that it is exceeded.
///
/// # Errors
/// If the request is none that HTTP knows.
pub(crate) fn from_runtime(taken: Outcome, headers: &[HeaderName]) -> Result<http::Request<Body>, String> {
    let mut lines = taken.text.split('\n');
    let method = lines.next().unwrap_or_default();
    let url = lines.next().unwrap_or_default();
    // Workers give absolute URLs, already normalised: the path begins at the first slash after the authority.
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = rest.find(['/', '?']).map_or("/", |start| &rest[start..]);
    let target = target.split('#').next().unwrap_or("/");
    let mut request = http::Request::new(Body::from(taken.bytes));
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|fault| fault.to_string())?;
    *request.uri_mut() = target.parse().map_err(|fault: InvalidUri| fault.to_string())?;
    for (name, value) in headers.iter().zip(lines) {
        // JavaScript joins repeated headers with a comma: such a value equals no configured one. Beyond ASCII, the
        // bytes are not those that came, but the rest of the header, such as another cookie, is as it was.
        if let Some(value) = value.strip_prefix('+')
            && let Ok(value) = HeaderValue::from_bytes(value.as_bytes())
        {
            request.headers_mut().insert(name, value);
        }
    }
    Ok(request)
}

/// Gives an answer to the runtime. What the platform refuses becomes an answer without details.
pub(crate) async fn to_runtime(promised: Promised, response: AxumResponse) {
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let headers =
        parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()));
    promised.answer(parts.status.as_u16(), &lines(headers).unwrap_or_default(), &bytes);
}

#[cfg(test)]
mod tests {
    use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};

    use super::*;

    fn request(text: &str) -> Result<http::Request<Body>, String> {
        let taken = Outcome { code: 0, text: text.to_owned(), bytes: Vec::new() };
        from_runtime(taken, &[AUTHORIZATION, COOKIE, CONTENT_TYPE])
    }

    #[test]
    fn a_request_has_the_headers_that_are_there_and_the_target_without_its_host() {
        let request = request("PATCH\nhttps://h/a?b=c\n+Bearer x\n\n+").unwrap();
        assert_eq!((request.method().as_str(), request.uri().to_string()), ("PATCH", "/a?b=c".to_owned()));
        assert_eq!(request.headers()[AUTHORIZATION], "Bearer x");
        assert!(!request.headers().contains_key(COOKIE));
        assert_eq!(request.headers()[CONTENT_TYPE], "");
    }

    #[test]
    fn a_header_beyond_latin_1_is_there_as_utf_8_and_one_with_a_control_character_is_not() {
        let request = request("GET\nhttps://h\n+\u{1F511}\n+a\u{7}\n+text/plain").unwrap();
        assert_eq!(request.headers()[AUTHORIZATION].as_bytes(), "\u{1F511}".as_bytes());
        assert!(!request.headers().contains_key(COOKIE));
        assert_eq!(
            (request.uri().path(), &request.headers()[CONTENT_TYPE]),
            ("/", &HeaderValue::from_static("text/plain"))
        );
    }

    #[test]
    fn what_http_does_not_know_is_no_request() {
        assert!(request("").is_err());
        assert!(request("GE T\nhttps://h/").is_err());
    }
}
