//! Members: the people who may sign in for a tenant.

use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

const OWNER: &str = "owner@example.com";

fn members(app: &Answer) -> Vec<(String, String)> {
    let members = app.is(200).body["members"].as_array().unwrap();
    members.iter().map(|member| (text(member, "email"), text(member, "role"))).collect()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

async fn tenants_of(app: &TestApp, person: &str) -> Vec<String> {
    let listed = app.admin().get(&format!("/tenants?ownerEmail={person}")).await;
    let tenants = listed.is(200).body["tenants"].as_array().unwrap();
    assert_eq!(listed.body["total"], tenants.len());
    tenants.iter().map(|tenant| text(tenant, "orgId")).collect()
}

fn pair(email: &str, role: &str) -> (String, String) {
    (email.to_owned(), role.to_owned())
}

#[tokio::test]
async fn the_owner_is_a_member_and_adds_others() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    assert_eq!(members(&app.admin().get("/tenants/acme-corp/members").await), [pair(OWNER, "owner")]);
    app.wait(1);
    let added = app.admin().request("PUT", "/tenants/acme-corp/members/Zoe@Example.com").send().await;
    assert_eq!(added.is(201).body, json!({"success": true, "aggregateId": "acme-corp", "version": 2}));
    app.wait(1);
    app.portal(OWNER).request("PUT", "/tenants/acme-corp/members/al%40example.com").send().await.is(201);

    let listed = app.admin().get("/tenants/acme-corp/members").await;
    assert_eq!(
        members(&listed),
        [pair(OWNER, "owner"), pair("Zoe@Example.com", "member"), pair("al@example.com", "member")]
    );
    assert_eq!(listed.body["members"][1]["addedAt"], "2026-04-02T10:00:01.000Z");
    assert_eq!(listed.body["members"][1]["addedBy"], "admin@smartphonekey.com");
    assert_eq!(listed.body["members"][2]["addedBy"], OWNER);

    // Twice is once, whatever the case.
    let before = app.database.dump();
    for person in ["zoe@example.com", "ZOE@EXAMPLE.COM", OWNER] {
        let again = app.admin().request("PUT", &format!("/tenants/acme-corp/members/{person}")).send().await;
        assert_eq!(again.is(200).body["version"], 3, "{person}");
    }
    assert_eq!(app.database.dump(), before);

    let log = app.admin().get("/tenants/acme-corp/transitions").await;
    assert_eq!(log.body["transitions"][0]["kind"], "MemberAdded");
    assert_eq!(log.body["transitions"][0]["actor"], OWNER);
    assert_eq!(log.body["transitions"][0]["via"], "partner-portal");
    assert_eq!(log.body["transitions"][0]["details"], json!({"email": "al@example.com"}));
}

#[tokio::test]
async fn a_tenant_is_found_by_each_of_its_members_until_the_membership_ends() {
    let app = TestApp::default();
    for org_id in ["zeta-corp", "acme-corp", "other-corp"] {
        app.given_tenant(org_id).await;
        app.wait(1);
    }
    for org_id in ["acme-corp", "zeta-corp"] {
        let path = format!("/tenants/{org_id}/members/zoe@example.com");
        app.admin().request("PUT", &path).send().await.is(201);
    }
    // In the order of registration, not in that of the membership.
    assert_eq!(tenants_of(&app, "Zoe@Example.COM").await, ["zeta-corp", "acme-corp"]);
    assert_eq!(tenants_of(&app, OWNER).await, ["zeta-corp", "acme-corp", "other-corp"]);
    let first = app.admin().get("/tenants?ownerEmail=zoe@example.com&limit=1").await;
    assert_eq!((&first.body["tenants"][0]["orgId"], &first.body["total"]), (&json!("zeta-corp"), &json!(2)));
    let next = first.text_at("nextCursor");
    let page = app.admin().get(&format!("/tenants?ownerEmail=zoe@example.com&limit=1&cursor={next}")).await;
    assert_eq!(page.body["nextCursor"], Value::Null);
    assert_eq!((&page.body["tenants"][0]["orgId"], &page.body["total"]), (&json!("acme-corp"), &json!(2)));

    let removed = app.admin().delete("/tenants/zeta-corp/members/ZOE@example.com").await;
    assert_eq!(removed.is(200).body["version"], 3);
    assert_eq!(tenants_of(&app, "zoe@example.com").await, ["acme-corp"]);
    app.admin()
        .delete("/tenants/zeta-corp/members/zoe@example.com")
        .await
        .is_problem(404, "member_not_found");
    app.admin().delete("/tenants/acme-corp").await.is(200);
    assert_eq!(tenants_of(&app, "zoe@example.com").await, Vec::<String>::new());
}

#[tokio::test]
async fn the_owner_stays_until_somebody_else_is_the_owner() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    let before = app.database.dump();
    app.admin()
        .delete("/tenants/acme-corp/members/OWNER@example.com")
        .await
        .is_problem(409, "member_is_owner");
    assert_eq!(app.database.dump(), before);

    // Somebody new: the owner before is no member any more.
    app.admin().patch("/tenants/acme-corp", json!({"ownerEmail": "new@example.com"})).await.is(200);
    assert_eq!(
        members(&app.admin().get("/tenants/acme-corp/members").await),
        [pair("new@example.com", "owner")]
    );
    assert_eq!(tenants_of(&app, OWNER).await, Vec::<String>::new());
    // A member: counted once. Another spelling of the owner: the same person.
    app.admin().request("PUT", "/tenants/acme-corp/members/zoe@example.com").send().await.is(201);
    for owner in ["Zoe@example.com", "ZOE@example.com"] {
        app.admin().patch("/tenants/acme-corp", json!({"ownerEmail": owner})).await.is(200);
        assert_eq!(members(&app.admin().get("/tenants/acme-corp/members").await), [pair(owner, "owner")]);
        assert_eq!(app.admin().get("/tenants/acme-corp").await.body["ownerEmail"], owner);
    }
    // A name alone changes no membership.
    app.admin().patch("/tenants/acme-corp", json!({"orgName": "ACME"})).await.is(200);
    assert_eq!(tenants_of(&app, "zoe@example.com").await, ["acme-corp"]);
}

#[tokio::test]
async fn fifty_besides_the_owner_are_the_most_whoever_races() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    for number in 1..=49 {
        let path = format!("/tenants/acme-corp/members/person-{number}@example.com");
        app.admin().request("PUT", &path).send().await.is(201);
    }
    let (admin, late) =
        (app.admin(), ["a", "b", "c"].map(|name| format!("/tenants/acme-corp/members/{name}@example.com")));
    let answers =
        futures_util::future::join_all(late.iter().map(|path| admin.request("PUT", path).send())).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
    answers.iter().filter(|answer| answer.status != 201).for_each(|answer| {
        answer.is_problem(409, "member_limit_reached");
    });
    let before = app.database.dump();
    let again = app.admin().request("PUT", "/tenants/acme-corp/members/person-1@example.com").send().await;
    again.is(200);
    assert_eq!(app.database.dump(), before);
    assert_eq!(members(&app.admin().get("/tenants/acme-corp/members").await).len(), 51);
    // A new owner takes the place of the owner before.
    app.admin().patch("/tenants/acme-corp", json!({"ownerEmail": "new@example.com"})).await.is(200);
    assert_eq!(members(&app.admin().get("/tenants/acme-corp/members").await).len(), 51);
}

#[tokio::test]
async fn what_names_no_member_or_tenant_is_refused() {
    let app = TestApp::default();
    app.given_tenant("acme-corp").await;
    for email in ["nobody", "a@b@c", "a%20b@example.com", "%C3%B6@example.com", "@example.com"] {
        let path = format!("/tenants/acme-corp/members/{email}");
        app.admin().request("PUT", &path).send().await.names_field("email");
        app.admin().delete(&path).await.names_field("email");
    }
    for method in ["PUT", "DELETE"] {
        let path = "/tenants/none-corp/members/zoe@example.com";
        app.admin().request(method, path).send().await.is_problem(404, "tenant_not_registered");
    }
    app.admin().get("/tenants/none-corp/members").await.is_problem(404, "tenant_not_registered");
    app.admin().delete("/tenants/acme-corp").await.is(200);
    app.admin().get("/tenants/acme-corp/members").await.is_problem(404, "tenant_not_registered");
}
