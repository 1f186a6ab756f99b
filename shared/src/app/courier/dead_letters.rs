//! The last stop of a message: written down, for admins to see and put back.

use std::time::Duration;

use serde_json::json;

use super::{Courier, Settlement};
use crate::store::dead_letters;

/// After this queue there is no other: with the hundred retries that Queues allow, a day of outage loses nothing.
const UNTIL_DATABASE_IS_BACK: Settlement = Settlement::Retry(Duration::from_secs(900));

impl Courier {
    /// Writes dead letters down; says for each, in order, what to do with it. Running twice within a minute writes each
    /// once.
    pub async fn keep_dead_letters(&self, bodies: &[String]) -> Vec<Settlement> {
        let now = self.now();
        let inserts = bodies.iter().map(|body| dead_letters::insert(body, now)).collect();
        let settlement = match self.database.batch(inserts).await {
            Ok(_) => {
                self.line("dead letters", json!({"level": "error", "messages": bodies.len()}));
                Settlement::Acknowledge
            }
            Err(error) => {
                self.line("dead letters not settled", json!({"level": "error", "detail": error.to_string()}));
                UNTIL_DATABASE_IS_BACK
            }
        };
        vec![settlement; bodies.len()]
    }
}
