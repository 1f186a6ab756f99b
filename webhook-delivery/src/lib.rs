//! Takes events in, and delivers them: `POST /events`, the Queues' consumers, and the cron run.

pub mod config;
pub mod consume;
pub mod cron;
pub mod ingest;
pub mod journal;
pub mod router;
pub mod service;
pub mod worker_entry;
