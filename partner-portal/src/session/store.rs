//! The SQL statements about sessions.

use std::time::Duration;

use shared::ports::Statement;
use shared::time::Timestamp;

/// A session ends after this much time without a request.
pub(super) const IDLE: Duration = Duration::from_secs(30 * 60);
/// A session ends after this much time in any case.
pub(crate) const ABSOLUTE: Duration = Duration::from_secs(8 * 60 * 60);
/// A person may do what is dangerous for this much time after signing in at the provider.
pub(crate) const RECENT: Duration = Duration::from_secs(60 * 60);
/// The precision of `last_seen_at`: within this time, requests of the session write nothing.
const SEEN_PRECISION: Duration = Duration::from_secs(60);
/// The most sessions of a person that are listed.
const MOST_LISTED: u32 = 100;
/// The most old rows that one sign-in deletes from each table.
const SWEPT: u32 = 100;

const ALIVE: &str = "digest = ?1 AND last_seen_at > ?2 AND created_at > ?3";

fn alive(sql: String, whose: &str, now: Timestamp) -> Statement {
    Statement::new(sql).bind(whose).bind(now.minus(IDLE)).bind(now.minus(ABSOLUTE))
}

/// Notes that a live session was used, and reads the session. The second statement returns the row.
pub(super) fn touch(digest: &str, now: Timestamp) -> [Statement; 2] {
    let seen = format!("UPDATE sessions SET last_seen_at = ?4 WHERE {ALIVE} AND last_seen_at <= ?5");
    let select = format!(
        "SELECT digest, email, authenticated_at, sealed_id_token, org_id FROM sessions WHERE {ALIVE}"
    );
    [alive(seen, digest, now).bind(now).bind(now.minus(SEEN_PRECISION)), alive(select, digest, now)]
}

/// A session that begins.
pub(super) struct NewSession<'a> {
    pub(super) digest: &'a str,
    pub(super) email: &'a str,
    pub(super) authenticated_at: Option<Timestamp>,
    pub(super) browser: &'a str,
    pub(super) sealed_id_token: &'a str,
}

/// Stores a new session.
pub(super) fn insert(session: &NewSession<'_>, now: Timestamp) -> Statement {
    Statement::new(
        "INSERT INTO sessions (digest, email, authenticated_at, browser, sealed_id_token, created_at, last_seen_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    )
    .bind(session.digest)
    .bind(session.email)
    .bind(session.authenticated_at.map(Timestamp::milliseconds))
    .bind(session.browser)
    .bind(session.sealed_id_token)
    .bind(now)
}

/// Reads the live sessions of a person, the one used last first.
pub(super) fn of_person(email: &str, now: Timestamp) -> Statement {
    let listed = "SELECT digest, browser, created_at, last_seen_at FROM sessions \
                  WHERE email = ?1 COLLATE NOCASE AND last_seen_at > ?2 AND created_at > ?3 \
                  ORDER BY last_seen_at DESC, created_at DESC LIMIT ?4";
    alive(listed.to_owned(), email, now).bind(MOST_LISTED)
}

/// Deletes a session of this person.
pub(super) fn delete_of_person(email: &str, digest: &str) -> Statement {
    Statement::new("DELETE FROM sessions WHERE email = ?1 COLLATE NOCASE AND digest = ?2")
        .bind(email)
        .bind(digest)
}

/// Deletes all sessions of this person but one.
pub(super) fn delete_others(email: &str, digest: &str) -> Statement {
    Statement::new("DELETE FROM sessions WHERE email = ?1 COLLATE NOCASE AND digest <> ?2")
        .bind(email)
        .bind(digest)
}

/// Deletes the sessions in which this person looks at this organization, or at none yet.
pub(super) fn delete_at(email: &str, org_id: &str) -> Statement {
    Statement::new("DELETE FROM sessions WHERE email = ?1 COLLATE NOCASE AND (org_id = ?2 OR org_id IS NULL)")
        .bind(email)
        .bind(org_id)
}

/// Deletes a session.
pub(super) fn delete(digest: &str) -> Statement {
    Statement::new("DELETE FROM sessions WHERE digest = ?1").bind(digest)
}

/// Remembers the organization that the person looks at.
pub(super) fn choose(digest: &str, org_id: Option<&str>) -> Statement {
    Statement::new("UPDATE sessions SET org_id = ?2 WHERE digest = ?1").bind(digest).bind(org_id)
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use shared::testing::SqliteDatabase;

    use super::*;

    #[test]
    fn no_statement_goes_through_all_sessions() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let database = SqliteDatabase::with_migrations(&folder);
        let now = Timestamp::from_milliseconds(0);
        let mut statements = vec![
            of_person("a@example.com", now),
            delete_of_person("a@example.com", "digest"),
            delete_others("a@example.com", "digest"),
            delete_at("a@example.com", "acme-corp"),
            delete("digest"),
            choose("digest", None),
        ];
        statements.extend(touch("digest", now));
        statements.extend(sweep(now));
        for statement in statements {
            let plan = database.plan(&statement);
            assert!(!plan.iter().any(|line| line.starts_with("SCAN")), "{} {plan:?}", statement.sql);
        }
    }
}
