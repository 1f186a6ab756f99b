//! The row by which a database says which shard it is, and the guard that every batch begins with.

use serde::Deserialize;

use crate::ports::Statement;
use crate::shard::ShardCount;

/// Fails, and the whole batch with it, where the database is not this shard, or is being split. SQLite has no other error
/// to raise outside a trigger.
pub fn guard(place: usize, count: ShardCount) -> Statement {
    Statement::new(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM shard WHERE number = ?1 AND shards = ?2 AND splitting = 0) THEN 1 \
         ELSE json('not this shard') END AS ours",
    )
    .bind(u32::try_from(place).unwrap_or(u32::MAX))
    .bind(u32::try_from(count.get()).unwrap_or(u32::MAX))
}

/// Which shard the database is.
pub fn marker() -> Statement {
    Statement::new("SELECT number, shards, splitting FROM shard")
}

/// What [`marker`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct MarkerRow {
    /// The shard's place, from 0 on.
    pub number: usize,
    /// How many shards there are.
    pub shards: usize,
    /// 1 while the shards are being split.
    pub splitting: u8,
}
