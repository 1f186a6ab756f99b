//! The last stop of a message: written down, for admins to see and put back.

use serde_json::json;

use super::{AFTER_OUTAGE, Courier, Settlement};
use crate::store::dead_letters;

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
                AFTER_OUTAGE
            }
        };
        vec![settlement; bodies.len()]
    }
}
