//! Whether the databases answer, for `/health`.

use std::sync::Arc;

use futures_util::future::join_all;
use shared::ports::{Database, DatabaseError, Statement};
use shared::shard::Shards;

use crate::problem::Problem;

/// Asks every shard's database at once.
///
/// # Errors
/// 503 that names the first that does not answer, or is another shard.
pub async fn answers(databases: &Shards<Arc<dyn Database>>) -> Result<(), Problem> {
    let ask = |database: &Arc<dyn Database>| {
        let database = database.clone();
        async move { database.batch(vec![Statement::new("SELECT 1 AS one FROM tenants LIMIT 1")]).await }
    };
    let asked = join_all(databases.all().iter().map(ask)).await;
    let first =
        asked.into_iter().enumerate().find_map(|(place, asked)| asked.err().map(|error| (place, error)));
    match first {
        None => Ok(()),
        Some((_, DatabaseError::WrongShard(which))) => {
            Err(Problem { message: format!("{which}."), ..Problem::misconfigured(Some(which)) })
        }
        Some((place, error)) => {
            let message = format!("DATABASE_{place} does not answer.");
            Err(Problem { message, ..Problem::unavailable(format!("DATABASE_{place}: {error}")) })
        }
    }
}
