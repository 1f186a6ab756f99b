//! Takes events in, and delivers them: `POST /events`, the Queues' consumers, and the cron run.

pub mod config;
pub mod ingest;
mod worker_entry;
