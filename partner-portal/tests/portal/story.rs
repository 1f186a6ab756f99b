//! The story of one person, from sign-in to the first webhook.

use http::StatusCode;

use crate::support::{EMAIL, World};

#[tokio::test]
async fn a_partner_registers_sees_the_key_once_sets_a_webhook_and_signs_out() {
    let world = World::default();
    let mut browser = world.browser();
    browser.get("/").await.says("Sign in with Auth0");
    assert_eq!(browser.sign_in("Owner@acme-corp.example").await.location(), "/dashboard");
    assert_eq!(browser.get("/").await.location(), "/dashboard");
    let form = browser.arrive("/dashboard").await;
    form.says("Register your organization");

    let sent =
        browser.submit(&form, "/onboarding", &[("orgId", "acme-corp"), ("orgName", "Acme & <Sons>")]).await;
    assert_eq!((sent.status, sent.location()), (StatusCode::SEE_OTHER, "/dashboard"));
    let dashboard = browser.get("/dashboard").await;
    dashboard.says("role=\"status\"");
    dashboard.says("Acme &#38; &#60;Sons&#62;");
    dashboard.is_silent_about("<Sons>");
    dashboard.says("detail.partnerId");
    let shown = browser.submit(&dashboard, "/api-key/reveal", &[]).await;
    shown.says("it is not shown again");
    let key = shown.key().expect("the key is shown").to_owned();
    assert_eq!(key.len(), 40);
    let stored = world.tenants.database.dump();
    assert!(stored.contains(EMAIL) || stored.contains("Owner@acme-corp.example"));

    let again = browser.get("/dashboard").await;
    again.is_silent_about(&key);
    again.says(&format!("{}…{}", &key[..8], &key[36..]));
    again.says("No webhook URL configured");

    let set = browser.submit(&again, "/webhook", &[("url", "https://partner.example.com/hook")]).await;
    assert_eq!(set.location(), "/dashboard");
    let dashboard = browser.get("/dashboard").await;
    dashboard.says("https://partner.example.com/hook");
    dashboard.says("The webhook URL is set");
    dashboard.says(">Active<");
    dashboard.says("No events yet.");

    let changed = browser.submit(&dashboard, "/webhook", &[("url", "https://partner.example.com/new")]).await;
    assert!(changed.location().starts_with("/dashboard?tried="), "{}", changed.location());
    browser.get("/dashboard").await.says(">Verifying<");

    let dashboard = browser.get("/dashboard").await;
    let rotated = browser.submit(&dashboard, "/api-key/rotate", &[]).await;
    assert_eq!(rotated.location(), "/dashboard");
    assert!(browser.reveal().await.key().is_some_and(|fresh| fresh != key));
    let dashboard = browser.get("/dashboard").await;

    let goodbye = browser.submit(&dashboard, "/logout", &[]).await;
    assert!(
        goodbye.location().starts_with("https://tenant.auth0.example/oidc/logout?"),
        "{}",
        goodbye.location()
    );
    for part in [
        "client_id=client-of-the-portal",
        "post_logout_redirect_uri=https%3A%2F%2Fportal.example%2F",
        "id_token_hint=ey",
    ] {
        assert!(goodbye.location().contains(part), "{}", goodbye.location());
    }
    browser.get("/").await.says("You are signed out.");
    assert!(browser.get("/dashboard").await.location().starts_with("/login?return_to="));
}

#[tokio::test]
async fn the_audit_log_names_the_person() {
    let world = World::default();
    world.owner().await;
    let rows = world.query("SELECT actor, via, kind FROM transitions");
    assert_eq!(rows.len(), 2);
    for row in rows {
        assert_eq!((row["actor"].as_str(), row["via"].as_str()), (Some(EMAIL), Some("partner-portal")));
    }
}
