//! The row by which a database says which shard it is, and the guard of every batch.

use serde::Deserialize;

use crate::ports::Statement;
use crate::shard::ShardCount;

/// Where the guard goes in a statement that has room for the guard, as a condition that comes first. True until then.
pub(super) const IS_OURS: &str = "'ours' = 'ours'";

/// The same at the beginning of a `FROM`: SQLite goes through the tables of a `CROSS JOIN` in their order, and does not flatten a
/// subquery that has no table, so the guard is asked even where no other row is found.
pub(super) const FROM_OURS: &str = "(SELECT 1 WHERE 'ours' = 'ours') CROSS JOIN ";

/// Puts a guard into a batch, which fails, and the whole batch with it, where the database is not this shard, or is being split.
/// SQLite has no other error to raise outside a trigger. Returns whether the guard is a further statement, the first; where the
/// first statement has room for the guard, the batch costs no further statement.
pub fn guard(statements: &mut Vec<Statement>, place: usize, count: ShardCount) -> bool {
    let guard = format!(
        "CASE WHEN EXISTS (SELECT 1 FROM shard WHERE number = {place} AND shards = {} AND splitting = 0) THEN 1 \
         ELSE json('not this shard') END",
        count.get()
    );
    if let Some(first) = statements.first_mut()
        && let Some((before, after)) = first.sql.split_once(IS_OURS)
    {
        first.sql = format!("{before}{guard}{after}").into();
        return false;
    }
    statements.insert(0, Statement::new(format!("SELECT {guard} AS ours")));
    true
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
