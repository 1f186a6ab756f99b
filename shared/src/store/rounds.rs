//! How far the cron run's slow rounds have come: one row each, so that the next run goes on from there.

use serde::Deserialize;

use crate::ports::Statement;

/// Deletes old deliveries; the position is a [`super::retention::Position`].
pub const CLEAN: &str = "clean";
/// Deletes old bodies; the position is a body's sequence number.
pub const BODIES: &str = "bodies";
/// No round: the row that is written to see whether the database takes a write.
pub const WRITABLE: &str = "writable";
/// Writes mails of transitions; the position is a transition's sequence number.
pub const MAILS: &str = "mails";
/// No round: when operators were last told of the database's size, in milliseconds.
pub const SIZE_TOLD: &str = "size-told";
/// No round: when operators were last told of the events Queue's backlog, in milliseconds.
pub const BACKLOG_TOLD: &str = "backlog-told";
/// Seals secrets anew; the position is a webhook's sequence number.
pub const SEAL_ANEW: &str = "seal-anew";

/// Where the last run of this round stopped; nothing before its first, the empty text once it is around.
pub fn position(round: &str) -> Statement {
    Statement::new("SELECT position FROM rounds WHERE name = ?1").bind(round)
}

/// Remembers it.
pub fn remember(round: &str, position: &str) -> Statement {
    Statement::new(
        "INSERT INTO rounds (name, position) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET position = excluded.position",
    )
    .bind(round)
    .bind(position)
}

/// What [`position`] gives back.
#[derive(Deserialize)]
pub struct PositionRow {
    /// As the round understands it.
    pub position: String,
}
