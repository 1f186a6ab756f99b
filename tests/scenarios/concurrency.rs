//! Twenty requests at once: constraints in the database decide which one succeeds.

use edge::testing::Token;
use futures_util::future::join_all;
use http::Method;
use local::clock::milliseconds;
use serde_json::{Value, json};
use tests::client::Answer;
use tests::tenant::Tenant;
use tests::world::run;

const CROWD: usize = 20;

/// The answers to twenty simultaneous requests.
async fn crowd<F: Future<Output = Answer>>(request: impl Fn(usize) -> F) -> Vec<Answer> {
    join_all((0..CROWD).map(request)).await
}

fn with_status(answers: &[Answer], status: u16) -> Vec<Value> {
    answers.iter().filter(|answer| answer.status == status).map(Answer::json).collect()
}

/// The versions that successful answers name, in order.
fn versions(answers: &[Value]) -> Vec<u64> {
    let mut versions: Vec<u64> = answers.iter().map(|answer| answer["version"].as_u64().unwrap()).collect();
    versions.sort_unstable();
    versions
}

#[test]
fn of_twenty_registrations_of_one_organization_one_succeeds() {
    run(|world| async move {
        let admin = &world.admin();
        let body = &json!({"orgName": "Contested", "ownerEmail": "owner@contested.com"});
        let answers = crowd(async |_| admin.post("/tenants/contested/register", body).await).await;
        assert_eq!(
            with_status(&answers, 201),
            [json!({"success": true, "aggregateId": "contested", "version": 1})]
        );
        let refused = with_status(&answers, 409);
        assert_eq!(refused.len(), CROWD - 1);
        assert!(refused.iter().all(|answer| answer["error"] == "tenant_already_registered"));
    });
}

#[test]
fn of_twenty_issued_keys_one_is_given() {
    run(|world| async move {
        let (admin, tenant) = (&world.admin(), Tenant::register(world).await);
        let body = &json!({"orgId": tenant.org_id});
        let answers = crowd(async |_| admin.post("/api-keys", body).await).await;
        assert_eq!(with_status(&answers, 201).len(), 1);
        let refused = with_status(&answers, 409);
        assert_eq!(refused.len(), CROWD - 1);
        assert!(refused.iter().all(|answer| answer["error"] == "active_key_exists"));
        let listed = admin.get(&format!("/api-keys?orgId={}", tenant.org_id)).await.expect(200);
        assert_eq!(listed["total"], 1);
    });
}

#[test]
fn of_twenty_rotations_one_key_works() {
    run(|world| async move {
        let (admin, tenant) = (&world.admin(), Tenant::register(world).await);
        let first = tenant.api_key().await;
        let path = &format!("/api-keys/{}/rotate", tenant.org_id);
        let answers = crowd(async |_| admin.post_nothing(path).await).await;
        let rotated = with_status(&answers, 201);
        assert_eq!(rotated.len(), CROWD);
        let keys = rotated.iter().map(|answer| answer["apiKey"].as_str().unwrap().to_owned()).chain([first]);
        let asked = join_all(keys.map(async |key| world.partner(&key).get("/api-keys/self").await)).await;
        assert_eq!(with_status(&asked, 200).len(), 1);
        assert_eq!(with_status(&asked, 401).len(), CROWD);
    });
}

#[test]
fn twenty_webhooks_are_created_and_not_one_more() {
    run(|world| async move {
        let (admin, tenant) = (&world.admin(), Tenant::register(world).await);
        let path = &format!("/tenants/{}/webhooks", tenant.org_id);
        let body = |number: usize| json!({"url": format!("http://localhost:9999/{number}")});
        let answers = crowd(async |number| admin.post(path, &body(number)).await).await;
        let created = with_status(&answers, 201);
        assert_eq!(versions(&created), (1..=20).collect::<Vec<_>>());
        let refused = admin.post(path, &body(CROWD)).await.expect(409);
        assert_eq!(refused["error"], "webhook_limit_reached");
        assert_eq!(admin.get(path).await.expect(200)["total"], 20);
    });
}

#[test]
fn twenty_changes_of_one_webhook_all_count() {
    run(|world| async move {
        let (admin, tenant) = (&world.admin(), Tenant::register(world).await);
        let webhook = &tenant.webhook("http://localhost:9999/changed").await;
        let body = |number| json!({"events": [if number % 2 == 0 { "KeyAdded" } else { "KeyRemoved" }]});
        let answers = crowd(async |number| admin.put(&webhook.path, &body(number)).await).await;
        let changed = with_status(&answers, 200);
        assert_eq!(versions(&changed), (2..=21).collect::<Vec<_>>());
        let log = admin.get(&format!("/tenants/{}/transitions?limit=200", tenant.org_id)).await.expect(200);
        let transitions = log["transitions"].as_array().unwrap();
        let of_webhooks = transitions.iter().filter(|transition| transition["aggregate"] == "webhooks");
        assert_eq!(of_webhooks.count(), CROWD + 1);
    });
}

#[test]
fn twenty_times_the_same_request_with_one_key_is_done_once() {
    run(|world| async move {
        let tenant = Tenant::register(world).await;
        let admin = world.admin().with("idempotency-key", "order-4711");
        let org = &tenant.org_id;
        let webhooks = format!("/tenants/{org}/webhooks");
        let body = json!({"url": "https://hooks.example.com/in"});
        let answers = crowd(async |_| admin.post(&webhooks, &body).await).await;
        let created = with_status(&answers, 201);
        assert_eq!(created.len(), CROWD);
        assert!(created.iter().all(|answer| answer == &created[0]), "{created:?}");
        assert_eq!(world.admin().get(&webhooks).await.expect(200)["total"], 1);

        let rotate = format!("/api-keys/{org}/rotate");
        let reused = admin.post(&rotate, &json!({})).await;
        assert_eq!(reused.expect(422)["error"], "idempotency_key_reused");
        let admin = world.admin().with("idempotency-key", "order-4712");
        let answers = crowd(async |_| admin.post(&rotate, &json!({})).await).await;
        let rotated = with_status(&answers, 201);
        assert_eq!(rotated.len(), CROWD);
        assert!(rotated.iter().all(|answer| answer == &rotated[0]), "{rotated:?}");
        let keys = world.admin().get(&format!("/api-keys?orgId={org}")).await.expect(200);
        assert_eq!(keys["total"], 1);

        // The one statement that asks SQLite how many rows the statement before it changed.
        let id = created[0]["webhookId"].as_str().unwrap();
        let none = world.admin().with("idempotency-key", "order-4713");
        let missing =
            none.post(&format!("{webhooks}/{id}/deliveries/no-such-event/redeliver"), &json!({})).await;
        assert_eq!(missing.status, 404);
        let range = format!("{webhooks}/{id}/redeliver");
        let first = none.post(&range, &json!({"since": "2026-01-01T00:00:00Z"})).await.expect(202);
        assert_eq!(none.post(&range, &json!({"since": "2026-01-01T00:00:00Z"})).await.expect(202), first);
    });
}

#[test]
fn of_a_tenant_that_is_closed_while_others_change_it_nothing_opens_anything() {
    run(|world| async move {
        let (admin, tenant) = (&world.admin(), Tenant::register(world).await);
        let (org, first) = (&tenant.org_id, tenant.api_key().await);
        let path = &format!("/tenants/{org}");
        let webhook = &tenant.webhook("http://localhost:9999/closed").await;
        let answers = crowd(async |number| match number % 7 {
            3 => admin.delete(path).await,
            0 => admin.post_nothing(&format!("/api-keys/{org}/rotate")).await,
            1 => {
                let url = format!("http://localhost:9999/{number}");
                admin.post(&format!("{path}/webhooks"), &json!({"url": url})).await
            }
            2 => admin.post_nothing(&format!("{}/rotate-secret", webhook.path)).await,
            4 => admin.put(&format!("{path}/members/al{number}@example.com"), &json!({})).await,
            5 => world.partner(&first).get("/webhooks").await,
            _ => admin.post_nothing(&format!("{}/verify", webhook.path)).await,
        })
        .await;
        for answer in &answers {
            assert!(answer.status < 500, "{}", answer.text);
        }
        let closed = answers.iter().skip(3).step_by(7);
        assert_eq!(closed.filter(|answer| answer.status == 200).count(), 1, "one closes the tenant");
        let rotated = with_status(&answers, 201);
        let keys = rotated.iter().filter_map(|answer| answer["apiKey"].as_str());
        for key in keys.chain([first.as_str()]) {
            let _ = world.partner(key).get("/webhooks").await.expect(401);
        }
        for path in
            [path.clone(), format!("{path}/webhooks"), format!("{path}/members"), webhook.path.clone()]
        {
            let _ = admin.get(&path).await.expect(404);
        }
        let event = tenant.event("KeyAdded");
        world.publish(&event).await;
        let again = json!({"orgName": "Again", "ownerEmail": "owner@again.com"});
        let registered = admin.post(&format!("{path}/register"), &again).await;
        assert!([201, 409].contains(&registered.status), "{}", registered.text);
        if registered.status == 201 {
            assert_eq!(admin.get(&format!("{path}/webhooks")).await.expect(200)["total"], 0);
            assert_eq!(admin.get(&format!("/api-keys?orgId={org}")).await.expect(200)["total"], 0);
        }
    });
}

#[test]
fn a_person_who_is_removed_while_acting_changes_nothing_afterwards() {
    run(|world| async move {
        let (admin, tenant) = (&world.admin(), Tenant::register(world).await);
        let (org, _) = (&tenant.org_id, tenant.api_key().await);
        let person = format!("al@{org}.com");
        let member = format!("/tenants/{org}/members/{person}");
        assert_eq!(admin.send(Method::PUT, &member, None).await.status, 201);
        let now = milliseconds() / 1_000;
        let claims = json!({
            "iss": "partner-portal", "aud": "admin-api", "iat": now, "exp": now + 60,
            "email": "partner-portal@smartphonekey.com", "act": person,
        });
        let token = Token::hs256(&claims).signed_hs256(&world.secret("SERVICE_JWT_SECRET"));
        let portal = &world.admin_api().with("x-admin-api-key", &world.credentials().admin_api_key);
        let portal = &portal.clone().with("authorization", &format!("Bearer {token}"));
        let rotate = &format!("/api-keys/{org}/rotate");
        assert_eq!(portal.post_nothing(rotate).await.status, 201);
        let answers = crowd(async |number| match number {
            7 => admin.delete(&member).await,
            _ => portal.post_nothing(rotate).await,
        })
        .await;
        assert!(answers.iter().all(|answer| [200, 201, 404].contains(&answer.status)), "{answers:?}");
        assert_eq!(portal.post_nothing(rotate).await.status, 404);
        // By the log of transitions, which has the latest first.
        let log = admin.get(&format!("/tenants/{org}/transitions?limit=200")).await.expect(200);
        let transitions = log["transitions"].as_array().unwrap();
        let removed = transitions.iter().position(|transition| transition["kind"] == "MemberRemoved");
        let (after, before) = transitions.split_at(removed.unwrap_or_else(|| panic!("{log}")));
        let by_person =
            |all: &[Value]| all.iter().filter(|transition| transition["actor"] == *person).count();
        assert_eq!((by_person(after), by_person(before)), (0, 1 + with_status(&answers, 201).len()), "{log}");
    });
}
