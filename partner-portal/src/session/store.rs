//! Sessions' rows.

use std::time::Duration;

use serde::Deserialize;
use shared::ports::Statement;
use shared::time::Timestamp;

/// A session ends after this much time without a request.
pub(super) const IDLE: Duration = Duration::from_secs(30 * 60);
/// A session ends after this much time in any case.
pub(crate) const ABSOLUTE: Duration = Duration::from_secs(8 * 60 * 60);
/// How exact `last_seen_at` is: a request within it writes nothing.
const SEEN_PRECISION: Duration = Duration::from_secs(60);
/// Old rows that one sign-in clears away.
const SWEPT: u32 = 100;

/// A session as it is stored.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct SessionRow {
    /// The verified e-mail address of the person.
    pub email: String,
    /// The ID token, sealed.
    pub sealed_id_token: String,
    /// The chosen organization.
    pub org_id: Option<String>,
    /// Its first webhook, as far as is known.
    pub webhook_id: Option<String>,
}

const ALIVE: &str = "digest = ?1 AND last_seen_at > ?2 AND created_at > ?3";

fn alive(sql: String, digest: &str, now: Timestamp) -> Statement {
    Statement::new(sql).bind(digest).bind(now.minus(IDLE)).bind(now.minus(ABSOLUTE))
}

/// Notes that a live session was used, and reads it: two statements of one batch; the second gives the row.
pub(super) fn touch(digest: &str, now: Timestamp) -> [Statement; 2] {
    let seen = format!("UPDATE sessions SET last_seen_at = ?4 WHERE {ALIVE} AND last_seen_at <= ?5");
    let select = format!("SELECT email, sealed_id_token, org_id, webhook_id FROM sessions WHERE {ALIVE}");
    [alive(seen, digest, now).bind(now).bind(now.minus(SEEN_PRECISION)), alive(select, digest, now)]
}

/// Begins a session.
pub(super) fn insert(digest: &str, email: &str, sealed_id_token: &str, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO sessions (digest, email, sealed_id_token, created_at, last_seen_at) VALUES (?1, ?2, ?3, ?4, ?4)",
    )
    .bind(digest)
    .bind(email)
    .bind(sealed_id_token)
    .bind(now)
}

/// Ends a session.
pub(super) fn delete(digest: &str) -> Statement {
    Statement::new("DELETE FROM sessions WHERE digest = ?1").bind(digest)
}

/// Remembers which organization is looked at; its webhook is to be found out.
pub(super) fn choose(digest: &str, org_id: Option<&str>) -> Statement {
    Statement::new("UPDATE sessions SET org_id = ?2, webhook_id = NULL WHERE digest = ?1")
        .bind(digest)
        .bind(org_id)
}

/// Remembers the organization's first webhook.
pub(super) fn remember_webhook(digest: &str, webhook_id: Option<&str>) -> Statement {
    Statement::new("UPDATE sessions SET webhook_id = ?2 WHERE digest = ?1").bind(digest).bind(webhook_id)
}

/// Notes that a sign-in's state was used; a UNIQUE violation says it was before.
pub(super) fn spend(digest: &str, expires_at: Timestamp) -> Statement {
    Statement::new("INSERT INTO spent_transactions (digest, expires_at) VALUES (?1, ?2)")
        .bind(digest)
        .bind(expires_at)
}

/// Clears away a bounded number of rows whose time has passed.
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
