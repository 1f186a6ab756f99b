//! What the first version asks of the database, statement by statement: it runs on while later migrations are applied, and
//! after a rollback. Frozen: never follow a migration here.

use serde_json::{Value, json};

use super::{BODY, SECRET, URL};
use crate::api_key::ApiKey;
use crate::app::sealer::secret_context;
use crate::ports::Statement;
use crate::testing::Fixture;

/// What it writes for one tenant.
pub(super) async fn write(fixture: &Fixture, org_id: &str, key: &str) {
    let webhook = format!("webhook-of-{org_id}");
    let sealed = fixture.courier.sealer.seal(&secret_context(&webhook), SECRET).await.unwrap();
    let digest = ApiKey::parse(key).unwrap().digest();
    let write = |statement: Statement| drop(fixture.database.query(statement));
    write(
        Statement::new(
            "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by) VALUES (?1, 'ACME Corporation', 'Owner@acme-corp.com', 1000, 'admin@smartphonekey.com')",
        )
        .bind(org_id),
    );
    write(
        Statement::new(
            "INSERT INTO api_keys (digest, org_id, org_name, prefix, suffix, created_at, created_by) VALUES (?1, ?2, 'ACME Corporation', ?3, ?4, 2000, 'admin@smartphonekey.com')",
        )
        .bind(digest.as_str())
        .bind(org_id)
        .bind(&key[..8])
        .bind(&key[36..]),
    );
    write(
        Statement::new(
            "INSERT INTO webhooks (id, org_id, url, events, status, secret, auth_type, created_at, updated_at, consecutive_failures, last_error_at, last_error_status) VALUES (?1, ?2, ?3, '[\"*\"]', 'active', ?4, 'none', 3000, 3000, 2, 5000, 503)",
        )
        .bind(&webhook)
        .bind(org_id)
        .bind(URL)
        .bind(&sealed),
    );
    for (state, next, ended, body) in [
        ("pending", Some(6000_i64), None, Some(BODY)),
        ("delivered", None, Some(5000_i64), None),
        ("failed", None, Some(5000_i64), Some(BODY)),
        ("dead", None, Some(5000_i64), Some(BODY)),
    ] {
        write(
            Statement::new(
                "INSERT INTO deliveries (webhook_id, event_id, org_id, event_type, state, created_at, tries_since, failures, next_attempt_at, ended_at, attempts, body) VALUES (?1, 'e-' || ?2, ?3, 'KeyAdded', ?2, 4000, 4000, 1, ?4, ?5, '[{\"at\":\"1970-01-01T00:00:04.000Z\",\"status\":503,\"durationMilliseconds\":12}]', ?6)",
            )
            .bind(&webhook)
            .bind(state)
            .bind(org_id)
            .bind(next)
            .bind(ended)
            .bind(body),
        );
    }
    for (aggregate, kind) in
        [("tenant", "TenantRegistered"), ("apiKey", "ApiKeyIssued"), ("webhooks", "WebhookCreated")]
    {
        write(
            Statement::new(
                "INSERT INTO transitions (org_id, aggregate, version, kind, at, actor, details) VALUES (?1, ?2, 1, ?3, 1000, 'admin@smartphonekey.com', '{}')",
            )
            .bind(org_id)
            .bind(aggregate)
            .bind(kind),
        );
    }
}

/// Leases, ends, lists and rotates as it does, over what [`write`] wrote for this tenant, and finds what it expects.
pub(super) fn works_on(fixture: &Fixture, org_id: &str, key: &str) {
    let webhook = format!("webhook-of-{org_id}");
    let run = |statement: Statement| fixture.database.query(statement);
    // Counts what the statement before changed.
    let changed = || run(Statement::new("SELECT changes() AS n"))[0]["n"].clone();

    // A consumer: the webhooks, the lease of what is due, how it went, the webhook's health.
    let targets = run(Statement::new(
        "SELECT id, org_id, url, events, status, secret, previous_secret, previous_secret_until, auth_type, auth_header, auth_token, consecutive_failures FROM webhooks WHERE org_id IN (SELECT value FROM json_each(?1)) ORDER BY sequence",
    )
    .bind(json!([org_id])));
    assert_eq!((&targets[0]["id"], &targets[0]["status"]), (&json!(webhook), &json!("active")));
    let keys = json!([{"webhookId": webhook, "eventId": "e-pending"}]);
    let leased = run(Statement::new(
        "UPDATE deliveries SET leased_until = ?4 WHERE (webhook_id, event_id) IN (SELECT value ->> 'webhookId', value ->> 'eventId' FROM json_each(?1)) AND state = 'pending' AND next_attempt_at <= ?3 AND COALESCE(leased_until, 0) <= ?2 RETURNING webhook_id, event_id, org_id, event_type, tries_since, failures, body",
    )
    .bind(keys)
    .bind(7000_i64)
    .bind(7000_i64)
    .bind(9000_i64));
    assert_eq!((&leased[0]["failures"], &leased[0]["body"]), (&json!(1), &json!(BODY)));
    let progress = json!([{"webhookId": webhook, "eventId": "e-pending", "state": "pending", "failures": 2,
        "nextAttemptAt": 8000, "endedAt": null, "reason": null, "attempt": {"at": "1970-01-01T00:00:07.000Z", "status": 503, "durationMilliseconds": 12}}]);
    run(Statement::new(
        "UPDATE deliveries SET state = j.state, failures = j.failures, next_attempt_at = j.next_attempt_at, ended_at = j.ended_at, reason = j.reason, leased_until = NULL, attempts = CASE WHEN j.attempt IS NULL THEN attempts ELSE json_insert(attempts, '$[#]', json(j.attempt)) END, body = CASE WHEN j.state = 'delivered' THEN NULL ELSE body END FROM (SELECT value ->> 'webhookId' AS webhook_id, value ->> 'eventId' AS event_id, value ->> 'state' AS state, value ->> 'failures' AS failures, value ->> 'nextAttemptAt' AS next_attempt_at, value ->> 'endedAt' AS ended_at, value ->> 'reason' AS reason, value ->> 'attempt' AS attempt FROM json_each(?1)) AS j WHERE deliveries.webhook_id = j.webhook_id AND deliveries.event_id = j.event_id AND deliveries.state = 'pending' AND deliveries.leased_until = ?2",
    )
    .bind(progress)
    .bind(9000_i64));
    assert_eq!(changed(), json!(1), "progress");
    let health = json!([{"id": webhook, "succeeded": false, "failures": 1, "deliveredAt": null, "errorAt": 7000, "errorStatus": 503, "errorMessage": null, "gone": false}]);
    run(Statement::new(
        "UPDATE webhooks SET consecutive_failures = j.failures + CASE WHEN j.succeeded THEN 0 ELSE consecutive_failures END, last_error_at = COALESCE(j.error_at, last_error_at), last_error_status = CASE WHEN j.error_at IS NULL THEN last_error_status ELSE j.error_status END, last_error_message = CASE WHEN j.error_at IS NULL THEN last_error_message ELSE j.error_message END, last_delivered_at = NULLIF(MAX(COALESCE(last_delivered_at, 0), COALESCE(j.delivered_at, 0), COALESCE((SELECT MAX(r.ended_at) FROM (SELECT d.ended_at, d.state FROM deliveries d WHERE d.webhook_id = webhooks.id ORDER BY d.created_at DESC, d.event_id DESC LIMIT 20) AS r WHERE r.state = 'delivered'), 0)), 0), status = CASE WHEN j.gone THEN 'disabled' ELSE status END FROM (SELECT value ->> 'id' AS id, value ->> 'succeeded' AS succeeded, value ->> 'failures' AS failures, value ->> 'deliveredAt' AS delivered_at, value ->> 'errorAt' AS error_at, value ->> 'errorStatus' AS error_status, value ->> 'errorMessage' AS error_message, value ->> 'gone' AS gone FROM json_each(?1)) AS j WHERE webhooks.id = j.id",
    )
    .bind(health));
    assert_eq!(changed(), json!(1), "health");
    let overdue = run(Statement::new(
        "SELECT org_id, webhook_id, event_id FROM deliveries WHERE state = 'pending' AND next_attempt_at <= ?1 AND COALESCE(leased_until, 0) <= ?2 ORDER BY next_attempt_at LIMIT ?3",
    )
    .bind(60_000_i64)
    .bind(60_000_i64)
    .bind(500_u32));
    assert!(overdue.iter().any(|row| row["webhook_id"] == webhook), "{overdue:?}");

    // An admin rotates the secret and the key, and lists.
    let sealed = targets[0]["secret"].as_str().unwrap();
    run(Statement::new(
        "UPDATE webhooks SET previous_secret = CASE WHEN ?4 IS NULL THEN NULL ELSE secret END, previous_secret_until = ?4, secret = ?3, updated_at = ?5 WHERE org_id = ?1 AND id = ?2",
    )
    .bind(org_id)
    .bind(&webhook)
    .bind(sealed)
    .bind(90_000_i64)
    .bind(7000_i64));
    assert_eq!(changed(), json!(1), "rotation of the secret");
    let presented = run(Statement::new(
        "SELECT k.org_id, t.org_name, k.prefix, k.expires_at, k.revoked_at FROM api_keys k JOIN tenants t ON t.org_id = k.org_id WHERE k.digest = ?1 AND t.closed_at IS NULL",
    )
    .bind(ApiKey::parse(key).unwrap().digest().as_str()));
    assert_eq!((&presented[0]["org_id"], &presented[0]["revoked_at"]), (&json!(org_id), &Value::Null));
    let version = run(Statement::new(
        "INSERT INTO transitions (org_id, aggregate, version, kind, at, actor, via, details) SELECT ?1, 'apiKey', COALESCE((SELECT MAX(version) FROM transitions WHERE org_id = ?1 AND aggregate = 'apiKey'), 0) + 1, 'ApiKeyRotated', 7000, 'admin@smartphonekey.com', NULL, '{}' WHERE EXISTS (SELECT 1 FROM tenants WHERE org_id = ?1 AND closed_at IS NULL) RETURNING version",
    )
    .bind(org_id));
    assert_eq!(version, [json!({"version": 2})]);
    for (what, sql, rows) in [
        (
            "webhooks",
            "SELECT id, url, events, status, auth_type, auth_header, created_at, updated_at, verified_at, MAX(COALESCE(last_delivered_at, 0), COALESCE((SELECT MAX(recent.ended_at) FROM ( SELECT d.ended_at, d.state FROM deliveries d WHERE d.webhook_id = webhooks.id ORDER BY d.created_at DESC, d.event_id DESC LIMIT 20) AS recent WHERE recent.state = 'delivered'), 0)) AS last_delivered_at, last_error_at, last_error_status, last_error_message, consecutive_failures FROM webhooks WHERE org_id = ?1 ORDER BY sequence LIMIT 50 OFFSET 0",
            1,
        ),
        (
            "deliveries",
            "SELECT event_id, event_type, state, created_at, next_attempt_at, ended_at, reason, attempts FROM deliveries WHERE webhook_id = 'webhook-of-' || ?1 AND org_id = ?1 AND created_at >= 0 AND (created_at, event_id) < (9000, '') ORDER BY created_at DESC, event_id DESC LIMIT 50",
            4,
        ),
        (
            "keys",
            "SELECT org_name, prefix, suffix, created_at, created_by, expires_at, revoked_at FROM api_keys WHERE org_id = ?1 ORDER BY sequence LIMIT 50 OFFSET 0",
            1,
        ),
        (
            "tenant",
            "SELECT t.org_id, t.org_name, t.owner_email, t.created_at, t.created_by, k.prefix, k.suffix, k.created_at AS key_created_at, k.created_by AS key_created_by, k.expires_at, (SELECT COUNT(*) FROM webhooks w WHERE w.org_id = t.org_id) AS webhook_count FROM tenants t LEFT JOIN api_keys k ON k.org_id = t.org_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > 7000) WHERE t.org_id = ?1 AND t.closed_at IS NULL",
            1,
        ),
        (
            "audit log",
            "SELECT sequence, aggregate, version, kind, at, actor, via, details FROM transitions WHERE org_id = ?1 AND sequence < 4503599627370496 ORDER BY sequence DESC LIMIT 50",
            4,
        ),
    ] {
        assert_eq!(run(Statement::new(sql).bind(org_id)).len(), rows, "{what}");
    }
}
