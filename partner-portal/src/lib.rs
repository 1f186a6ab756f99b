//! The Partner Portal: a partner's developer signs in, registers an organization, gets an API key, sets a webhook and
//! sees events arrive. The portal renders its pages on the server, and reaches tenants only through the Admin API.

pub mod account_bar;
pub mod admin_client;
pub mod ahead;
pub mod assets;
pub mod config;
pub mod cookies;
pub mod count;
pub mod csrf;
pub mod draft;
pub mod headers;
pub mod json_layout;
pub mod known_browser;
pub mod notice;
pub mod oidc;
pub mod outcome;
pub mod pages;
pub mod paths;
pub mod respond;
pub mod router;
pub mod service;
pub mod session;
pub mod snippets;
pub mod unread_key;
pub mod visit;
pub mod worker_entry;
