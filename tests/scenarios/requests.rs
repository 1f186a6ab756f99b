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
fn no_odd_form_of_a_credential_or_of_a_request_gets_in_or_breaks_anything() {
    run(|world| async move {
        let (tenant, credentials) = (Tenant::register(world).await, world.credentials());
        let (key, jwt, partner) =
            (&credentials.admin_api_key, &credentials.admin_jwt, tenant.api_key().await);
        let (named, bearer) =
            (format!("x-admin-api-key: {key}\r\n"), format!("authorization: Bearer {jwt}\r\n"));
        // What RFC 9110 gives one meaning: names and schemes in any case, white space around values.
        for good in [
            format!("X-ADMIN-Api-Key:{key}\r\nAUTHORIZATION:bearer {jwt}\r\n"),
            format!("x-admin-api-key: \t {key} \t\r\nauthorization:  BEARER   {jwt}  \r\n"),
        ] {
            let (status, answer) = exchange(world, "admin-api", "GET /tenants?limit=1", &good, b"").await;
            assert_eq!(status, 200, "{good:?}: {answer}");
        }
        let refused = [
            format!("{named}authorization: Bearer\t{jwt}\r\n"),
            format!("{named}authorization: Bearer{jwt}\r\n"),
            format!("{named}authorization: {jwt}\r\n"),
            format!("{named}authorization: Token {jwt}\r\n"),
            format!("{named}authorization: Bearer {jwt}, Bearer {jwt}\r\n"),
            format!("{named}authorization: Basic eDp5, Bearer {jwt}\r\n"),
            format!("{named}authorization: Bearer \"{jwt}\"\r\n"),
            format!("{named}authorization: Bearer token={jwt}\r\n"),
            format!("{named}authorization: Bearer {jwt} x\r\n"),
            format!("{named}authorization: Bearer\r\n"),
            format!("{named}authorization:\r\n"),
            format!("{named}authorization: Bearer x\r\nauthorization: Bearer {jwt}\r\n"),
            format!("{named}proxy-authorization: Bearer {jwt}\r\n"),
            format!("{named}x-authorization: Bearer {jwt}\r\n"),
            format!("{named}cookie: authorization={jwt}\r\n"),
            format!("{bearer}x-admin-api-key: {key}, {key}\r\n"),
            format!("{bearer}x-admin-api-key: {key},\r\n"),
            format!("{bearer}x-admin-api-key: \"{key}\"\r\n"),
            format!("{bearer}x-admin-api-key:\r\nx-admin-api-key: {key}\r\n"),
            format!("{bearer}x_admin_api_key: {key}\r\n"),
            format!("{bearer}x-admin-api-key-: {key}\r\n"),
            format!("{bearer}cookie: x-admin-api-key={key}\r\n"),
            format!("{bearer}x-api-key: {key}\r\n"),
            // A folded line, a name that ends in white space, a value behind a trailer.
            format!("{bearer}x-admin-api-key:\r\n {key}\r\n"),
            format!("{bearer}x-admin-api-key : {key}\r\n"),
            format!("{bearer}x-admin-api-key: {key}\0\r\n"),
            format!("{bearer}x-admin-api-key: {key}\u{a0}\r\n"),
            format!("{bearer}connection: x-admin-api-key\r\nx-forwarded-x-admin-api-key: {key}\r\n"),
        ];
        for headers in refused {
            let (status, answer) = exchange(world, "admin-api", "GET /tenants?limit=1", &headers, b"").await;
            assert!([400, 401].contains(&status), "{headers:?}: {answer}");
        }
        for headers in [
            format!("x-api-key: {partner}, {partner}\r\n"),
            format!("x-api-key: {partner}x\r\n"),
            format!("x-api-key: Bearer {partner}\r\n"),
            format!("authorization: Bearer {partner}\r\n"),
            format!("authorization: ApiKey {partner}\r\n"),
            format!("cookie: x-api-key={partner}\r\n"),
            format!("x_api_key: {partner}\r\n"),
            format!("x-api-key:\r\n {partner}\r\n"),
        ] {
            let (status, answer) = exchange(world, "admin-api", "GET /webhooks", &headers, b"").await;
            assert!([400, 401].contains(&status), "{headers:?}: {answer}");
        }
        for start in
            [format!("GET /webhooks?x-api-key={partner}"), format!("GET /webhooks?api_key={partner}")]
        {
            let (status, answer) = exchange(world, "admin-api", &start, "", b"").await;
            assert_eq!(status, 401, "{answer}");
        }

        // Bodies whose length or type is told twice, or in another way than the body comes.
        let json = "content-type: application/json\r\n";
        let body = br#"{"orgName":"Odd","ownerEmail":"owner@odd-forms.com"}"#;
        let (length, chunks) = (body.len(), chunked(body));
        let with_trailer =
            [&chunks[..chunks.len() - 2], format!("x-admin-api-key: {key}\r\n\r\n").as_bytes()].concat();
        let admin = admin_headers(world);
        let start = "POST /tenants/odd-forms/register";
        for (headers, body) in [
            (
                format!("{admin}{json}content-length: {length}\r\ncontent-length: {}\r\n", length + 1),
                body.to_vec(),
            ),
            (format!("{admin}{json}content-length: {length}, {}\r\n", length + 1), body.to_vec()),
            (format!("{admin}{json}content-length: +{length}\r\n"), body.to_vec()),
            (format!("{admin}{json}content-length: -1\r\n"), body.to_vec()),
            (format!("{admin}{json}content-length: 0x40\r\n"), body.to_vec()),
            (format!("{admin}{json}content-length: \r\n"), body.to_vec()),
            (
                format!("{admin}{json}transfer-encoding: xchunked\r\ncontent-length: {length}\r\n"),
                body.to_vec(),
            ),
            (format!("{admin}{json}content-type: text/plain\r\ncontent-length: {length}\r\n"), body.to_vec()),
            (
                format!("{admin}content-type: application/json, text/plain\r\ncontent-length: {length}\r\n"),
                body.to_vec(),
            ),
            (format!("{admin}content-type:\r\ncontent-length: {length}\r\n"), body.to_vec()),
            (
                format!("{admin}{json}content-encoding: identity, gzip\r\ncontent-length: {length}\r\n"),
                body.to_vec(),
            ),
            (
                format!("{bearer}{json}transfer-encoding: chunked\r\ntrailer: x-admin-api-key\r\n"),
                with_trailer,
            ),
        ] {
            let (status, answer) = exchange(world, "admin-api", start, &headers, &body).await;
            assert!((400..500).contains(&status) || status == 501, "{headers:?}: {answer}");
        }
        let _ = world.admin().get("/tenants/odd-forms").await.expect(404);

        // Targets and hosts that are no path of ours: nothing is served from another host's name, nothing fails.
        let port = world.stack().address().port;
        for (start, headers) in [
            (format!("GET http://admin-api.localhost:{port}/tenants"), String::new()),
            (format!("GET http://elsewhere.example/tenants?x-admin-api-key={key}"), bearer.clone()),
            ("GET //tenants".to_owned(), String::new()),
            ("GET /tenants/../tenants".to_owned(), String::new()),
            ("GET /%2e%2e/tenants".to_owned(), String::new()),
            ("GET /tenants%2f".to_owned(), String::new()),
            ("GET /tenants%00".to_owned(), String::new()),
            ("GET /TENANTS".to_owned(), String::new()),
            ("HEAD /tenants".to_owned(), String::new()),
            ("POST /tenants".to_owned(), "x-http-method-override: GET\r\ncontent-length: 0\r\n".to_owned()),
            ("GET /tenants".to_owned(), "x-original-url: /health\r\nx-rewrite-url: /health\r\n".to_owned()),
            (
                "GET /tenants".to_owned(),
                "x-forwarded-host: localhost\r\nx-forwarded-for: 127.0.0.1\r\n".to_owned(),
            ),
        ] {
            let (status, answer) = exchange(world, "admin-api", &start, &headers, b"").await;
            assert!((400..500).contains(&status), "{start}: {answer}");
        }
    });
}

#[test]
fn events_and_pages_take_no_odd_form_of_a_credential_either() {
    run(|world| async move {
        let (tenant, key) = (Tenant::register(world).await, &world.credentials().events_key);
        let event = tenant.event("KeyAdded").body.into_bytes();
        let json = format!("content-type: application/json\r\ncontent-length: {}\r\n", event.len());
        for (credential, statuses) in [
            (format!("X-Events-KEY:{key} \r\n"), [202, 200]),
            (format!("x-events-key: {key}\r\nx-events-key: {key}\r\n"), [400, 401]),
            (format!("x-events-key: {key}, {key}\r\n"), [400, 401]),
            (format!("x-events-key: x\r\nx-events-key: {key}\r\n"), [400, 401]),
            (format!("x-events-key: \"{key}\"\r\n"), [400, 401]),
            (format!("x-events-key:\r\n {key}\r\n"), [400, 401]),
            (format!("x-events-key : {key}\r\n"), [400, 401]),
            (format!("x_events_key: {key}\r\n"), [400, 401]),
            (format!("authorization: Bearer {key}\r\n"), [400, 401]),
            (format!("cookie: x-events-key={key}\r\n"), [400, 401]),
        ] {
            let headers = format!("{credential}{json}");
            let (status, answer) =
                exchange(world, "webhook-delivery", "POST /events", &headers, &event).await;
            assert!(statuses.contains(&status), "{credential:?}: {answer}");
        }
        for cookies in [
            "cookie:\r\n".to_owned(),
            "cookie: __Host-session\r\n".to_owned(),
            "cookie: __Host-session=; __Host-session=x\r\ncookie: __Host-session=y\r\n".to_owned(),
            "cookie: $Version=1; __Host-session=\"x\"; $Path=/\r\n".to_owned(),
            "cookie: __HOST-SESSION=x, __Host-session=y\r\n".to_owned(),
            "cookie: __Host-session=%00%ff; \u{fc}=\u{fc}; =; ;;;\r\n".to_owned(),
            format!("cookie: __Host-session={}\r\n", "x".repeat(5_000)),
            format!("cookie: {}\r\n", "a=b; ".repeat(1_500)),
            format!(
                "authorization: Bearer {}\r\nx-forwarded-user: owner@acme.com\r\n",
                world.credentials().admin_jwt
            ),
            "cookie:\r\n __Host-session=x\r\n".to_owned(),
        ] {
            let (status, answer) = exchange(world, "partner-portal", "GET /account", &cookies, b"").await;
            assert!((300..500).contains(&status), "{cookies:?} signs somebody in: {answer}");
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
