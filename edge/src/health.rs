//! What `/health` says of the databases, and how long an isolate repeats an answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use shared::environment::Environment;
use shared::join::join_all;
use shared::ports::{Database, DatabaseError, Statement};
use shared::shard::Shards;
use shared::time::Timestamp;

use crate::problem::Problem;

/// The body of a good answer.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
pub struct Health {
    status: &'static str,
    environment: String,
    /// Which version of the Worker answers: Cloudflare's id of the upload.
    version: Option<String>,
}

impl Health {
    /// All is well with this version of the Worker.
    pub fn good(environment: Environment, version: Option<String>) -> Self {
        Self { status: "ok", environment: environment.to_string(), version }
    }
}

/// How long an isolate repeats what the databases answered, so that strangers who ask `/health` keep no database busy.
const REPEATED_FOR: Duration = Duration::from_secs(3);

/// What was answered when `/health` last asked. Without another type, it is what the databases answered.
#[derive(Clone)]
pub struct LastAnswer<T = Result<(), Problem>>(Arc<Mutex<Option<Answered<T>>>>);

/// An answer, and its time.
#[derive(Clone)]
struct Answered<T> {
    at: Timestamp,
    answer: T,
}

impl<T> Default for LastAnswer<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> LastAnswer<T> {
    /// The last answer, if that is younger than three seconds; otherwise what `asking` returns, which does not run before.
    pub async fn or(&self, now: Timestamp, asking: impl Future<Output = T>) -> T {
        let repeated_for = i64::try_from(REPEATED_FOR.as_millis()).unwrap_or(i64::MAX);
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(Answered { at, answer }) = last
            && (0..repeated_for).contains(&(now.milliseconds() - at.milliseconds()))
        {
            return answer;
        }
        let answer = asking.await;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Answered { at: now, answer: answer.clone() });
        answer
    }
}

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
