//! No secret is in the databases, the stores and the log, for somebody who gets hold of them.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::GzEncoder;
use http::Method;
use rusqlite::Connection;
use serde_json::json;
use tests::browser::Browser;
use tests::endpoint::{Behavior, Endpoint};
use tests::tenant::Tenant;
use tests::world::run;

fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// What a database of tenants keeps compressed: bodies of events.
fn unpacked(file: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    if file.extension().is_none_or(|extension| extension != "sqlite") {
        return all;
    }
    let connection = Connection::open(file).unwrap();
    let sql =
        "SELECT body FROM bodies WHERE typeof(body) = 'blob' UNION ALL SELECT bodies FROM delivered_bodies";
    // Other databases have no such tables.
    let Ok(mut query) = connection.prepare(sql) else { return all };
    let mut rows = query.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let bytes: Vec<u8> = row.get(0).unwrap();
        DeflateDecoder::new(bytes.as_slice()).read_to_end(&mut all).unwrap();
    }
    all
}

/// A token as debug pages and logs echo it, each form without what could be the text around it.
fn echoes(token: &str) -> [String; 10] {
    let each = |write: fn(u8) -> String| token.bytes().map(write).collect::<String>();
    [
        token.to_owned(),
        token.to_uppercase(),
        token.chars().rev().collect(),
        each(|byte| format!("{byte:02x}")),
        each(|byte| format!("%25{byte:02X}")),
        each(|byte| format!("&amp;#x{byte:x};")),
        each(|byte| format!("\\u{byte:04x}")),
        STANDARD_NO_PAD.encode(token),
        STANDARD_NO_PAD.encode(each(|byte| format!("{byte:02X}"))),
        each(|byte| format!("\"{}\",", char::from(byte))),
    ]
}

/// A refusal that has the echo twice: whole, and cut off by the end of the 1 KiB that is kept.
fn refusal(echo: &str) -> Behavior {
    let dots = 1_023 - echo.len() - echo.len() * 2 / 3;
    let body = format!("{echo} {}{echo}", ".".repeat(dots));
    Behavior::Raw(format!("HTTP/1.1 404 Told\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
}

/// The same, compressed on the way.
fn compressed_refusal(echo: &str) -> Behavior {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(format!("{echo} {echo}").as_bytes()).unwrap();
    let body = gzip.finish().unwrap();
    let head =
        format!("HTTP/1.1 404 Told\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
    Behavior::Raw([head.into_bytes(), body].concat())
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn neither_what_is_stored_nor_what_is_logged_holds_a_secret() {
    run(|world| async move {
        // Given every kind of secret, used in success and in failure.
        let (tenant, endpoint) = (Tenant::register(world).await, Endpoint::start());
        endpoint.behave_in_turn("/", [Behavior::status(500)], Behavior::status(200));
        let first_key = tenant.api_key().await;
        let rotate = format!("/api-keys/{}/rotate", tenant.org_id);
        let rotated = world.admin().post(&rotate, &json!({"graceSeconds": 60})).await.expect(201);
        let second_key = rotated["apiKey"].as_str().unwrap();
        let url = endpoint.url("/");
        let webhook = tenant.webhook_with(&json!({"url": url, "auth": {"type": "bearerToken"}})).await;
        let token = webhook.created["auth"]["token"].as_str().unwrap();
        let rotate = format!("{}/rotate-secret", webhook.path);
        let second_secret = world.admin().post_nothing(&rotate).await.expect(200)["secret"].clone();
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;
        let _ = webhook.delivery_in("delivered", &event).await;
        // And echoed by the endpoint, in every form, whole and cut off.
        let echoes = echoes(token);
        let refusals = echoes.iter().map(|echo| refusal(echo));
        let refusals: Vec<_> = refusals.chain([compressed_refusal(token)]).collect();
        let events: Vec<_> = refusals.iter().map(|_| tenant.event("KeyAdded")).collect();
        endpoint.behave_in_turn("/", refusals, Behavior::status(200));
        for event in &events {
            world.publish(event).await;
        }
        // Which event meets which refusal depends on the order of retries.
        let mut shown = 0;
        for event in &events {
            let delivery = webhook.delivery_in("delivered", event).await;
            for attempt in delivery["attempts"].as_array().unwrap() {
                if let Some(excerpt) = attempt["excerpt"].as_str() {
                    assert!(excerpt.contains("[secret]") || excerpt.starts_with("[withheld"), "{delivery}");
                    shown += 1;
                }
            }
        }
        assert!(shown > echoes.len() / 2, "{shown} excerpts");
        for key in [&first_key, second_key] {
            let _ = world.partner(key).get("/webhooks").await.expect(200);
        }
        let _ = world.admin().with("x-admin-api-key", second_key).get("/tenants").await.expect(401);
        let _ = world.partner(&format!("{first_key}x")).get("/webhooks").await.expect(401);
        let echoed =
            json!({"url": format!("https://hooks.acme.com/?key={first_key}"), "unknown": second_key});
        let _ =
            world.admin().post(&format!("/tenants/{}/webhooks", tenant.org_id), &echoed).await.expect(400);

        // A person at the portal, with a key that nobody looked at.
        let browser = Browser::start(world).await;
        browser.sign_in("owner@storage-corp.com").await;
        browser.register("storage-corp", "Storage").await;
        browser.sees("h1", "Storage").await;
        let third_key = browser.reveal_key().await;
        let csrf = browser.value("form[action='/api-key/rotate'] input[name=csrf]").await;
        let cookies = browser.cookies().await;
        let session = cookies.split("; ").find_map(|pair| pair.strip_prefix("__Host-session=")).unwrap();
        let form = world.portal().with("cookie", &cookies);
        let form = form.with("content-type", "application/x-www-form-urlencoded");
        let body = format!("csrf={csrf}&orgId=storage-corp").into_bytes();
        let rotated = form.send(Method::POST, "/api-key/rotate", Some(body)).await;
        assert_eq!(rotated.status, 303, "{}", rotated.text);
        let set = rotated.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
        let unread = set
            .into_iter()
            .find_map(|cookie| cookie.strip_prefix("__Host-unread-key-storage-corp="))
            .unwrap();
        let opener = unread.split(';').next().unwrap().split_once('.').unwrap().1;

        // Then no secret is anywhere, with or without its prefix.
        let credentials = world.credentials();
        let secrets = [
            &first_key,
            second_key,
            webhook.secret.trim_start_matches("whsec_"),
            second_secret.as_str().unwrap().trim_start_matches("whsec_"),
            token,
            &credentials.admin_api_key,
            &credentials.events_key,
            &credentials.admin_jwt,
            credentials.admin_jwt.rsplit('.').next().unwrap(),
            &world.secret("WEBHOOK_SECRETS_KEY"),
            &world.secret("SERVICE_JWT_SECRET"),
            &third_key,
            session,
            session.split('.').nth(1).unwrap(),
            &csrf,
            opener,
            &world.secret("SESSION_KEY"),
            &world.secret("AUTH0_CLIENT_SECRET"),
        ];
        let mut dump = Vec::new();
        for file in world.stores().iter().flat_map(|store| files_below(store)) {
            dump.extend(unpacked(&file));
            dump.extend(fs::read(file).unwrap_or_default());
        }
        for known in [
            tenant.org_id.as_str(),
            webhook.id.as_str(),
            &first_key[..8],
            event.id.as_str(),
            "storage-corp.com",
        ] {
            assert!(contains(&dump, known), "the dump is one of what is stored: {known}");
        }
        let workers = ["admin-api", "webhook-delivery", "partner-portal"];
        let log = workers.map(|worker| world.log().text_of(worker)).concat();
        assert!(log.contains(&webhook.id) && log.contains(&event.id));
        let parts = echoes.iter().map(|echo| &echo[..echo.len() / 3]);
        for (number, secret) in secrets.into_iter().chain(parts).enumerate() {
            assert!(!contains(&dump, secret), "secret {number} is stored");
            assert!(!log.contains(secret), "secret {number} is logged");
        }
    });
}
