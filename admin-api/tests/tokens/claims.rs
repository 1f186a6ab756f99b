//! What a token says: when, by whom, for whom, and whose it is.

use serde_json::{Value, json};
use shared::ports::Clock;

use super::{is_refused_without_fetch, refusal};
use crate::support::{AUDIENCE, ISSUER, SERVICE_SECRET, TestApp, token_of_admin, token_of_portal};

/// What no time claim may be, whatever the clock says.
fn no_times() -> Vec<Value> {
    let mut values = vec![json!("1775124000"), json!(true), json!([1_775_124_000]), json!({}), Value::Null];
    values.extend([json!(i64::MIN), json!(i64::MAX), json!(u64::MAX), json!(1e300), json!(-1e300)]);
    values
}

#[tokio::test]
async fn a_token_counts_from_its_first_second_to_its_last_give_or_take_a_minute() {
    let app = TestApp::default();
    let now = app.clock.now().seconds();
    let token = || token_of_admin(&app.clock).claim("iat", now - 100).claim("exp", now + 100);
    for (name, good, bad) in [
        ("exp", vec![now + 1, now, now - 60], vec![now - 61, now - 3600, 0, -1]),
        ("iat", vec![now - 3_500, now, now + 60], vec![now + 61, now + 3600, -1]),
        ("nbf", vec![0, now - 86_400, now, now + 60], vec![now + 61, now + 3600, -1]),
    ] {
        for time in good {
            app.bearer(&token().claim(name, time).signed()).get("/tenants").await.is(200);
        }
        for time in bad {
            is_refused_without_fetch_again(
                &app,
                &format!("{name}: {time}"),
                &token().claim(name, time).signed(),
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_token_lives_an_hour_at_most_and_ends_after_it_began() {
    let app = TestApp::default();
    let now = app.clock.now().seconds();
    for (issued, expires, good) in [
        (now, now + 3_600, true),
        (now - 3_600, now, true),
        (now, now + 1, true),
        (now, now + 3_601, false),
        (now - 86_400, now + 60, false),
        (now - 3_601, now, false),
        (now, now + 86_400, false),
        (now, now, false),
        (now + 30, now + 30, false),
        (now + 30, now + 10, false),
    ] {
        let token = token_of_admin(&app.clock).claim("iat", issued).claim("exp", expires).signed();
        if good {
            app.bearer(&token).get("/tenants").await.is(200);
        } else {
            is_refused_without_fetch_again(&app, &format!("{issued} to {expires}"), &token).await;
        }
    }
}

/// As [`is_refused_without_fetch`], where earlier requests may have fetched.
async fn is_refused_without_fetch_again(app: &TestApp, what: &str, token: &str) {
    app.issuer.take_fetches();
    is_refused_without_fetch(app, what, token).await;
}

#[tokio::test]
async fn times_of_another_type_or_beyond_all_calendars_are_refused() {
    let app = TestApp::default();
    for name in ["exp", "iat", "nbf"] {
        for value in no_times() {
            let what = format!("{name}: {value}");
            let admin = token_of_admin(&app.clock).claim(name, value.clone());
            is_refused_without_fetch(&app, &what, &admin.signed()).await;
            let portal = token_of_portal(&app.clock, "owner@example.com").claim(name, value);
            is_refused_without_fetch(&app, &what, &portal.signed_hs256(SERVICE_SECRET)).await;
        }
        for text in ["1e400", "-1e400", "99999999999999999999999", "01", "NaN"] {
            let token = token_of_admin(&app.clock).claim(name, 4_242_424_242_i64);
            let token = token.claims_text(|claims| claims.replace("4242424242", text));
            is_refused_without_fetch(&app, &format!("{name}: {text}"), &token.signed()).await;
        }
    }
    // The ends of what the calendar's own arithmetic can hold.
    for value in [-8_334_601_228_800_i64, 8_210_266_876_799, -62_135_596_800, 253_402_300_800] {
        is_refused_without_fetch(&app, "exp", &token_of_admin(&app.clock).claim("exp", value).signed()).await;
        for (name, other) in [("exp", "iat"), ("iat", "exp"), ("nbf", "exp")] {
            let token =
                token_of_portal(&app.clock, "owner@example.com").claim(name, value).claim(other, value);
            is_refused_without_fetch(&app, &format!("{name}: {value}"), &token.signed_hs256(SERVICE_SECRET))
                .await;
        }
    }
}

#[tokio::test]
async fn only_not_before_may_be_absent() {
    let app = TestApp::default();
    for name in ["exp", "iat", "iss", "aud"] {
        is_refused_without_fetch(&app, name, &token_of_admin(&app.clock).without_claim(name).signed()).await;
    }
    app.bearer(&token_of_admin(&app.clock).without_claim("nbf").signed()).get("/tenants").await.is(200);
}

#[tokio::test]
async fn the_issuer_is_compared_to_the_letter() {
    let app = TestApp::default();
    for issuer in [
        json!(ISSUER.trim_end_matches('/')),
        json!(format!("{ISSUER}/")),
        json!(ISSUER.to_uppercase()),
        json!("https://issuer.smartphonekey.test.evil.example/"),
        json!("partner-portal"),
        json!(""),
        json!([ISSUER]),
        Value::Null,
    ] {
        let token = token_of_admin(&app.clock).claim("iss", issuer.clone()).signed();
        is_refused_without_fetch(&app, &issuer.to_string(), &token).await;
    }
}

#[tokio::test]
async fn the_audience_must_name_us() {
    let app = TestApp::default();
    for audience in [
        json!("https://other.smartphonekey.test"),
        json!(format!("{AUDIENCE}/")),
        json!("admin-api"),
        json!(""),
        json!([]),
        json!(["https://other.smartphonekey.test"]),
        json!([AUDIENCE, 7]),
        json!([[AUDIENCE]]),
        json!({"aud": AUDIENCE}),
        json!(7),
        Value::Null,
    ] {
        let token = token_of_admin(&app.clock).claim("aud", audience.clone()).signed();
        is_refused_without_fetch(&app, &audience.to_string(), &token).await;
    }
    let several = token_of_admin(&app.clock).claim("aud", json!(["https://userinfo.test", AUDIENCE]));
    app.bearer(&several.signed()).get("/tenants").await.is(200);
}

#[tokio::test]
async fn claims_that_say_something_twice_are_refused() {
    let app = TestApp::default();
    for twice in [
        r#"{"email":"other@smartphonekey.com","#,
        r#"{"email_verified":false,"#,
        r#"{"exp":1,"#,
        r#"{"aud":"https://other.test","#,
        r#"{"\u0065mail":"other@smartphonekey.com","#,
        r#"{"x":{"y":1,"y":2},"#,
    ] {
        let token = token_of_admin(&app.clock).claims_text(|text| text.replacen('{', twice, 1));
        is_refused_without_fetch(&app, twice, &token.signed()).await;
        let portal = token_of_portal(&app.clock, "owner@example.com").claim("email_verified", true);
        let portal = portal.claims_text(|text| text.replacen('{', twice, 1));
        is_refused_without_fetch(&app, twice, &portal.signed_hs256(SERVICE_SECRET)).await;
    }
}

#[tokio::test]
async fn claims_must_be_one_json_object() {
    let app = TestApp::default();
    for claims in ["", "null", "[]", "\"text\"", "7", "{", "{} {}", "\u{FEFF}{}"] {
        let token = token_of_admin(&app.clock).claims_text(|_| claims.to_owned());
        is_refused_without_fetch(&app, claims, &token.signed()).await;
    }
}

#[tokio::test]
async fn an_admin_has_an_address_at_our_domain() {
    let app = TestApp::default();
    for address in ["admin@smartphonekey.com", "a.b+c@SmartphoneKey.COM", "x@SMARTPHONEKEY.com"] {
        app.bearer(&token_of_admin(&app.clock).claim("email", address).signed())
            .get("/tenants")
            .await
            .is(200);
    }
    for address in [
        json!("admin@example.com"),
        json!("admin@smartphonekey.co"),
        json!("admin@smartphonekey.com.evil.example"),
        json!("admin@notsmartphonekey.com"),
        json!("admin@sub.smartphonekey.com"),
        json!("admin@smartphonekey.com."),
        json!("admin@smartphonekey.com "),
        json!(" admin@smartphonekey.com"),
        json!("admin@smartphonekey.com\n"),
        json!("admin@smartphonekey.com\u{0}"),
        json!("admin@@smartphonekey.com"),
        json!("admin@evil.example@smartphonekey.com"),
        json!("admin@smartphonekey.com@evil.example"),
        json!("@smartphonekey.com"),
        json!("smartphonekey.com"),
        json!("ädmin@smartphonekey.com"),
        json!("admin@ѕmartphonekey.com"),
        json!("admin@smartphonekеy.com"),
        json!("admin@smartphone\u{200B}key.com"),
        json!("admin＠smartphonekey.com"),
        json!("admin@smartphonekey．com"),
        json!("admin@smartphone\u{212A}ey.com"),
        json!(""),
        json!(["admin@smartphonekey.com"]),
        json!({"email": "admin@smartphonekey.com"}),
        json!(7),
        json!(true),
        Value::Null,
    ] {
        let token = token_of_admin(&app.clock).claim("email", address.clone());
        // NUL is no part of any token's text: such a one is malformed, not somebody else's.
        let expected = if address.as_str().is_some_and(|text| text.contains('\0')) { 401 } else { 403 };
        let answer = app.bearer(&token.signed()).get("/tenants").await;
        assert_eq!(answer.status, expected, "{address}");
        if expected == 403 {
            answer.is_problem(403, "email_domain_not_allowed");
        }
    }
    let without = token_of_admin(&app.clock).without_claim("email").signed();
    app.bearer(&without).get("/tenants").await.is_problem(403, "email_domain_not_allowed");
}

#[tokio::test]
async fn an_address_counts_only_if_it_is_said_to_be_verified() {
    for environment in ["local", "dev", "nonprod", "stage", "prod"] {
        let app = TestApp::configured(&[("ENVIRONMENT", environment)]);
        for verified in [json!(false), json!("true"), json!(1), json!([true]), Value::Null] {
            let token = token_of_admin(&app.clock).claim("email_verified", verified);
            app.bearer(&token.signed()).get("/tenants").await.is_problem(403, "email_domain_not_allowed");
        }
        // Another claim's word is not the address's.
        let silent = token_of_admin(&app.clock).without_claim("email_verified");
        let silent = silent.claim("https://smartphonekey.com/email_verified", true).signed();
        let answer = app.bearer(&silent).get("/tenants").await;
        if environment == "local" {
            answer.is(200);
        } else {
            answer.is_problem(403, "email_domain_not_allowed");
        }
    }
}

#[tokio::test]
async fn somebody_else_s_token_must_be_good_to_be_told_so() {
    let app = TestApp::default();
    let token = token_of_admin(&app.clock).claim("email", "admin@example.com").signed_with(|_| vec![1; 256]);
    let answer = app.bearer(&token).get("/tenants").await;
    assert_eq!(answer.without_request_id(), refusal(&app).await.without_request_id());
}

#[tokio::test]
async fn the_address_is_where_the_configuration_says() {
    const CLAIM: &str = "https://smartphonekey.com/email";
    let app = TestApp::configured(&[("ADMIN_EMAIL_CLAIM", CLAIM)]);
    let token = || token_of_admin(&app.clock).without_claim("email").without_claim("email_verified");
    let named = |address: &str| token().claim(CLAIM, address);
    let verified = format!("{CLAIM}_verified");
    let good = || named("admin@smartphonekey.com");
    app.bearer(&good().claim(&verified, true).signed()).get("/tenants").await.is(200);
    app.bearer(&good().claim("email_verified", true).signed()).get("/tenants").await.is(200);
    for (what, token) in [
        ("neither said to be verified nor not", good()),
        (
            "verified in one place, not in the other",
            good().claim(&verified, true).claim("email_verified", false),
        ),
        ("plain claim only", token().claim("email", "admin@smartphonekey.com")),
        ("another's", named("admin@example.com").claim("email", "admin@smartphonekey.com")),
        ("unverified", named("admin@smartphonekey.com").claim(&verified, false)),
        ("plainly unverified", named("admin@smartphonekey.com").claim("email_verified", false)),
    ] {
        let answer = app.bearer(&token.signed()).get("/tenants").await;
        assert_eq!(answer.status, 403, "{what}");
    }
}

#[tokio::test]
async fn the_person_is_the_actor() {
    let app = TestApp::default();
    let person = token_of_admin(&app.clock).claim("email", "Jane.Doe@smartphonekey.com").signed();
    let body = json!({"orgName": "ACME", "ownerEmail": "owner@acme-corp.com"});
    app.bearer(&person).post("/tenants/acme-corp/register", body).await.is(201);
    let tenant = app.admin().get("/tenants/acme-corp").await;
    assert_eq!(tenant.body["createdBy"], "Jane.Doe@smartphonekey.com");
    let log = app.admin().get("/tenants/acme-corp/transitions").await;
    assert_eq!(log.body["transitions"][0]["actor"], "Jane.Doe@smartphonekey.com");
    assert_eq!(log.body["transitions"][0]["via"], Value::Null);
}
