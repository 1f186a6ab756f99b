//! As much of HTTP/1.1 as the load and the endpoint need: what is measured has the processors to itself the more, the
//! less these take. Bodies have their length, connections stay open.
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The largest body that is read; the bench's have some thousand bytes.
const LARGEST_BODY: usize = 1024 * 1024;

/// A request or an answer.
pub(super) struct Message {
    /// The request line or the status line.
    pub(super) first_line: String,
    pub(super) body: Vec<u8>,
}

/// Reads the next message; nothing where the other side has closed the connection.
pub(super) fn read(reader: &mut impl BufRead) -> Result<Option<Message>> {
    let mut first_line = String::new();
    if reader.read_line(&mut first_line)? == 0 {
        return Ok(None);
    }
    let (mut line, mut length) = (String::new(), None);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse()?);
        }
    }
    let length: usize = length.with_context(|| format!("no content-length after {first_line}"))?;
    if length > LARGEST_BODY {
        bail!("a body of {length} bytes is none of the bench's");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Message { first_line, body }))
}

/// A client's connection to a port of this machine.
pub(super) struct Connection {
    reader: BufReader<TcpStream>,
    port: u16,
}

impl Connection {
    /// Opens one; no answer may take longer than `limit`.
    pub(super) fn open(port: u16, limit: Duration) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).context("nothing listens there")?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(limit))?;
        Ok(Self { reader: BufReader::new(stream), port })
    }

    /// Sends a request, with a body of JSON or with none, and gives the status and the body of its answer.
    pub(super) fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        json: &str,
    ) -> Result<(u16, String)> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n", self.port);
        for (name, value) in headers {
            request.extend([*name, ": ", value, "\r\n"]);
        }
        if !json.is_empty() {
            let length = json.len().to_string();
            request.extend(["content-type: application/json\r\ncontent-length: ", &length, "\r\n"]);
        }
        request.extend(["\r\n", json]);
        // In one piece, so that it travels as one.
        self.reader.get_mut().write_all(request.as_bytes())?;
        let answer = read(&mut self.reader)?.context("the connection was closed instead of an answer")?;
        let status = answer.first_line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("{} is no status line", answer.first_line))?;
        Ok((status, String::from_utf8_lossy(&answer.body).into_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_one_after_the_other() {
        let mut bytes = &b"POST /a HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\n{1}\
            HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n"[..];
        let first = read(&mut bytes).unwrap().unwrap();
        assert_eq!((first.first_line.trim(), &first.body[..]), ("POST /a HTTP/1.1", &b"{1}"[..]));
        assert_eq!(read(&mut bytes).unwrap().unwrap().first_line.trim(), "HTTP/1.1 204 No Content");
        assert!(read(&mut bytes).unwrap().is_none());
    }

    #[test]
    fn what_has_no_length_or_too_much_is_refused() {
        for head in ["transfer-encoding: chunked", "content-length: 9999999"] {
            let text = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n");
            assert!(read(&mut text.as_bytes()).is_err(), "{head}");
        }
    }
}
