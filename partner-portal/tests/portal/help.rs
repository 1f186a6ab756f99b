//! The guide, the catalogue, and what every page offers besides its own content.

use http::StatusCode;
use shared::event::catalogue::catalogue;

use crate::support::{EMAIL, World};

#[tokio::test]
async fn the_guide_is_open_to_all_and_whole() {
    let world = World::default();
    let mut browser = world.browser();
    let page = browser.get("/guide").await;
    assert_eq!(page.status, StatusCode::OK);
    for text in [
        "<h2 id=\"verify-the-signature\">Verify the signature</h2>",
        "href=\"#verify-the-signature\"",
        "createHmac(",
        "hmac.new(",
        "hmac.New(",
        "Hmac::&#60;Sha256&#62;",
        "href=\"/events\"",
        "curl https://api.example/webhooks",
        "href=\"https://api.example/partner-webhooks.openapi.json\"",
        "<td>410</td>",
    ] {
        page.says(text);
    }
    page.is_silent_about("spk-prod");
    // Every link within the page leads somewhere.
    for link in page.body.split("href=\"#").skip(1) {
        let id = link.split('"').next().unwrap();
        page.says(&format!("id=\"{id}\""));
    }
}

#[tokio::test]
async fn every_event_type_has_a_page_with_its_properties_and_an_example() {
    let world = World::default();
    let mut browser = world.browser();
    let list = browser.get("/events").await;
    for entry in catalogue() {
        let path = format!("/events/{}", entry.name.replace(' ', "%20"));
        if !entry.republished {
            list.is_silent_about(&format!("href=\"{path}\""));
            assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND);
            continue;
        }
        list.says(&format!("href=\"{path}\""));
        let page = browser.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        page.says(&format!("&#34;detail-type&#34;: &#34;{}&#34;", entry.name));
        page.says("&#34;test&#34;: true");
    }
    let page = browser.get("/events/KeyAdded").await;
    page.says("<code class=\"break\">keyUuid</code>");
    let unknown = browser.get("/events/KeyAded").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    unknown.says("Did you mean KeyAdded?");
    unknown.says("href=\"/events\">See all event types</a>");
    for (typed, path) in [("keyadded", "/events/KeyAdded"), ("Shadow+update", "/events/Shadow%20Update")] {
        assert_eq!(browser.get(&format!("/events/{typed}")).await.location(), path, "{typed}");
    }
}

#[tokio::test]
async fn every_page_leads_to_help_as_far_as_there_is_any() {
    let world = World::default();
    let contacts = [
        ("SUPPORT_EMAIL", Some("support@smartphonekey.com")),
        ("STATUS_URL", Some("https://status.smartphonekey.com/")),
    ];
    let mut browser = world.browser_with(&contacts);
    for path in ["/", "/guide", "/events", "/nothing", "/callback"] {
        let page = browser.get(path).await;
        page.says("href=\"/guide\"");
        page.says("href=\"mailto:support@smartphonekey.com\"");
        page.says("href=\"https://status.smartphonekey.com/\"");
    }
    let page = world.browser().get("/").await;
    page.says("href=\"/guide\"");
    page.is_silent_about("mailto:");
    page.is_silent_about("Status</a>");
}

#[tokio::test]
async fn a_page_that_explains_an_error_keeps_the_account_bar() {
    let world = World::default();
    let mut browser = world.connected(EMAIL, "acme-corp").await;
    for path in
        ["/nothing", "/deliveries/nothing", "/callback", "/login?a=1&a=2", "/events/nothing", "/assets/x"]
    {
        let page = browser.get(path).await;
        assert!(page.status.is_client_error(), "{path}");
        page.says(&format!("<a class=\"who\" href=\"/account\">{EMAIL}</a>"));
        page.says("Sign out");
        page.says("href=\"/dashboard\"");
        world.browser().get(path).await.is_silent_about("Sign out");
    }
    let refused = browser.post("/webhook", &[]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    refused.says("Sign out");
    // The form in the bar works.
    let goodbye = browser.submit(&refused, "/logout", &[]).await;
    assert!(goodbye.location().contains("/oidc/logout"));

    // An outage of the sessions' database leaves the page without the bar.
    let mut browser = world.connected("two@other.example", "other-corp").await;
    world.sessions.fail(Some("down"));
    let page = browser.get("/dashboard").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    page.is_silent_about("Sign out");
}

#[tokio::test]
async fn a_request_that_only_asks_leaves_the_notice_for_the_page() {
    let world = World::default();
    let mut browser = world.owner().await;
    browser.send(http::Method::HEAD, "/dashboard", &[], "").await;
    browser.get("/dashboard").await.says("Your organization is registered.");
    browser.get("/dashboard").await.is_silent_about("Your organization is registered.");
}
