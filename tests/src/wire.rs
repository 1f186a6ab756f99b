//! HTTP/1.1 as bytes: requests are read here, answers written by whoever wants to misbehave.

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// The longest request head; ours are far shorter.
const LONGEST_HEAD: usize = 64 * 1024;

/// A request as it came.
pub(crate) struct Request {
    /// `POST`, …
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// All headers, repeated ones too.
    pub(crate) headers: HeaderMap,
    /// As long as `Content-Length` says.
    pub(crate) body: Vec<u8>,
}

/// Reads one request; nothing where the connection ends before it does.
pub(crate) async fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Request>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if bytes.len() > LONGEST_HEAD || stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let mut body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let parsed = (name.parse::<HeaderName>(), HeaderValue::from_str(value.trim()));
        if let (Ok(name), Ok(value)) = parsed {
            headers.append(name, value);
        }
    }
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let length: usize = length.unwrap_or(0);
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(Request { method: method.to_owned(), target: target.to_owned(), headers, body }))
}
