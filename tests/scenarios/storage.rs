//! No secret is in the databases, the stores and the log, for somebody who gets hold of them.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::DeflateDecoder;
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
        let unread = set.into_iter().find_map(|cookie| cookie.strip_prefix("__Host-unread-key=")).unwrap();
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
        for (number, secret) in secrets.into_iter().enumerate() {
            assert!(!contains(&dump, secret), "secret {number} is stored");
            assert!(!log.contains(secret), "secret {number} is logged");
        }
    });
}
