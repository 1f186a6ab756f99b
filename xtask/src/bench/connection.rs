//! As much of HTTP/1.1 as the load needs. The load shares the processors with what is measured, so it has to be light:
//! `local::client` takes 200 µs of processor time for a request, which is a whole core at 5,000 requests a second; this takes
//! 20 µs.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long one answer may take; far longer than any does.
const LIMIT: Duration = Duration::from_secs(10);

/// A caller: the port that it asks, and its headers.
pub(super) struct Caller {
    /// A port of this machine.
    port: u16,
    /// The lines that go with every request.
    headers: String,
}

impl Caller {
    /// A caller of this port, with these headers.
    pub(super) fn new(port: u16, headers: &[(&str, &str)]) -> Self {
        let host = ("host", format!("localhost:{port}"));
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let lines = [host].into_iter().chain(headers).map(|(name, value)| format!("{name}: {value}\r\n"));
        Self { port, headers: lines.collect() }
    }
}

/// A connection that stays open.
pub(super) struct Connection<'a> {
    reader: BufReader<TcpStream>,
    caller: &'a Caller,
}

impl<'a> Connection<'a> {
    /// Opens a connection.
    pub(super) fn open(caller: &'a Caller) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", caller.port)).context("nothing listens there")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        Ok(Self { reader: BufReader::new(stream), caller })
    }

    /// Sends a request, with JSON where there is any. Returns the status and the body of the answer.
    pub(super) fn exchange(&mut self, method: &str, path: &str, json: Option<&str>) -> Result<(u16, String)> {
        let headers = &self.caller.headers;
        let request = match json {
            None => format!("{method} {path} HTTP/1.1\r\n{headers}\r\n"),
            Some(json) => format!(
                "{method} {path} HTTP/1.1\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n{json}",
                json.len()
            ),
        };
        // In one piece, so that it travels as one.
        self.reader.get_mut().write_all(request.as_bytes())?;
        read(&mut self.reader)
    }
}

/// Reads an answer, which has to say how long its body is.
fn read(reader: &mut impl BufRead) -> Result<(u16, String)> {
    let (mut line, mut length) = (String::new(), None);
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("no answer begins with {line:?}"))?;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse()?);
        }
    }
    let Some(length) = length else { bail!("an answer of status {status} has no content-length") };
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_one_after_the_other() {
        let mut bytes = &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{1}\
            HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"[..];
        assert_eq!(read(&mut bytes).unwrap(), (200, "{1}".to_owned()));
        assert_eq!(read(&mut bytes).unwrap(), (204, String::new()));
        assert!(read(&mut bytes).is_err(), "the connection is closed");
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(read(&mut &b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"[..]).is_err());
    }
}
