//! An action waits for its outcome, and leads to the result.

use std::time::Duration;

use http::StatusCode;
use shared::ports::Clock;
use shared::testing::Reply;

use crate::support::{EMAIL, ENDPOINT, World};

/// What a page without script renews itself by.
const RENEWAL: &str = "http-equiv=\"refresh\"";

#[tokio::test]
async fn a_test_event_of_a_chosen_type_lands_on_its_result() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    world.courier_works();
    for (reply, said, badge) in [
        (Reply::Status(204), "role=\"status\">Your endpoint accepted the test event.", ">Delivered<"),
        (Reply::Status(500), "role=\"alert\">Your endpoint did not accept the test event.", ">Retrying<"),
    ] {
        world.tenants.endpoints.always(ENDPOINT, reply);
        let page = browser.get("/dashboard").await;
        page.says("<option>LockCreated</option>");
        let sent = browser.submit(&page, "/webhook/test", &[("eventType", "LockCreated")]).await;
        let result = sent.location().to_owned();
        let page = browser.get(&result).await;
        for text in [said, badge, "LockCreated", ">Test<", "<dt>Happened</dt>", "&#34;version&#34;: 1"] {
            page.says(text);
        }
        assert_eq!(page.body.contains(RENEWAL), badge == ">Retrying<");
        assert_eq!(page.body.contains("See the signing secret and the code"), badge == ">Delivered<");
    }
}

#[tokio::test]
async fn a_type_that_is_none_is_said_beside_the_field() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    let page = browser.get("/dashboard").await;
    for bad in ["Nonsense", "*", "ReportedShadowUpdated"] {
        let answer = browser.submit(&page, "/webhook/test", &[("eventType", bad)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        answer.says("There is no event type with this name.");
    }
}

#[tokio::test]
async fn an_event_that_is_under_way_renews_its_page_until_it_has_ended_or_the_person_stops_that() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    let page = browser.get("/dashboard").await;
    let sent = browser.submit(&page, "/webhook/test", &[]).await;
    let result = sent.location().to_owned();
    let page = browser.get(&result).await;
    page.says(">Waiting<");
    page.says(RENEWAL);
    page.is_silent_about("<input id=");
    page.says(&format!("href=\"{result}?still=1\""));
    browser.get(&format!("{result}?still=1")).await.is_silent_about(RENEWAL);
    world.query("UPDATE delivery_log SET stage = 'delivered', next_attempt_at = NULL");
    browser.get(&result).await.is_silent_about(RENEWAL);
}

#[tokio::test]
async fn a_changed_url_and_a_verification_land_on_the_new_status() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    world.courier_works();
    let page = browser.get("/dashboard").await;
    let new = "https://partner.example.com/new";
    world.tenants.endpoints.always(new, Reply::Status(500));
    assert_eq!(browser.submit(&page, "/webhook", &[("url", new)]).await.location(), "/dashboard");
    let page = browser.get("/dashboard").await;
    page.says("The new endpoint did not accept the challenge");
    page.says(">Verifying<");
    page.says("answered 500");
    page.is_silent_about(RENEWAL);

    world.tenants.endpoints.always(new, Reply::Status(200));
    assert_eq!(browser.submit(&page, "/webhook/verify", &[]).await.location(), "/dashboard");
    let page = browser.get("/dashboard").await;
    page.says("Your endpoint answered. The webhook is active.");
    page.says(">Active<");
}

#[tokio::test]
async fn a_dashboard_that_renewed_itself_says_what_came_of_the_try() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    let page = browser.get("/dashboard").await;
    let sent = browser.submit(&page, "/webhook", &[("url", "https://partner.example.com/new")]).await;
    let renewing = sent.location().to_owned();
    let page = browser.get(&renewing).await;
    page.says(RENEWAL);
    page.says("until the endpoint has answered");
    let now = world.clock.now().milliseconds();
    for (change, said) in [
        (format!("last_error_at = {now}"), "role=\"alert\">Your endpoint did not accept the challenge"),
        (
            format!("status = 'active', circuit_opened_at = {now}, tend_at = {now}"),
            "role=\"alert\">Your endpoint did not accept the event",
        ),
        (
            "circuit_opened_at = NULL, tend_at = NULL".to_owned(),
            "role=\"status\">Your endpoint accepted an event.",
        ),
        (format!("verified_at = {now}"), "role=\"status\">Your endpoint answered. The webhook is active."),
    ] {
        world.query(format!("UPDATE webhooks SET {change}"));
        assert_eq!(browser.get(&renewing).await.location(), "/dashboard", "{change}");
        let page = browser.get("/dashboard").await;
        page.says(said);
        page.is_silent_about(RENEWAL);
        browser.get("/dashboard").await.is_silent_about(said);
    }
    // Days later the address says nothing of the try.
    world.clock.advance(Duration::from_secs(86_400));
    browser.sign_in(EMAIL).await;
    for address in [renewing.as_str(), "/dashboard?tried=9223372036854775807"] {
        assert_eq!(browser.get(address).await.status, StatusCode::OK, "{address}");
    }
}

#[tokio::test]
async fn a_webhook_that_is_enabled_again_leads_to_the_events_that_failed() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    world.tenants.endpoints.reply(ENDPOINT, &[Reply::Status(410)]);
    world.receive("e-1", "KeyAdded").await;
    world.courier_works();
    let page = browser.get("/dashboard").await;
    page.says(">Disabled<");
    world.tenants.endpoints.always(ENDPOINT, Reply::Status(200));
    browser.submit(&page, "/webhook/verify", &[]).await;
    browser
        .get("/dashboard")
        .await
        .says("If events failed before, you can send them again under Deliveries.");
}

#[tokio::test]
async fn verifying_shows_nothing_that_was_said_of_the_url_before() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    world.query("UPDATE webhooks SET last_error_at = 1, last_error_message = 'of old', verified_at = 1000");
    let page = browser.get("/dashboard").await;
    page.says("of old");
    browser.submit(&page, "/webhook", &[("url", "https://partner.example.com/new")]).await;
    let page = browser.get("/dashboard").await;
    page.is_silent_about("of old");
    page.says("<dt>Endpoint verified</dt><dd>Not yet</dd>");
}

#[tokio::test]
async fn what_is_sent_again_lands_on_its_result() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    world.tenants.endpoints.reply(ENDPOINT, &[Reply::Status(410)]);
    world.receive("e-1", "KeyAdded").await;
    world.query("UPDATE webhooks SET status = 'active', disabled_reason = NULL");
    world.courier_works();
    let page = browser.get("/deliveries/e-1").await;
    world.tenants.endpoints.always(ENDPOINT, Reply::Status(200));
    let sent = browser.submit(&page, "/deliveries/e-1/redeliver", &[]).await;
    assert_eq!(sent.location(), "/deliveries/e-1");
    let page = browser.get("/deliveries/e-1").await;
    page.says("We sent the event again, and your endpoint accepted it.");
    page.says(">Delivered<");
    page.says("Send it again");
}

#[tokio::test]
async fn a_url_without_its_scheme_is_offered_with_it() {
    let world = World::default();
    let mut browser = world.owner().await;
    let page = browser.get("/dashboard").await;
    for (typed, offered) in [
        ("partner.example.com/hook", Some("https://partner.example.com/hook")),
        ("//partner.example.com", Some("https://partner.example.com")),
        ("http://partner.example.com/", Some("https://partner.example.com/")),
        ("<https://partner.example.com/>", Some("https://partner.example.com/")),
        ("'partner.example.com'", Some("https://partner.example.com")),
        ("localhost/hook", None),
        ("nonsense", None),
        ("ftp://partner.example.com/", None),
    ] {
        let answer = browser.submit(&page, "/webhook", &[("url", typed)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{typed}");
        let escaped = typed.replace('<', "&#60;").replace('>', "&#62;").replace('\'', "&#39;");
        answer.says(&format!("value=\"{escaped}\""));
        match offered {
            Some(offered) => answer.says(&format!("name=\"offered\" value=\"{offered}\"")),
            None => {
                answer.says("Type a URL that starts with https://, such as https://example.com/webhooks.");
                answer.is_silent_about("name=\"offered\"");
            }
        }
    }
    let fields = [("url", "partner.example.com/hook"), ("offered", "https://partner.example.com/hook")];
    assert_eq!(browser.submit(&page, "/webhook", &fields).await.location(), "/dashboard");
    browser.arrive("/dashboard").await.says(">Active<");
}

#[tokio::test]
async fn a_name_in_place_of_an_id_is_offered_as_one() {
    let world = World::default();
    let mut browser = world.browser();
    browser.sign_in(EMAIL).await;
    let page = browser.get("/onboarding").await;
    page.says("Ask a colleague who is in it to add");
    let typed = [("orgId", "ACME Corp"), ("orgName", "ACME Corporation")];
    let answer = browser.submit(&page, "/onboarding", &typed).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.body.matches("An ID has no spaces.").count(), 1);
    answer.says("Register as acme-corp");
    answer.says("value=\"ACME Corp\"");
    let fields = [("orgId", "ACME Corp"), ("orgName", "ACME Corporation"), ("offered", "acme-corp")];
    assert_eq!(browser.submit(&answer, "/onboarding", &fields).await.location(), "/dashboard");
    browser.arrive("/dashboard").await.says("<code>acme-corp</code>");
}
