//! Tenants: listed, changed, closed, and their audit log.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

async fn register(app: &TestApp, org_id: &str, owner: &str) -> Answer {
    let body = json!({"orgName": format!("Name of {org_id}"), "ownerEmail": owner});
    app.admin().post(&format!("/tenants/{org_id}/register"), body).await
}

fn ids(listed: &Answer) -> Vec<String> {
    let tenants = listed.is(200).body["tenants"].as_array().unwrap();
    tenants.iter().map(|tenant| tenant["orgId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn tenants_are_listed_page_by_page_in_the_order_of_their_registration() {
    let app = TestApp::default();
    let all = ["zeta-corp", "beta-corp", "acme-corp", "mid-corp", "last-corp"];
    for org_id in all {
        register(&app, org_id, "owner@example.com").await.is(201);
        app.wait(1);
    }
    for owner in ["", "&ownerEmail=owner@example.com"] {
        let mut seen = Vec::new();
        let mut path = format!("/tenants?limit=2{owner}");
        loop {
            let page = app.admin().get(&path).await;
            assert_eq!((&page.body["total"], &page.body["limit"]), (&json!(5), &json!(2)));
            seen.extend(ids(&page));
            let Some(cursor) = page.body["nextCursor"].as_str() else { break };
            path = format!("/tenants?limit=2{owner}&cursor={cursor}");
        }
        assert_eq!(seen, all, "{owner}");
    }
    app.admin().delete("/tenants/acme-corp").await.is(200);
    app.admin().delete("/tenants/acme-corp").await.is(404);
    register(&app, "acme-corp", "owner@example.com").await.is(409);
    let left = app.admin().get("/tenants?limit=200").await;
    assert_eq!((ids(&left).len(), &left.body["total"]), (4, &json!(4)));
}

#[tokio::test]
async fn a_tenant_is_found_by_the_beginning_of_its_id_or_name() {
    let app = TestApp::default();
    for (org_id, name) in [
        ("acme-two", "Second"),
        ("acme-one", "Acme One"),
        ("other", "ACME & Sons"),
        ("another", "acme's"),
        ("zeta", "Not Acme"),
        ("acm", "Aßme"),
    ] {
        let body = json!({"orgName": name, "ownerEmail": "owner@example.com"});
        app.admin().post(&format!("/tenants/{org_id}/register"), body).await.is(201);
    }
    let expected = ["acme-one", "acme-two", "other", "another"];
    for limit in [1, 2, 3, 50] {
        let mut seen = Vec::new();
        let mut path = format!("/tenants?limit={limit}&search=AcMe");
        loop {
            let page = app.admin().get(&path).await;
            assert_eq!(page.body["total"], Value::Null);
            seen.extend(ids(&page));
            let Some(cursor) = page.body["nextCursor"].as_str() else { break };
            path = format!("/tenants?limit={limit}&search=AcMe&cursor={cursor}");
        }
        assert_eq!(seen, expected, "{limit}");
    }
    for (search, found) in [("a%25", vec![]), ("A%C3%9F", vec!["acm"]), ("zeta", vec!["zeta"]), ("_", vec![])]
    {
        assert_eq!(ids(&app.admin().get(&format!("/tenants?search={search}")).await), found, "{search}");
    }
}

#[tokio::test]
async fn an_owner_is_found_whatever_the_case() {
    let app = TestApp::default();
    register(&app, "acme-corp", "Owner@Acme-Corp.com").await.is(201);
    app.wait(1);
    register(&app, "other-corp", "owner@other-corp.com").await.is(201);
    register(&app, "acme-two", "owner@acme-corp.COM").await.is(201);
    for owner in ["owner@acme-corp.com", "OWNER@ACME-CORP.COM", "Owner@Acme-Corp.com"] {
        let listed = app.admin().get(&format!("/tenants?ownerEmail={owner}")).await;
        assert_eq!(ids(&listed), ["acme-corp", "acme-two"], "{owner}");
        assert_eq!(listed.body["total"], 2);
    }
    assert_eq!(ids(&app.admin().get("/tenants?ownerEmail=wner@acme-corp.com").await), Vec::<String>::new());
    assert_eq!(ids(&app.admin().get("/tenants?ownerEmail=%25@acme-corp.com").await), Vec::<String>::new());
}

#[tokio::test]
async fn a_tenant_is_changed_one_field_or_both() {
    let app = TestApp::default();
    register(&app, "acme-corp", "owner@acme-corp.com").await.is(201);
    let renamed = app.admin().patch("/tenants/acme-corp", json!({"orgName": "ACME & Sons"})).await;
    assert_eq!(renamed.is(200).body, json!({"success": true, "aggregateId": "acme-corp", "version": 2}));
    let moved = app.admin().patch("/tenants/acme-corp", json!({"ownerEmail": "new@acme-corp.com"})).await;
    assert_eq!(moved.is(200).body["version"], 3);
    let tenant = app.admin().get("/tenants/acme-corp").await;
    assert_eq!(tenant.is(200).body["orgName"], "ACME & Sons");
    assert_eq!(tenant.body["ownerEmail"], "new@acme-corp.com");
    assert_eq!(tenant.body["apiKey"], Value::Null);
    app.admin()
        .patch("/tenants/none-corp", json!({"orgName": "X"}))
        .await
        .is_problem(404, "tenant_not_registered");
}

#[tokio::test]
async fn a_closed_tenant_is_gone_and_its_id_stays_taken() {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let webhook = app.given_webhook("acme-corp").await;
    app.given_tenant("other-corp").await;
    app.given_webhook("other-corp").await;

    let closed = app.admin().delete("/tenants/acme-corp").await;
    assert_eq!(closed.is(200).body, json!({"success": true, "aggregateId": "acme-corp", "version": 2}));

    register(&app, "acme-corp", "owner@example.com").await.is_problem(409, "tenant_already_registered");
    app.partner(&key).get("/webhooks").await.is(401);
    let hooks = app.database.query(shared::ports::Statement::new("SELECT org_id FROM webhooks"));
    assert_eq!(hooks, [json!({"org_id": "other-corp"})]);
    assert_eq!(ids(&app.admin().get("/tenants").await), ["other-corp"]);

    let log = app.admin().get("/tenants/acme-corp/transitions?limit=2").await;
    assert_eq!(log.is(200).body["transitions"][0]["kind"], "TenantClosed");
    assert_eq!(log.body["transitions"][0]["actor"], "admin@smartphonekey.com");
    assert_eq!(log.body["transitions"][1]["kind"], "WebhookCreated");
    app.admin().get("/tenants/nobody/transitions").await.is_problem(404, "tenant_not_registered");

    let before = app.database.dump();
    for (method, path) in [
        ("GET", "/tenants/acme-corp"),
        ("DELETE", "/tenants/acme-corp"),
        ("GET", "/tenants/acme-corp/deliveries?eventId=e-1"),
        ("GET", "/tenants/acme-corp/webhooks"),
        ("GET", &webhook),
        ("DELETE", &webhook),
        ("GET", "/api-keys?orgId=acme-corp"),
        ("POST", "/api-keys/acme-corp/rotate"),
    ] {
        app.admin().request(method, path).send().await.is_problem(404, "tenant_not_registered");
    }
    app.admin()
        .patch("/tenants/acme-corp", json!({"orgName": "X"}))
        .await
        .is_problem(404, "tenant_not_registered");
    app.admin()
        .post("/api-keys", json!({"orgId": "acme-corp"}))
        .await
        .is_problem(404, "tenant_not_registered");
    app.admin().delete("/api-keys/acme-corp").await.is_problem(404, "no_active_key");
    let body = json!({"url": "https://hooks.acme-corp.com/in"});
    app.admin().post("/tenants/acme-corp/webhooks", body).await.is_problem(404, "tenant_not_registered");
    assert_eq!(app.database.dump(), before);
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_and_when_newest_first() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    app.wait(1);
    let webhook = app.given_webhook("acme-corp").await;
    app.wait(1);
    app.portal("owner@example.com").post("/api-keys", json!({"orgId": "acme-corp"})).await.is(201);
    app.admin().delete(&webhook).await.is(200);
    let log = app.admin().get("/tenants/acme-corp/transitions").await;
    let told: Vec<_> = log.is(200).body["transitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (entry["kind"].as_str().unwrap(), entry["version"].as_u64().unwrap(), entry["at"].clone())
        })
        .collect();
    let at = |second: u32| json!(format!("2026-04-02T10:00:0{second}.000Z"));
    let expected = [
        ("WebhookDeleted", 2, at(2)),
        ("ApiKeyIssued", 1, at(2)),
        ("WebhookCreated", 1, at(1)),
        ("TenantRegistered", 1, at(0)),
    ];
    assert_eq!(told, expected);
    assert_eq!(log.body["nextCursor"], Value::Null);
    assert_eq!(log.body["transitions"][1]["actor"], "owner@example.com");
    assert_eq!(log.body["transitions"][1]["via"], "partner-portal");
    app.admin().get("/tenants/none-corp/transitions").await.is_problem(404, "tenant_not_registered");
}

#[tokio::test]
async fn the_audit_log_is_read_page_by_page_and_its_cursor_cannot_be_forged_by_accident() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    app.given_tenant("other-corp").await;
    for version in 2..=7 {
        let changed =
            app.admin().patch("/tenants/acme-corp", json!({"orgName": format!("Name {version}")})).await;
        assert_eq!(changed.is(200).body["version"], version);
    }
    let (mut versions, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = app.admin().get(&format!("/tenants/acme-corp/transitions?limit=3{cursor}")).await;
        let entries = page.is(200).body["transitions"].as_array().unwrap();
        versions.extend(entries.iter().map(|entry| entry["version"].as_u64().unwrap()));
        pages += 1;
        match page.body["nextCursor"].as_str() {
            None => break,
            Some(next) => cursor = format!("&cursor={next}"),
        }
        // What happens meanwhile does not shift the pages.
        app.admin().patch("/tenants/acme-corp", json!({"orgName": "Meanwhile"})).await.is(200);
    }
    assert_eq!((versions, pages), (vec![7, 6, 5, 4, 3, 2, 1], 3));

    let page = app.admin().get("/tenants/acme-corp/transitions?limit=1").await;
    let next = page.text_at("nextCursor");
    for index in 0..next.len() {
        let mut tampered = next.clone().into_bytes();
        tampered[index] = if tampered[index] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).unwrap();
        let answer = app.admin().get(&format!("/tenants/acme-corp/transitions?cursor={tampered}")).await;
        answer.names_field("cursor");
    }
    // Another tenant's cursor shows nothing of that tenant.
    let other = app.admin().get(&format!("/tenants/other-corp/transitions?cursor={next}")).await;
    assert_eq!(other.is(200).body["transitions"].as_array().unwrap().len(), 1);
}
