//! SQL text and row shapes, one file per table. Every statement about a tenant's data takes the `OrgId` first.

pub mod api_keys;
pub mod dead_letters;
pub mod deliveries;
pub mod delivery_log;
pub mod delivery_summary;
pub mod health;
pub mod notices;
pub mod redelivery;
pub mod retention;
pub mod rounds;
pub mod sealing;
pub mod targets;
pub mod tenants;
pub mod tending;
pub mod transitions;
pub mod webhook_trouble;
pub mod webhooks;

use serde::Deserialize;

/// The one column of a `COUNT(*)`.
#[derive(Deserialize)]
pub struct CountRow {
    /// How many.
    pub total: u32,
}

#[cfg(test)]
mod tests;
