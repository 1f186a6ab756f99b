//! The dashboard's cards, numbers and cost.

use std::time::Duration;

use http::StatusCode;
use shared::ports::Clock;
use shared::tenant::OrgId;
use shared::testing::Reply;

use crate::support::{Browser, EMAIL, ENDPOINT, Page, World};

/// A browser of a person with a webhook, who has seen the notice of that.
async fn connected(world: &World) -> Browser {
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    browser.get("/dashboard").await;
    browser
}

fn count(page: &Page, label: &str) -> u32 {
    let (_, rest) = page.body.split_once(&format!("<dt>{label}</dt><dd>")).unwrap();
    rest.split('<').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_numbers_are_those_of_the_delivery_log() {
    let world = World::default();
    let mut browser = connected(&world).await;
    world
        .tenants
        .endpoints
        .reply(ENDPOINT, &[Reply::Status(200), Reply::Status(503), Reply::Status(200), Reply::Status(410)]);
    for (id, event_type) in
        [("e1", "KeyAdded"), ("e2", "KeyRemoved"), ("e3", "LockCreated"), ("e4", "KeyAdded")]
    {
        world.receive(id, event_type).await;
        world.clock.advance(Duration::from_secs(1));
    }
    let page = browser.get("/dashboard").await;
    assert_eq!((count(&page, "Delivered"), count(&page, "Retrying"), count(&page, "Failed")), (2, 1, 1));
    page.says("Deliveries of the last 24 hours: 2 delivered, 0 waiting, 1 retrying, 1 failed.");
    page.says("answered 503");
    assert_eq!(page.body.matches("<rect class=\"delivered\"").count(), 1);

    // The table agrees with the log, hour by hour, with the deliveries spread over the day.
    world.query(
        "UPDATE delivery_log SET created_at = created_at - 3600000 * (5 * CAST(substr(event_id, 2) AS INTEGER))",
    );
    let page = browser.get("/dashboard").await;
    let rows = world.query("SELECT created_at, stage FROM delivery_log");
    for row in &rows {
        let at = shared::time::Timestamp::from_milliseconds(row["created_at"].as_i64().unwrap());
        let hour = at.to_string()[..13].to_owned();
        let cells = match row["stage"].as_str().unwrap() {
            "delivered" => "<td>1</td><td>0</td><td>0</td><td>0</td>",
            "scheduled" => "<td>0</td><td>0</td><td>1</td><td>0</td>",
            _ => "<td>0</td><td>0</td><td>0</td><td>1</td>",
        };
        let label = &hour[11..];
        page.says(&format!("<time datetime=\"{hour}:00:00.000Z\">{label}:00</time></th>{cells}"));
    }
    assert_eq!(rows.len(), 4);
    let latest = page.body.split("id=\"latest\"").nth(1).unwrap();
    assert_eq!(latest.matches("href=\"/deliveries/").count(), 4);
}

#[tokio::test]
async fn a_day_with_more_deliveries_than_are_counted_says_so() {
    let world = World::default();
    let mut browser = connected(&world).await;
    let now = world.clock.now().milliseconds();
    world.query(format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5999) \
         INSERT INTO delivery_log (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, attempts) \
         SELECT id, 'event-' || i, org_id, 'KeyAdded', 'delivered', {now} - i, 0, 0, '[]' FROM n, webhooks",
    ));
    browser.get("/dashboard").await.says("Only the newest 5000 are counted and drawn.");
}

#[tokio::test]
async fn a_render_asks_the_admin_api_once_and_each_database_once() {
    let world = World::default();
    let mut browser = connected(&world).await;
    for seconds in 0..30 {
        world.receive(&format!("e{seconds}"), "KeyAdded").await;
    }
    world.admin.take_calls();
    world.sessions.take_round_trips();
    world.tenants.database.take_round_trips();
    let page = browser.get("/dashboard").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(world.admin.take_calls(), ["GET /tenants/acme-corp/dashboard"]);
    assert_eq!(world.sessions.take_round_trips(), 1);
    assert_eq!(world.tenants.database.take_round_trips(), 1);
    let latest = page.body.split("id=\"latest\"").nth(1).unwrap();
    assert_eq!(latest.matches("href=\"/deliveries/").count(), 20);

    // Right after sign-in, the portal first finds out which organization to show, and shows it at once.
    browser.sign_in(EMAIL).await;
    world.admin.take_calls();
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK);
    assert_eq!(world.admin.take_calls(), ["GET /tenants", "GET /tenants/acme-corp/dashboard"]);
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::OK);
    assert_eq!(world.admin.take_calls(), ["GET /tenants/acme-corp/dashboard"]);
}

#[tokio::test]
async fn a_key_that_has_expired_costs_no_more() {
    let world = World::default();
    let mut browser = connected(&world).await;
    world.clock.advance(Duration::from_secs(60));
    world.query(format!("UPDATE api_keys SET expires_at = {}", world.clock.now().milliseconds()));
    world.admin.take_calls();
    browser.get("/dashboard").await.says("expired");
    assert_eq!(world.admin.take_calls(), ["GET /tenants/acme-corp/dashboard"]);
}

#[tokio::test]
async fn an_organization_that_the_person_has_left_gives_way_to_another() {
    let world = World::default();
    let mut browser = connected(&world).await;
    world.tenants.tenant("other-corp").await;
    for org_id in ["acme-corp", "other-corp"] {
        world.query(format!("UPDATE tenants SET owner_email = 'admin@x.example' WHERE org_id = '{org_id}'"));
    }
    world.query(format!("UPDATE members SET email = '{EMAIL}' WHERE org_id = 'other-corp'"));
    browser.get("/dashboard").await.says("Switch organization");
    world.query("DELETE FROM members WHERE org_id = 'acme-corp'");
    let page = browser.get("/dashboard").await;
    page.says("other-corp");
    page.is_silent_about("Switch organization");
    world.query("DELETE FROM members");
    assert_eq!(browser.get("/dashboard").await.location(), "/onboarding");
}

#[tokio::test]
async fn a_webhook_that_an_admin_replaced_is_found_out() {
    let world = World::default();
    let mut browser = connected(&world).await;
    let org = OrgId::parse("acme-corp").unwrap();
    world.tenants.webhook(&org, "https://partner.example.com/second", &[]).await;
    let page = browser.get("/dashboard").await;
    page.says("Managed by SmartphoneKey");
    world.query("DELETE FROM webhooks WHERE url LIKE '%hook'");
    let page = browser.arrive("/dashboard").await;
    page.says("https://partner.example.com/second");
    page.is_silent_about("Managed by SmartphoneKey");
    world.query("DELETE FROM webhooks");
    browser.arrive("/dashboard").await.says("No webhook URL configured");
}

#[tokio::test]
async fn a_url_that_is_set_twice_at_once_is_one_webhook() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    let mut again = browser.clone();
    let (first, second) = futures_util::join!(
        browser.submit(&page, "/webhook", &[("url", ENDPOINT)]),
        again.submit(&page, "/webhook", &[("url", ENDPOINT)])
    );
    assert_eq!((first.location(), second.location()), ("/dashboard", "/dashboard"));
    let webhooks = world.query("SELECT url, events, auth_type, status FROM webhooks");
    assert_eq!(
        webhooks,
        [serde_json::json!({"url": ENDPOINT, "events": "[\"*\"]", "auth_type": "none", "status": "active"})]
    );
}

#[tokio::test]
async fn a_webhook_url_that_is_refused_stays_in_the_field() {
    let world = World::default();
    let mut browser = connected(&world).await;
    let page = browser.get("/dashboard").await;
    for bad in [
        "",
        "nonsense",
        "http://partner.example.com/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://a.example.com/#x",
        "https://user@partner.example.com/",
        "https://partner-portal.spk-prod.workers.dev/",
        "https://\"><script>",
    ] {
        let answer = browser.submit(&page, "/webhook", &[("url", bad)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        answer.says("aria-invalid=\"true\"");
        answer.says("Nothing was changed.");
        answer.is_silent_about("<script>");
        if bad.starts_with("http:") {
            answer.says(&format!("value=\"{bad}\""));
        }
    }
    browser.get("/dashboard").await.says(ENDPOINT);
    let same = browser.submit(&page, "/webhook", &[("url", ENDPOINT)]).await;
    assert_eq!(same.location(), "/dashboard");
    let page = browser.get("/dashboard").await;
    page.says("Nothing was changed.");
    page.says(">Active<");
}

#[tokio::test]
async fn plain_http_is_for_one_s_own_machine_only() {
    let world = World::default();
    for (environment, asked) in [("local", true), ("dev", false)] {
        let owner = format!("owner@{environment}.example");
        let owner = world.registered(&owner, &format!("{environment}-corp")).await;
        let mut browser = world.browser_with(&[("ENVIRONMENT", Some(environment))]);
        browser.cookies = owner.cookies.clone();
        let page = browser.arrive("/dashboard").await;
        world.admin.take_calls();
        // The Admin API of this test allows only HTTPS, so it refuses each URL that gets there.
        let answer = browser.submit(&page, "/webhook", &[("url", "http://partner.example.com/")]).await;
        answer.says(if asked { "must use https." } else { "A webhook URL starts with https://." });
        let calls = world.admin.take_calls();
        assert_eq!(calls.iter().any(|call| call.starts_with("POST")), asked, "{environment}");
    }
}

#[tokio::test]
async fn the_masked_key_says_when_it_was_issued_by_whom_and_until_when_it_is_good() {
    let world = World::default();
    let mut browser = connected(&world).await;
    let issued = world.clock.now();
    world.clock.advance(Duration::from_secs(600));
    let page = browser.get("/dashboard").await;
    page.says(&format!("<dt>Issued</dt><dd><time datetime=\"{issued}\">"));
    page.says(&format!("<span class=\"soft\">by {EMAIL}</span>"));
    page.says("<dt>Expires</dt><dd>Never</dd>");
    page.says("clients that still use it get <strong>401 at once</strong>");
    let end = world.clock.now().plus(Duration::from_secs(2 * 86_400));
    world.query(format!("UPDATE api_keys SET expires_at = {}", end.milliseconds()));
    let page = browser.get("/dashboard").await;
    page.says(&format!("<dt>Expires</dt><dd><time datetime=\"{end}\">"));
    page.says("<span class=\"soft\">in 2 days</span>");
    // A key that has ended is not shown.
    world.clock.advance(Duration::from_secs(20 * 60));
    world.query(format!("UPDATE api_keys SET expires_at = {}", world.clock.now().milliseconds()));
    let page = browser.get("/dashboard").await;
    page.says("No active key");
    page.says("Issue an API key");
}

#[tokio::test]
async fn the_webhook_s_times_are_those_of_its_endpoint() {
    let world = World::default();
    let mut browser = connected(&world).await;
    let page = browser.get("/dashboard").await;
    page.says("<dt>Last event delivered</dt><dd>None yet</dd>");
    page.says("<dt>Last error</dt><dd>None</dd>");
    let delivered = world.clock.now();
    world.receive("e1", "KeyAdded").await;
    world.clock.advance(Duration::from_secs(120));
    world.tenants.endpoints.reply(ENDPOINT, &[Reply::Status(503)]);
    let failed = world.clock.now();
    world.receive("e2", "KeyAdded").await;
    let verified = world.clock.now();
    world.query(format!("UPDATE webhooks SET verified_at = {}", verified.milliseconds()));
    let page = browser.get("/dashboard").await;
    let about = |time: shared::time::Timestamp| time.to_string()[..16].to_owned();
    page.says(&format!("<dt>Last event delivered</dt><dd><time datetime=\"{}", about(delivered)));
    page.says(&format!("<dt>Endpoint verified</dt><dd><time datetime=\"{verified}\">"));
    page.says("<dt>Last error</dt><dd>answered 503 <span class=\"soft\"><time datetime=\"");
    page.says(&format!("datetime=\"{}", about(failed)));
}

#[tokio::test]
async fn every_state_of_a_webhook_is_told_in_words_with_what_to_do() {
    let world = World::default();
    let mut browser = connected(&world).await;
    let (gone, days) = ("the endpoint answered 410 Gone", "nothing but failures for 5 days");
    let on_hold = format!("status = 'active', circuit_opened_at = {}", world.clock.now().milliseconds());
    for (change, words) in [
        ("status = 'active'".to_owned(), vec![">Active<", "Send test event"]),
        ("status = 'pending'".to_owned(), vec![">Verifying<", "Try again now", "Send test event"]),
        (
            format!("status = 'disabled', disabled_reason = '{gone}'"),
            vec![">Disabled<", "Verify and enable", "We send nothing: the endpoint answered 410 Gone."],
        ),
        (
            format!("status = 'disabled', disabled_reason = '{days}'"),
            vec!["We send nothing: nothing but failures for 5 days."],
        ),
        (on_hold, vec![">Active, on hold<", "On hold since", "Try now", "Send test event"]),
    ] {
        world.query(format!("UPDATE webhooks SET {change}"));
        let page = browser.get("/dashboard").await;
        words.into_iter().for_each(|word| page.says(word));
        assert_eq!(page.body.contains("Send test event"), !change.contains("disabled"), "{change}");
    }
}

#[tokio::test]
async fn a_webhook_that_fails_is_told_with_how_often_and_how_it_ended() {
    let world = World::default();
    let mut browser = connected(&world).await;
    world.tenants.endpoints.reply(ENDPOINT, &[Reply::Status(503), Reply::Hang]);
    world.receive("e1", "KeyAdded").await;
    let page = browser.get("/dashboard").await;
    page.says("Active, but failing");
    page.says("The last attempt failed.");
    page.says("answered 503");
    world.receive("e2", "KeyAdded").await;
    let page = browser.get("/dashboard").await;
    page.says("The last 2 attempts failed. Events that do not arrive are tried again for 72 hours");
    // An event that the endpoint refused comes by itself, too.
    world.tenants.endpoints.reply(ENDPOINT, &[Reply::Status(404)]);
    world.receive("e3", "KeyAdded").await;
    let page = browser.get("/dashboard").await;
    page.says("The last 3 attempts failed.");
    page.says("arrive by themselves");
    page.says("answered 404");
}

#[tokio::test]
async fn an_admin_api_that_does_not_answer_is_an_outage() {
    let world = World::default();
    let mut browser = connected(&world).await;
    world.admin.fail_next("/dashboard");
    assert_eq!(browser.get("/dashboard").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(world.log.dump().contains("failing once"));
    browser.get("/dashboard").await.says(ENDPOINT);
}
