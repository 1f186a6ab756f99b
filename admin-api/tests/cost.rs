//! What a request costs: at most two round trips to the database, none where it is refused at the door.

use edge::routes::Access;
use serde_json::{Value, json};
use shared::ports::{Database, Statement};

use crate::documents::assert_described;
use crate::support::{Answer, Route, TestApp};

const MOST: u64 = 2;
const LETTER: &str = "0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e";
const MEMBER: &str = "colleague@example.com";

/// A tenant with a key, a webhook with a token, and a delivery that failed.
pub(crate) struct Given {
    pub(crate) app: TestApp,
    key: String,
    webhook_id: String,
}

impl Given {
    /// The path of a sound request to this route, prepared so that the request succeeds.
    pub(crate) async fn path(&self, route: &Route) -> String {
        let what = format!("{} {}", route.method, route.path);
        let org_id = if route.path.ends_with("/register") { "new-corp" } else { "acme-corp" };
        if what == "POST /api-keys" {
            self.app.admin().delete("/api-keys/acme-corp").await.is(200);
        }
        if route.path.ends_with("/enable") {
            self.app.database.query(Statement::new("UPDATE webhooks SET status = 'disabled'"));
        }
        self.app.database.take_round_trips();
        let path = route.path.replace("{orgId}", org_id).replace("{webhookId}", &self.webhook_id);
        let path = path.replace("{eventId}", "event-1").replace("{email}", MEMBER).replace("{id}", LETTER);
        match what.as_str() {
            "GET /api-keys" => format!("{path}?orgId=acme-corp"),
            "GET /tenants/{orgId}/deliveries" => format!("{path}?eventId=event-1"),
            _ => path,
        }
    }
}

pub(crate) async fn given() -> Given {
    let app = TestApp::default();
    let key = app.given_key("acme-corp").await;
    let path = app.given_webhook("acme-corp").await;
    app.admin().put(&path, json!({"auth": {"type": "bearerToken"}})).await.is(200);
    app.admin().request("PUT", &format!("/tenants/acme-corp/members/{MEMBER}")).send().await.is(201);
    let webhook_id = path.rsplit('/').next().unwrap().to_owned();
    let failed = Statement::new(
        "INSERT INTO delivery_log (webhook_id, event_id, org_id, event_type, stage, created_at, tries_since, failures, \
         ended_at, reason, attempts) VALUES (?1, 'event-1', 'acme-corp', 'KeyAdded', 'failed', 1, 1, 1, 2, 'status', '[]')",
    );
    let body = Statement::new(
        "INSERT INTO bodies (org_id, event, kept_until, length, body) VALUES ('acme-corp', 'event-1', 1, 2, '{}')",
    );
    let letter = Statement::new(
        "INSERT INTO dead_letters (id, queue, digest, body, reason, received_at, ends_at) VALUES (?1, 'webhook-events', '', '', 'poison', 1, 9)",
    );
    app.database.batch(vec![failed.bind(&webhook_id), body, letter.bind(LETTER)]).await.unwrap();
    app.database.take_round_trips();
    Given { app, key, webhook_id }
}

/// The dearest sound request of each route.
pub(crate) fn dearest(method: &str, path: &str) -> Option<Value> {
    let body = match (method, path) {
        ("POST", "/tenants/{orgId}/register") => json!({"orgName": "New", "ownerEmail": "owner@example.com"}),
        ("PATCH", "/tenants/{orgId}") => json!({"orgName": "New", "ownerEmail": "owner@example.com"}),
        ("POST", "/api-keys") => json!({"orgId": "acme-corp", "expiresAt": "2030-01-01T00:00:00Z"}),
        ("POST", "/api-keys/{orgId}/rotate") => json!({"graceSeconds": 60}),
        ("POST", "/tenants/{orgId}/webhooks") => {
            json!({"url": "https://hooks.acme-corp.com/in", "events": ["KeyAdded"], "auth": {"type": "bearerToken"}})
        }
        ("PUT", "/tenants/{orgId}/webhooks/{webhookId}") => {
            let auth = json!({"type": "bearerToken", "token": "0123456789abcdef"});
            json!({"url": "https://new.acme-corp.com/in", "events": ["*"], "auth": auth})
        }
        ("POST", "/tenants/{orgId}/webhooks/{webhookId}/rotate-secret") => {
            json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
        }
        ("POST", "/tenants/{orgId}/webhooks/{webhookId}/redeliver") => {
            json!({"since": "1970-01-01T00:00:00Z"})
        }
        ("PATCH", "/webhooks/{webhookId}") => json!({"url": "https://new.acme-corp.com/in"}),
        _ => return None,
    };
    Some(body)
}

#[tokio::test]
async fn no_route_asks_the_database_more_than_twice() {
    for route in TestApp::default().routes {
        let given = given().await;
        let what = format!("{} {}", route.method, route.path);
        let path = given.path(&route).await;
        let Given { app, key, .. } = &given;
        let caller = if route.access == Access::Partner { app.partner(key) } else { app.admin() };
        let request = caller.request(route.method, &path);
        let answer = match dearest(route.method, route.path) {
            Some(body) => request.json(&body).send().await,
            None => request.send().await,
        };
        assert!(answer.status.is_success(), "{what}: {}", answer.text);
        assert_described(&route, &answer);
        let spent = app.database.take_round_trips();
        assert!(spent <= MOST, "{what}: {spent}");
        let line = app.log.lines().pop().unwrap();
        assert_eq!(line["d1RoundTrips"], spent, "{what}: the log line says so too");
        let free =
            ["GET /event-types", "GET /openapi.json", "GET /partner-webhooks.openapi.json", "GET /docs"];
        assert_eq!(spent == 0, free.contains(&&*what), "{what}");
    }
}

#[tokio::test]
async fn setting_a_secret_beside_a_stored_token_costs_no_more() {
    let Given { app, webhook_id, .. } = given().await;
    let path = format!("/tenants/acme-corp/webhooks/{webhook_id}");
    app.admin().put(&path, json!({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})).await.is(200);
    assert_eq!(app.database.take_round_trips(), MOST);
    // Where nothing is to be compared, one will do.
    app.admin().put(&path, json!({"url": "https://new.acme-corp.com/in"})).await.is(200);
    app.admin().post(&format!("{path}/rotate-secret"), json!({})).await.is(200);
    assert_eq!(app.database.take_round_trips(), 2);
}

#[tokio::test]
async fn what_is_refused_at_the_door_costs_nothing() {
    let Given { app, key, webhook_id } = given().await;
    let own = format!("/webhooks/{webhook_id}");
    let (admin, anybody) = (app.admin(), app.anybody());
    let big = " ".repeat(70_000);
    let refused: Vec<(u16, Answer)> = vec![
        (401, anybody.get("/tenants").await),
        (401, anybody.get("/nothing").await),
        (401, app.partner(&key).get("/tenants").await),
        (401, app.partner("no key").get("/webhooks").await),
        (401, app.partner(&key[1..]).get("/webhooks").await),
        (401, admin.patch(&own, json!({"url": "https://new.acme-corp.com/in"})).await),
        (401, app.bearer("x.y.z").get("/tenants").await),
        (400, admin.get("/tenants?limit=0").await),
        (400, admin.get("/tenants/-").await),
        (
            400,
            admin.post("/api-keys", json!({"orgId": "acme-corp", "expiresAt": "2020-01-01T00:00:00Z"})).await,
        ),
        (400, admin.post("/tenants/acme-corp/webhooks", json!({"url": "http://x/"})).await),
        (400, admin.post("/tenants/new-corp/register", json!({"orgName": ""})).await),
        (404, admin.get("/nothing").await),
        (405, admin.put("/tenants", json!({})).await),
        (413, admin.request("POST", "/api-keys").json_bytes(big).send().await),
        (415, admin.request("POST", "/api-keys").send().await),
    ];
    for (status, answer) in refused {
        answer.is(status);
    }
    assert_eq!(app.database.take_round_trips(), 0);
    // A key that could be one has to be looked up.
    app.partner(&"a".repeat(40)).get("/webhooks").await.is(401);
    assert_eq!(app.database.take_round_trips(), 1);
}
