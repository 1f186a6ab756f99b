//! The SQL statements about sessions.

use std::time::Duration;

use shared::ports::Statement;
use shared::time::Timestamp;
use shared::webhook::id::WebhookId;

/// A session ends after this much time without a request.
pub(super) const IDLE: Duration = Duration::from_secs(30 * 60);
/// A session ends after this much time in any case.
pub(crate) const ABSOLUTE: Duration = Duration::from_secs(8 * 60 * 60);
/// The precision of `last_seen_at`: within this time, requests of the session write nothing.
const SEEN_PRECISION: Duration = Duration::from_secs(60);
/// The most old rows that one sign-in deletes from each table.
const SWEPT: u32 = 100;

const ALIVE: &str = "digest = ?1 AND last_seen_at > ?2 AND created_at > ?3";

fn alive(sql: String, digest: &str, now: Timestamp) -> Statement {
    Statement::new(sql).bind(digest).bind(now.minus(IDLE)).bind(now.minus(ABSOLUTE))
}

/// Notes that a live session was used, and reads the session. The second statement returns the row.
pub(super) fn touch(digest: &str, now: Timestamp) -> [Statement; 2] {
    let seen = format!("UPDATE sessions SET last_seen_at = ?4 WHERE {ALIVE} AND last_seen_at <= ?5");
    let select =
        format!("SELECT digest, email, sealed_id_token, org_id, webhook_id FROM sessions WHERE {ALIVE}");
    [alive(seen, digest, now).bind(now).bind(now.minus(SEEN_PRECISION)), alive(select, digest, now)]
}

/// Stores a new session.
pub(super) fn insert(digest: &str, email: &str, sealed_id_token: &str, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO sessions (digest, email, sealed_id_token, created_at, last_seen_at) VALUES (?1, ?2, ?3, ?4, ?4)",
    )
    .bind(digest)
    .bind(email)
    .bind(sealed_id_token)
    .bind(now)
}

/// Deletes a session.
pub(super) fn delete(digest: &str) -> Statement {
    Statement::new("DELETE FROM sessions WHERE digest = ?1").bind(digest)
}

/// Remembers the organization that the person looks at, and forgets the webhook of the one before.
pub(super) fn choose(digest: &str, org_id: Option<&str>) -> Statement {
    Statement::new("UPDATE sessions SET org_id = ?2, webhook_id = NULL WHERE digest = ?1")
        .bind(digest)
        .bind(org_id)
}

/// Remembers the organization's first webhook.
pub(super) fn remember_webhook(digest: &str, webhook_id: Option<WebhookId>) -> Statement {
    Statement::new("UPDATE sessions SET webhook_id = ?2 WHERE digest = ?1")
        .bind(digest)
        .bind(webhook_id.map(|id| id.to_string()))
}

/// Notes that a sign-in's state was used. A violated UNIQUE constraint says that it was used before.
pub(super) fn spend(digest: &str, expires_at: Timestamp) -> Statement {
    Statement::new("INSERT INTO spent_transactions (digest, expires_at) VALUES (?1, ?2)")
        .bind(digest)
        .bind(expires_at)
}

/// Deletes a limited number of rows that have expired.
pub(super) fn sweep(now: Timestamp) -> [Statement; 3] {
    let sweep = |table: &str, key: &str, column: &str, before: Timestamp| {
        let old = format!("SELECT {key} FROM {table} WHERE {column} <= ?1 ORDER BY {column} LIMIT ?2");
        Statement::new(format!("DELETE FROM {table} WHERE {key} IN ({old})")).bind(before).bind(SWEPT)
    };
    [
        sweep("sessions", "digest", "created_at", now.minus(ABSOLUTE)),
        sweep("unread_keys", "id", "expires_at", now),
        sweep("spent_transactions", "digest", "expires_at", now),
    ]
}
