//! People, the audit log, and the signing secret.

use std::time::Duration;

use http::StatusCode;

use crate::support::{EMAIL, World};

/// A colleague of the owner's.
const COLLEAGUE: &str = "colleague@acme-corp.example";

#[tokio::test]
async fn a_colleague_is_added_signs_in_and_is_removed_with_their_sessions() {
    let world = World::default();
    let mut owner = world.owner().await;
    let page = owner.get("/people").await;
    page.says(">Owner<");
    page.says(">You<");
    for (bad, said) in [
        ("", "Type an e-mail address, such as colleague@example.com."),
        ("nonsense", "Type an e-mail address, such as colleague@example.com."),
        ("ann@example", "Type the whole e-mail address, such as colleague@example.com."),
        ("a@b.example, c@d.example", "Type one e-mail address. Add people one by one."),
    ] {
        let answer = owner.submit(&page, "/people", &[("email", bad)]).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        answer.says(&format!("{said} Nobody was added."));
        answer.says(&format!("value=\"{bad}\""));
    }
    owner.submit(&page, "/people", &[("email", " Colleague@acme-corp.example ")]).await;
    owner.get("/people").await.says("The person was added");
    owner.submit(&page, "/people", &[("email", COLLEAGUE)]).await;
    owner.get("/people").await.says("can sign in for your organization already");

    let mut colleague = world.browser();
    colleague.sign_in(COLLEAGUE).await;
    colleague.arrive("/dashboard").await.says("acme-corp");
    // The owner stays, whoever asks.
    let theirs = colleague.get("/people").await;
    colleague.submit(&theirs, "/people/remove", &[("email", EMAIL)]).await;
    colleague.get("/people").await.says("The owner cannot be removed.");

    owner.submit(&page, "/people/remove", &[("email", "Colleague@acme-corp.example")]).await;
    owner.get("/people").await.says("The person was removed, and is signed out.");
    assert!(colleague.get("/dashboard").await.location().starts_with("/login"), "the session has ended");
}

#[tokio::test]
async fn an_address_as_mail_programs_copy_it_is_taken_and_nonsense_is_nobody_s_to_remove() {
    let world = World::default();
    let mut owner = world.owner().await;
    let page = owner.get("/people").await;
    for typed in ["mailto:ann@acme-corp.example", "Bob B. <Bob@acme-corp.example>"] {
        owner.submit(&page, "/people", &[("email", typed)]).await;
        owner.get("/people").await.says("The person was added");
    }
    let people = owner.get("/people").await;
    people.says("name=\"email\" value=\"ann@acme-corp.example\"");
    people.says("name=\"email\" value=\"Bob@acme-corp.example\"");
    for nonsense in ["", "nonsense"] {
        let answer = owner.submit(&page, "/people/remove", &[("email", nonsense)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{nonsense}");
    }
}

#[tokio::test]
async fn who_is_added_and_removed_by_a_stranger_stays_signed_in() {
    let world = World::default();
    let mut owner = world.owner().await;
    owner.arrive("/dashboard").await;
    let mut stranger = world.registered("two@other.example", "other-corp").await;
    let page = stranger.get("/people").await;
    stranger.submit(&page, "/people/remove", &[("email", EMAIL)]).await;
    stranger.submit(&page, "/people", &[("email", EMAIL)]).await;
    stranger.submit(&page, "/people/remove", &[("email", EMAIL)]).await;
    stranger.get("/people").await.says("The person was removed");
    assert_eq!(owner.get("/dashboard").await.status, StatusCode::OK);
}

#[tokio::test]
async fn adding_a_person_and_showing_the_secret_want_a_sign_in_of_the_last_hour() {
    let world = World::default();
    let mut owner = world.connected(EMAIL, "acme-corp").await;
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(25 * 60));
        owner.get("/dashboard").await;
    }
    let (people, dashboard) = (owner.get("/people").await, owner.get("/dashboard").await);
    let answer = owner.submit(&people, "/people", &[("email", COLLEAGUE)]).await;
    assert_eq!(answer.location(), "/login?return_to=%2Fpeople&confirm=1");
    let callback = owner.visit_provider(answer.location(), EMAIL, true).await;
    owner.arrive(&callback).await.says(&format!("value=\"{COLLEAGUE}\""));
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(25 * 60));
        owner.get("/dashboard").await;
    }
    let page = owner.get("/dashboard").await;
    drop(dashboard);
    let answer = owner.submit(&page, "/webhook/secret", &[]).await;
    assert_eq!(answer.location(), "/login?return_to=%2Fdashboard&confirm=1");
}

#[tokio::test]
async fn the_secret_is_shown_with_the_code_in_four_languages_and_the_audit_log_notes_that() {
    let world = World::default();
    let mut owner = world.connected(EMAIL, "acme-corp").await;
    let page = owner.get("/dashboard").await;
    page.is_silent_about("whsec_");
    let shown = owner.submit(&page, "/webhook/secret", &[]).await;
    assert_eq!(shown.status, StatusCode::OK);
    shown.says("<code id=\"key\" class=\"break\">whsec_");
    for file in ["verify.mjs", "verify.py", "verify.go", "verify.rs"] {
        shown.says(&format!("<code>{file}</code>"));
    }
    let log = owner.get("/activity").await;
    log.says("Showed the signing secret");
    log.says("Set the webhook URL");
    log.says(EMAIL);
    log.is_silent_about("whsec_");
    assert!(!world.log.dump().contains("whsec_"));
}

#[tokio::test]
async fn the_activity_is_read_page_by_page() {
    let world = World::default();
    let mut owner = world.connected(EMAIL, "acme-corp").await;
    let page = owner.get("/dashboard").await;
    for _ in 0..60 {
        owner.submit(&page, "/webhook/secret", &[]).await;
    }
    let first = owner.get("/activity").await;
    assert_eq!(first.body.matches("Showed the signing secret").count(), 50);
    let older = first.body.split("href=\"/activity?cursor=").nth(1).and_then(|rest| rest.split('"').next());
    let second = owner.get(&format!("/activity?cursor={}", older.unwrap())).await;
    assert_eq!(second.body.matches("Showed the signing secret").count(), 10);
    second.says("Registered the organization");
    owner.get("/activity?cursor=nonsense").await.says("Showed the signing secret");
}
