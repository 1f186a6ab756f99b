//! Requests that no well-behaved client would send, through the platform's own parsing.

use tests::tenant::Tenant;
use tests::world::{World, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An admin's headers, as lines.
fn admin_headers(world: &World) -> String {
    let credentials = world.credentials();
    format!(
        "x-admin-api-key: {}\r\nauthorization: Bearer {}\r\n",
        credentials.admin_api_key, credentials.admin_jwt
    )
}

/// Sends exactly these bytes to a host of the stack. Returns the status and the whole answer.
async fn exchange(world: &World, host: &str, start: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let port = world.stack().address().port;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head =
        format!("{start} HTTP/1.1\r\nhost: {host}.localhost:{port}\r\nconnection: close\r\n{headers}\r\n");
    let mut answer = Vec::new();
    // Where the answer comes before everything is read, the rest cannot be written.
    let (reader, writer) = &mut stream.split();
    let (_, read) = tokio::join!(
        async {
            writer.write_all(head.as_bytes()).await?;
            writer.write_all(body).await
        },
        reader.read_to_end(&mut answer),
    );
    read.ok();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no answer to {start}: {answer:?}")), answer)
}

/// A body without a length, in chunks.
fn chunked(body: &[u8]) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(16 * 1024) {
        chunks.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunks.extend([chunk, b"\r\n"].concat());
    }
    chunks.extend(b"0\r\n\r\n");
    chunks
}

#[test]
fn a_body_is_limited_with_and_without_its_length() {
    run(|world| async move {
        let json = "content-type: application/json\r\n";
        let filled = |bytes: usize| format!(r#"{{"orgName":"{}"}}"#, "x".repeat(bytes));
        let admin = admin_headers(world);
        let key = format!("x-events-key: {}\r\n", world.credentials().events_key);
        for (host, path, headers, bytes) in [
            ("admin-api", "/tenants/too-large/register", &admin, 64 * 1024),
            ("webhook-delivery", "/events", &key, 8 * 1024 * 1024),
        ] {
            let (start, body) = (format!("POST {path}"), filled(bytes));
            let with_length = format!("{headers}{json}content-length: {}\r\n", body.len());
            let without = format!("{headers}{json}transfer-encoding: chunked\r\n");
            let (status, answer) = exchange(world, host, &start, &with_length, body.as_bytes()).await;
            assert_eq!(status, 413, "{answer}");
            let (status, answer) = exchange(world, host, &start, &without, &chunked(body.as_bytes())).await;
            assert_eq!(status, 413, "{answer}");
            // A body without a length is refused only where it is too large.
            let small = chunked(filled(100).as_bytes());
            let (status, answer) = exchange(world, host, &start, &without, &small).await;
            assert_eq!(status, 400, "{answer}");
        }
    });
}

#[test]
fn a_body_that_is_no_strict_json_is_refused_and_nothing_is_written() {
    run(|world| async move {
        let good = br#"{"orgName":"Strict","ownerEmail":"owner@strict.com"}"#.to_vec();
        let with = |from: &str, to: &[u8]| {
            let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
            [&good[..at], to, &good[at + from.len()..]].concat()
        };
        let bodies: [Vec<u8>; 8] = [
            [b"\xef\xbb\xbf", good.as_slice()].concat(),
            [good.as_slice(), b" {}"].concat(),
            with("Strict", b"\xff\xfe"),
            with("Strict", b"\0"),
            with("Strict", br"\u0000"),
            with("}", br#","orgName":"Twice"}"#),
            [b"[", good.as_slice(), b"]"].concat(),
            Vec::new(),
        ];
        let start = "POST /tenants/strict/register";
        let admin = admin_headers(world);
        for body in bodies {
            let headers =
                format!("{admin}content-type: application/json\r\ncontent-length: {}\r\n", body.len());
            let (status, answer) = exchange(world, "admin-api", start, &headers, &body).await;
            assert_eq!(status, 400, "{:?}: {answer}", String::from_utf8_lossy(&body));
            assert!(answer.contains("invalid_request"), "{answer}");
        }
        for wrong in [
            "content-type: text/plain",
            "content-type: application/x-www-form-urlencoded",
            "content-type: application/json\r\ncontent-encoding: gzip",
            "x-no-type: at-all",
        ] {
            let headers = format!("{admin}{wrong}\r\ncontent-length: {}\r\n", good.len());
            let (status, answer) = exchange(world, "admin-api", start, &headers, &good).await;
            assert_eq!(status, 415, "{wrong}: {answer}");
        }
        let _ = world.admin().get("/tenants/strict").await.expect(404);
    });
}

#[test]
fn a_credential_counts_once_and_in_its_header_only() {
    run(|world| async move {
        let (tenant, credentials) = (Tenant::register(world).await, world.credentials());
        let (admin, partner_key) = (admin_headers(world), tenant.api_key().await);
        let once = format!("x-api-key: {partner_key}\r\n");
        let (status, _) = exchange(world, "admin-api", "GET /webhooks", &once, b"").await;
        assert_eq!(status, 200);
        let twice = once.repeat(2);
        let admin_twice = format!("{admin}x-admin-api-key: {}\r\n", credentials.admin_api_key);
        let token_twice = format!("{admin}authorization: Bearer {}\r\n", credentials.admin_jwt);
        let in_query = format!("GET /tenants?x-admin-api-key={}", credentials.admin_api_key);
        let bearer = format!("authorization: Bearer {}\r\n", credentials.admin_jwt);
        for (start, headers) in [
            ("GET /webhooks", twice.as_str()),
            ("GET /webhooks", "x-api-key:\r\n"),
            ("GET /tenants", &admin_twice),
            ("GET /tenants", &token_twice),
            ("GET /tenants", &once),
            (&in_query, &bearer),
        ] {
            let (status, answer) = exchange(world, "admin-api", start, headers, b"").await;
            assert_eq!(status, 401, "{start}: {answer}");
        }
    });
}

#[test]
fn a_method_that_nobody_knows_is_no_get() {
    run(|world| async move {
        let admin = admin_headers(world);
        for method in ["QUERY", "PROPFIND", "get", "WHATEVER"] {
            let start = format!("{method} /tenants");
            let (status, answer) = exchange(world, "admin-api", &start, &admin, b"").await;
            // The runtime itself may refuse with another status, but never answers as it would answer a GET.
            assert!([400, 405, 501].contains(&status), "{answer}");
        }
    });
}
