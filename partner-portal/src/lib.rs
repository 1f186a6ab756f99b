//! The Partner Portal: a partner's developer signs in, gets an organization, its API key and its webhook, and sees
//! events arrive. Pages are rendered here; tenants are reached through the Admin API alone.

pub mod admin_client;
pub mod assets;
pub mod config;
pub mod cookies;
pub mod csrf;
pub mod headers;
pub mod oidc;
pub mod pages;
pub mod paths;
pub mod router;
pub mod service;
pub mod session;
pub mod unread_key;
pub mod visit;
mod worker_entry;
