//! A configuration with faults, and bindings that do not answer.

use std::sync::Arc;
use std::time::Duration;

use edge::serve::Surroundings;
use edge::testing::settings::Configuration;
use http::StatusCode;
use http_body_util::BodyExt;
use partner_portal::config::Config;
use partner_portal::router::misconfigured;
use shared::testing::{FakeClock, MemoryLog, SeededRandom};

use crate::support::{SETTINGS, VERSION, World, settings};

const CONFIGURATION: Configuration<Config> = Configuration {
    read: Config::read,
    sound: &SETTINGS,
    required: &[
        "ENVIRONMENT",
        "PORTAL_ORIGIN",
        "ADMIN_API_ORIGIN",
        "AUTH0_ISSUER",
        "AUTH0_CLIENT_ID",
        "AUTH0_CLIENT_SECRET",
        "ADMIN_API_KEY",
        "SERVICE_JWT_SECRET",
        "SESSION_KEY",
    ],
    optional: &["SESSION_KEY_PREVIOUS", "SUPPORT_EMAIL", "STATUS_URL"],
    paired: &[],
    secrets: &[
        "AUTH0_CLIENT_SECRET",
        "ADMIN_API_KEY",
        "SERVICE_JWT_SECRET",
        "SESSION_KEY",
        "SESSION_KEY_PREVIOUS",
    ],
    sealing_keys: &[],
};

#[test]
fn what_holds_of_every_worker_holds() {
    CONFIGURATION.holds();
}

#[test]
fn each_malformed_setting_is_named_without_its_value() {
    for (name, value) in [
        ("PORTAL_ORIGIN", "http://portal.example"),
        ("PORTAL_ORIGIN", "https://portal.example/"),
        ("PORTAL_ORIGIN", "https://portal.example/path"),
        ("PORTAL_ORIGIN", "https://PORTAL.example"),
        ("PORTAL_ORIGIN", "gateway"),
        ("ADMIN_API_ORIGIN", "https://api.example/v1"),
        ("SUPPORT_EMAIL", "support"),
        ("STATUS_URL", "http://status.smartphonekey.com/"),
        ("STATUS_URL", "javascript:alert(1)"),
        ("AUTH0_ISSUER", "tenant"),
        ("AUTH0_CLIENT_ID", "two words"),
        ("AUTH0_CLIENT_SECRET", "sesame"),
        ("ADMIN_API_KEY", "sesame"),
        ("SERVICE_JWT_SECRET", "sesame"),
        ("SESSION_KEY", "too-short-by-one-character-00000"[1..].as_ref()),
        ("SESSION_KEY_PREVIOUS", "sesame"),
    ] {
        CONFIGURATION.is_wrong(name, Some(value));
    }
}

#[tokio::test]
async fn a_misconfigured_portal_answers_503_with_a_request_id_and_names_the_fault_in_the_log() {
    let log = Arc::new(MemoryLog::default());
    let surroundings = Surroundings {
        clock: Arc::new(FakeClock::default()),
        random: Arc::new(SeededRandom::new(1)),
        log: log.clone(),
        refusals: Arc::default(),
        reads: Arc::default(),
    };
    let faults = Config::read(&settings(&[("SESSION_KEY", Some("short"))])).err().unwrap();
    let (parts, body) = misconfigured(&surroundings, &faults).into_parts();
    assert_eq!(parts.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(parts.headers["content-type"], "text/html; charset=utf-8");
    let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    let line = &log.lines()[0];
    assert!(body.contains(line["requestId"].as_str().unwrap()));
    assert!(!body.contains("SESSION_KEY") && !body.contains("href"), "{body}");
    assert!(line["faults"]["SESSION_KEY"].is_string());
    assert!(!log.dump().contains("\"short\""));
}

#[tokio::test]
async fn health_asks_both_bindings() {
    let world = World::default();
    let mut browser = world.browser();
    let page = browser.get("/health").await;
    assert_eq!(page.status, StatusCode::OK);
    page.says("\"status\":\"ok\"");
    page.says(&format!("\"version\":\"{VERSION}\""));
    world.admin.set_down(true);
    // For three seconds the isolate repeats itself, however often it is asked.
    world.clock.advance(Duration::from_millis(2_999));
    assert_eq!(browser.get("/health").await.status, StatusCode::OK);
    world.clock.advance(Duration::from_millis(1));
    let page = browser.get("/health").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    page.says("\"adminApi\":false");
    world.clock.advance(Duration::from_secs(3));
    world.admin.set_down(false);
    world.sessions.fail(Some("down"));
    let page = browser.get("/health").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    page.says("\"sessions\":false");
}

#[tokio::test]
async fn an_outage_is_a_page_with_a_request_id_and_no_details() {
    let world = World::default();
    let mut browser = world.owner().await;
    world.sessions.fail(Some("D1_ERROR: no such table"));
    let page = browser.get("/dashboard").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    page.says("Request ID");
    page.is_silent_about("D1_ERROR");
    assert!(world.log.dump().contains("D1_ERROR"));
}
