//! The log of all deliveries.

use std::time::Duration;

use http::StatusCode;
use shared::tenant::OrgId;
use shared::testing::Reply;

use crate::support::{EMAIL, ENDPOINT, World};

#[tokio::test]
async fn the_log_is_filtered_and_read_page_by_page() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    for number in 0..120 {
        let event_type = if number % 40 == 0 { "LockCreated" } else { "KeyAdded" };
        world.receive(&format!("e{number}"), event_type).await;
        world.clock.advance(Duration::from_secs(10));
    }
    world.tenants.endpoints.reply(ENDPOINT, &[Reply::Status(404)]);
    world.receive("late", "KeyAdded").await;

    // Every delivery is reached, once, by the links.
    let mut seen = Vec::new();
    let mut next = Some("/deliveries".to_owned());
    while let Some(path) = next {
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        seen.extend(page.body.matches("<a href=\"/deliveries/").map(|_| ()));
        next = page.body.split("href=\"").find_map(|rest| {
            let (href, label) = rest.split_once("\">")?;
            label.starts_with("Older<").then(|| href.replace("&#38;", "&"))
        });
    }
    assert_eq!(seen.len(), 121);

    for (query, count) in [
        ("state=pending", 1),
        ("state=delivered&eventType=LockCreated", 3),
        ("eventType=+lockcreated+", 3),
        ("state=failed,dead", 0),
        ("since=2026-04-02T10:05&until=2026-04-02T10:06", 6),
        ("state=nonsense&cursor=nonsense&eventType=LockCreated", 3),
    ] {
        let page = browser.get(&format!("/deliveries?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{query}");
        assert_eq!(page.body.matches("<a href=\"/deliveries/").count(), count, "{query}");
        page.says("Deliveries that match");
    }
    // What did not arrive is one choice, whether it failed or was given up.
    world.query("UPDATE delivery_log SET stage = 'failed', ended_at = 1 WHERE event_id = 'e1'");
    world.query("UPDATE delivery_log SET stage = 'dead', ended_at = 1 WHERE event_id = 'e2'");
    let page = browser.get("/deliveries?state=failed,dead").await;
    assert_eq!(page.body.matches("<a href=\"/deliveries/").count(), 2, "{}", page.body);
    page.says("<option value=\"failed,dead\" selected>Failed or gave up</option>");
    // The log comes first: the filter is folded away, says what it holds, and opens where it has a fault.
    let all = browser.get("/deliveries").await;
    all.says("<details class=\"finder\">");
    all.is_silent_about("Show all deliveries");
    let filtered = browser
        .get("/deliveries?state=failed,dead&eventType=LockCreated&since=2026-04-02T10:05&until=2026-04-02T10:06")
        .await;
    filtered.says("<details class=\"finder\">");
    for word in
        ["Failed or gave up", "LockCreated", "since 2026-04-02 10:05 UTC", "before 2026-04-02 10:06 UTC"]
    {
        filtered.says(&format!("<span class=\"state plain\">{word}</span>"));
    }
    filtered.says("<a href=\"/deliveries\">Show all deliveries</a>");
    browser.get("/deliveries?since=yesterday").await.says("<details class=\"finder\" open>");
    for (query, said) in [
        (
            "since=yesterday",
            "Choose a date and a time in UTC, such as 2026-04-02 10:00, or leave the field empty.",
        ),
        ("eventType=KeyAded", ">There is no event type with this name. Did you mean KeyAdded?</p>"),
        ("since=2026-04-02T11:00&until=2026-04-02T10:00", "Choose a time after the first."),
    ] {
        let page = browser.get(&format!("/deliveries?{query}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        page.says(said);
        // The form that sends events again does not take over a filter that is wrong.
        page.says("id=\"since\" name=\"since\" type=\"datetime-local\" step=\"1\" value=\"2026-04-01T10:");
    }
}

#[tokio::test]
async fn an_event_is_looked_up_by_its_id_in_every_webhook() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    world.receive("first", "KeyAdded").await;
    let org = OrgId::parse("acme-corp").unwrap();
    let other =
        world.tenants.webhook(&org, "https://partner.example.com/other", &["LockCreated"]).await.webhook_id;
    world.query("UPDATE webhooks SET events = '[\"KeyAdded\"]' WHERE url LIKE '%hook'");
    world.receive("second", "LockCreated").await;

    let found = browser.get("/deliveries?eventId=+%22first%22+").await;
    assert_eq!(found.location(), "/deliveries/first");
    world.admin.take_calls();
    let found = browser.get("/deliveries?eventId=second").await;
    // One call looks through all webhooks.
    let calls = world.admin.take_calls();
    let calls: Vec<_> = calls.iter().filter(|call| call.ends_with("/deliveries")).collect();
    assert_eq!(calls, ["GET /tenants/acme-corp/deliveries"]);
    assert_eq!(found.location(), format!("/deliveries/second?webhook={other}"));
    let page = browser.get(&format!("/deliveries/second?webhook={other}")).await;
    page.says("POST https://partner.example.com/other");
    page.says(&format!("name=\"webhook\" value=\"{other}\""));
    // The other webhook's log is a choice of its own, and the dashboard leads there.
    browser.get(&format!("/deliveries?webhook={other}")).await.says(", event second");
    browser.arrive("/dashboard").await.says(&format!("href=\"/deliveries?webhook={other}\""));
    for (typed, said) in [("nothing", "No event with this id"), ("a%20b", "and no spaces")] {
        let page = browser.get(&format!("/deliveries?eventId={typed}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        page.says(said);
    }
}

#[tokio::test]
async fn rows_have_names_of_their_own() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    for id in ["one", "two"] {
        world.receive(id, "KeyAdded").await;
    }
    for path in ["/dashboard", "/deliveries"] {
        let page = browser.get(path).await;
        page.says(", event one</span>");
        page.says(", event two</span>");
        page.is_silent_about("tabindex=\"0\"");
    }
}

#[tokio::test]
async fn a_range_ends_where_the_person_says() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    let page = browser.get("/deliveries").await;
    world.admin.stub("/redeliver", 202, "{\"count\":2,\"more\":false}");
    let range = [("since", "2026-04-01T10:00"), ("until", "2026-04-01T11:00:30")];
    let sent = browser.submit(&page, "/deliveries/redeliver", &range).await;
    assert_eq!(
        sent.location(),
        "/deliveries?since=2026-04-01T10%3A00&until=2026-04-01T11%3A00%3A30&underWay=1"
    );
    world.admin.stub("/none", 202, "");
    for (until, said) in
        [("2026-04-01T09:00", "Choose a time after the first."), ("soon", "or leave the field empty.")]
    {
        let answer = browser
            .submit(&page, "/deliveries/redeliver", &[("since", "2026-04-01T10:00"), ("until", until)])
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        answer.says(said);
        answer.says(&format!("value=\"{until}\""));
    }
}

#[tokio::test]
async fn an_event_of_another_organization_of_one_s_own_is_offered_there() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    world.receive("e-1", "KeyAdded").await;
    let page = browser.arrive("/dashboard").await;
    browser.submit(&page, "/logout", &[]).await;
    world.query(
        "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by) \
         VALUES ('acme-labs', 'Acme Labs', 'owner@acme-corp.example', 2, 'x')",
    );
    world.query(
        "INSERT INTO members (org_id, email, tenant_created_at, added_at, added_by) \
         VALUES ('acme-labs', 'owner@acme-corp.example', 2, 2, 'x')",
    );
    browser.sign_in(EMAIL).await;
    let page = browser.get("/organizations").await;
    browser.submit(&page, "/organizations", &[("orgId", "acme-labs")]).await;
    let page = browser.get("/deliveries/e-1").await;
    page.says("Switch and show the event");
    let fields = [("orgId", "acme-corp"), ("return_to", "/deliveries/e-1")];
    let switched = browser.post("/organizations", &[&[("csrf", page.csrf())][..], &fields].concat()).await;
    assert_eq!(switched.location(), "/deliveries/e-1");
    browser.get("/deliveries/e-1").await.says(">Delivered<");
}
