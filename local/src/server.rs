//! An HTTP/1.1 server on loopback for whoever stands in for somebody else: a partner's endpoint, an OpenID provider.
//!
//! An answer is written straight to the connection, because a server library would not let an endpoint misbehave as badly
//! as the tests want. One thread serves each connection: there are few, and the bench, which measures while a server
//! runs, needs one that takes little of the processors.
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use http::{HeaderMap, HeaderName, HeaderValue};
use nix::libc::linger;
use nix::sys::socket::{setsockopt, sockopt::Linger};

/// The longest request head and the most headers; ours are far shorter.
const LONGEST_HEAD: usize = 64 * 1024;
const MOST_HEADERS: usize = 64;

/// A request as it came.
#[derive(Debug)]
pub struct Request {
    /// `POST`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// All headers, repeated ones too.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// Serves until the process ends. `answer` gets each request with its connection, which goes on until `answer` returns an
/// error.
pub fn serve(
    listener: TcpListener,
    answer: impl Fn(Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) {
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            // A connection that breaks is the other side's affair, and often what a test is about.
            thread::spawn(move || serve_connection(stream, &*answer).ok());
        }
    });
}

fn serve_connection(
    stream: TcpStream,
    answer: &impl Fn(Request, &mut TcpStream) -> io::Result<()>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        answer(request, reader.get_mut())?;
    }
    Ok(())
}

/// Answers with a status, headers and a body.
pub fn respond(stream: &mut TcpStream, status: u16, headers: &[(&str, &str)], body: &str) -> io::Result<()> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let answer = format!("HTTP/1.1 {status} Told\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
    // In one piece, so that it travels as one.
    stream.write_all(answer.as_bytes())
}

/// Resets the connection instead of an answer.
///
/// # Errors
///
/// Always: the connection must not go on.
pub fn reset(stream: &TcpStream) -> io::Result<()> {
    setsockopt(stream, Linger, &linger { l_onoff: 1, l_linger: 0 })?;
    Err(io::ErrorKind::ConnectionReset.into())
}

/// Reads the next request; `None` where the connection ends before one begins.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD {
            return Err(malformed("a head this long"));
        }
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    parsed.parse(&head).map_err(malformed)?;
    let (method, target) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: HeaderMap::new(),
        body: Vec::new(),
    };
    for header in parsed.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(malformed)?;
        request.headers.append(name, HeaderValue::from_bytes(header.value).map_err(malformed)?);
    }
    let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    if header("transfer-encoding") == Some("chunked") {
        request.body = read_chunks(reader)?;
    } else if let Some(length) = header("content-length") {
        request.body = vec![0; length.parse().map_err(malformed)?];
        reader.read_exact(&mut request.body)?;
    }
    Ok(Some(request))
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim_end(), 16).map_err(malformed)?;
        reader.take(size).read_to_end(&mut body)?;
        reader.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn malformed(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_one_after_the_other() {
        let mut bytes =
            &b"POST /a?b HTTP/1.1\r\nHost: c\r\nX-Twice: 1\r\nX-Twice: 2\r\nContent-Length: 3\r\n\r\n{1}\
            PUT /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n\
            GET / HTTP/1.1\r\n\r\n"[..];
        let first = read(&mut bytes).unwrap().unwrap();
        assert_eq!((first.method.as_str(), first.target.as_str()), ("POST", "/a?b"));
        assert_eq!(first.headers.get_all("x-twice").iter().collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(first.body, b"{1}");
        assert_eq!(read(&mut bytes).unwrap().unwrap().body, b"abc0123456789");
        assert_eq!(read(&mut bytes).unwrap().unwrap().method, "GET");
        assert!(read(&mut bytes).unwrap().is_none());
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for bytes in ["nonsense\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length: many\r\n\r\n"] {
            assert!(read(&mut bytes.as_bytes()).is_err(), "{bytes}");
        }
    }
}
