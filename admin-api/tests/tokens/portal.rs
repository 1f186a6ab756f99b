//! The portal is held to the person at its other end: to the routes that it needs, and to tenants of which the person is a
//! member.

use admin_api::auth::portal;
use edge::routes::Access;
use serde_json::json;
use shared::courier::Operators;
use shared::webhook::signing::SigningSecret;

use crate::support::{Answer, Route, TestApp};

const OWNER: &str = "owner@example.com";
const STRANGER: &str = "nobody@x.example";

/// A tenant with all that a route may ask for: the webhook's id.
async fn given(app: &TestApp) -> String {
    app.given_key("acme-corp").await;
    let webhook = app.given_webhook("acme-corp").await;
    let id = webhook.rsplit('/').next().unwrap().to_owned();
    app.admin().request("PUT", "/tenants/acme-corp/members/al@example.com").send().await.is(201);
    app.delivery().event("acme-corp", "event-1", "KeyAdded").await;
    id
}

/// A sound request of the route about this tenant, by the portal for this person.
async fn ask(app: &TestApp, person: &str, route: &Route, org_id: &str, webhook_id: &str) -> Answer {
    let parameters = [
        ("{orgId}", org_id),
        ("{webhookId}", webhook_id),
        ("{eventId}", "event-1"),
        ("{email}", "al@example.com"),
        ("{id}", "1"),
    ];
    let path = parameters.iter().fold(route.path.to_owned(), |path, (name, value)| path.replace(name, value));
    let body = match (route.method, route.path) {
        ("GET" | "DELETE", "/api-keys") => None,
        (_, "/api-keys") => Some(json!({"orgId": org_id})),
        ("POST", "/tenants/{orgId}/register") => Some(json!({"orgName": "X", "ownerEmail": person})),
        ("PATCH", "/tenants/{orgId}") => Some(json!({"ownerEmail": STRANGER})),
        ("POST", "/tenants/{orgId}/webhooks") | ("PUT", _) => {
            Some(json!({"url": "https://evil.example.com/in"}))
        }
        ("POST", path) if path.ends_with("/{webhookId}/redeliver") => Some(json!({"states": ["dead"]})),
        _ => None,
    };
    let path = match (route.method, route.path) {
        ("GET", "/api-keys") => format!("{path}?orgId={org_id}"),
        ("GET", "/tenants/{orgId}/deliveries") => format!("{path}?eventId=event-1"),
        _ => path,
    };
    let request = app.portal(person).request(route.method, &path);
    match body.filter(|_| !route.path.ends_with("/{email}")) {
        Some(body) => request.json(&body).send().await,
        None => request.send().await,
    }
}

#[tokio::test]
async fn to_a_stranger_each_tenant_is_none_and_every_other_route_is_closed() {
    let app = TestApp::default();
    let webhook_id = given(&app).await;
    let before = app.database.dump();
    let (mut closed, mut none) = (0, 0);
    for route in &app.routes {
        let what = format!("{} {}", route.method, route.path);
        if route.access != Access::Admin {
            continue;
        }
        let answer = ask(&app, STRANGER, route, "acme-corp", &webhook_id).await;
        if !portal::may_call(route.method, route.path) {
            answer.is_problem(403, "not_for_the_portal");
            closed += 1;
        } else if route.path == "/tenants" {
            assert_eq!((&answer.is(200).body["tenants"], &answer.body["total"]), (&json!([]), &json!(0)));
        } else if route.path.ends_with("/register") {
            answer.is_problem(409, "tenant_already_registered");
        } else {
            let of_none = ask(&app, STRANGER, route, "none-corp", &webhook_id).await;
            assert_eq!(answer.without_request_id(), of_none.without_request_id(), "{what}");
            assert!(answer.status == 404, "{what}: {}", answer.text);
            none += 1;
        }
        assert_eq!(app.database.dump(), before, "{what}");
    }
    assert!(closed >= 8 && none >= 18, "{closed} closed, {none} none");
}

#[tokio::test]
async fn to_a_member_each_route_that_the_portal_needs_is_open() {
    for (method, path) in portal::ROUTES {
        let app = TestApp::default();
        let webhook_id = given(&app).await;
        let route = app.routes.iter().find(|route| (route.method, route.path) == (method, path));
        let route = route.unwrap_or_else(|| panic!("{method} {path}: the portal needs a route that is none"));
        let answer = ask(&app, "AL@example.com", route, "acme-corp", &webhook_id).await;
        // What stands in the way is the tenant's state, and not who asks.
        let reached = answer.status.is_success() || answer.status == 409;
        assert!(reached, "{method} {path}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_person_sees_and_registers_tenants_of_their_own_alone() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    app.given_tenant("other-corp").await;
    let own = json!({"orgName": "Zoe", "ownerEmail": "Zoe@example.com"});
    app.portal("zoe@example.com").post("/tenants/zoe-corp/register", own).await.is(201);
    app.admin().request("PUT", "/tenants/acme-corp/members/zoe@example.com").send().await.is(201);
    for (query, expected) in [
        ("", json!(["acme-corp", "zoe-corp"])),
        ("?ownerEmail=ZOE@example.com", json!(["acme-corp", "zoe-corp"])),
        // Of somebody else's tenants, those that are the person's as well.
        ("?ownerEmail=owner@example.com", json!(["acme-corp"])),
        ("?ownerEmail=nobody@example.com", json!([])),
    ] {
        let listed = app.portal("zoe@example.com").get(&format!("/tenants{query}")).await;
        let tenants = listed.is(200).body["tenants"].as_array().unwrap();
        let ids: Vec<_> = tenants.iter().map(|tenant| tenant["orgId"].clone()).collect();
        assert_eq!((json!(ids), &listed.body["total"]), (expected, &json!(ids.len())), "{query}");
    }
    let searched = app.portal("zoe@example.com").get("/tenants?search=acme").await;
    searched.is_problem(403, "not_for_the_portal");
    let somebody = json!({"orgName": "X", "ownerEmail": OWNER});
    let refused = app.portal("zoe@example.com").post("/tenants/new-corp/register", somebody).await;
    refused.names_field("ownerEmail");
}

#[tokio::test]
async fn reserved_ids_are_for_admins_alone() {
    let app = TestApp::default();
    let body = json!({"orgName": "ACME", "ownerEmail": OWNER});
    for org_id in ["admin", "api", "www", "smartphonekey", "spk", "spk-x", "smartphonekey-locks", "spk--"] {
        let path = format!("/tenants/{org_id}/register");
        let before = app.database.dump();
        let refused = app.portal(OWNER).post(&path, body.clone()).await;
        if org_id.ends_with('-') {
            refused.names_field("orgId");
            continue;
        }
        refused.is_problem(409, "org_id_reserved");
        assert_eq!(app.database.dump(), before);
        app.admin().post(&path, body.clone()).await.is(201);
    }
    for org_id in ["administrator", "spkx", "my-spk", "smartphonekeys", "api-corp"] {
        app.portal(OWNER).post(&format!("/tenants/{org_id}/register"), body.clone()).await.is(201);
    }
}

#[tokio::test]
async fn operators_are_told_of_each_self_registration_and_of_no_other() {
    let app = TestApp::default();
    app.given_tenant("other-corp").await;
    let body = json!({"orgName": "ACME \"Corp\"", "ownerEmail": "Zoe@example.com"});
    for status in [201, 409] {
        app.portal("zoe@example.com").post("/tenants/acme-corp/register", body.clone()).await.is(status);
    }
    let mut delivery = app.delivery();
    let secret = SigningSecret::generate([3; 32]);
    delivery.courier.operators = Some(Operators { url: "https://ops.example.com/".into(), secret });
    let woken: Vec<_> = app.retries.take().into_iter().map(|message| message.body).collect();
    delivery.hand_over(&woken).await;
    let expected = json!({"type": "tenant.registered", "data": {
        "id": "registered-acme-corp", "orgId": "acme-corp", "orgName": "ACME \"Corp\"",
        "ownerEmail": "Zoe@example.com", "at": "2026-04-02T10:00:00.000Z",
    }});
    assert_eq!(delivery.received(), [expected]);
    delivery.hand_over(&woken).await;
    assert_eq!(delivery.received(), Vec::<serde_json::Value>::new(), "told once");
}

#[tokio::test]
async fn a_membership_that_has_ended_lets_nobody_in() {
    let app = TestApp::default();
    let webhook_id = given(&app).await;
    let webhook = format!("/tenants/acme-corp/webhooks/{webhook_id}");
    app.portal("al@example.com").get(&webhook).await.is(200);
    app.portal("al@example.com").delete("/tenants/acme-corp/members/al@example.com").await.is(200);
    app.portal("al@example.com").get(&webhook).await.is_problem(404, "tenant_not_registered");
    app.portal("al@example.com")
        .post(&format!("{webhook}/verify"), json!({}))
        .await
        .is_problem(404, "tenant_not_registered");
    // The owner before is one of the public as well.
    app.admin().patch("/tenants/acme-corp", json!({"ownerEmail": "new@example.com"})).await.is(200);
    app.portal(OWNER).get(&webhook).await.is_problem(404, "tenant_not_registered");
    app.portal("New@example.com").get(&webhook).await.is(200);
}

#[tokio::test]
async fn of_a_webhook_a_person_sets_the_url_alone() {
    let app = TestApp::default();
    let webhook_id = given(&app).await;
    let webhook = format!("/tenants/acme-corp/webhooks/{webhook_id}");
    let before = app.database.dump();
    for more in [
        json!({"events": ["KeyAdded"]}),
        json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}),
        json!({"auth": {"type": "bearerToken"}}),
    ] {
        let mut body = more.clone();
        body["url"] = json!("https://hooks.acme-corp.com/new");
        for body in [more, body.clone()] {
            app.portal(OWNER).put(&webhook, body).await.is_problem(403, "not_for_the_portal");
        }
        let created = app.portal(OWNER).post("/tenants/acme-corp/webhooks", body).await;
        created.is_problem(403, "not_for_the_portal");
    }
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn the_portal_is_told_of_no_other_path() {
    let app = TestApp::default();
    for path in ["/nothing", "/tenants/acme-corp/nothing"] {
        app.portal(OWNER).get(path).await.is_problem(403, "not_for_the_portal");
        app.admin().get(path).await.is_problem(404, "not_found");
    }
}
