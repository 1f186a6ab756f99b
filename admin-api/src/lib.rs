//! The Admin API: tenants, API keys, webhooks and their delivery logs, over D1.

pub mod auth;
pub mod config;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod router;
pub mod routes;
pub mod service;
pub mod worker_entry;
