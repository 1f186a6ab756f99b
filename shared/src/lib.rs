//! The domain: tenants, API keys, webhooks, events, deliveries. It knows nothing of Workers; what it needs from
//! outside is in [`ports`].

pub mod actor;
pub mod api_key;
pub mod app;
pub mod civil;
pub mod code;
pub mod courier;
pub mod cursor;
pub mod dead_letter;
pub mod delivery;
pub mod environment;
pub mod error;
pub mod event;
pub mod join;
pub mod mail;
pub mod member;
pub mod packing;
pub mod page;
mod parsed;
pub mod ports;
pub mod row;
#[cfg(feature = "schemas")]
mod schemas;
pub mod sealer;
mod sets;
pub mod settings;
pub mod shard;
pub mod shared_text;
pub mod store;
pub mod strict_json;
pub mod tenant;
pub mod tenant_scope;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod text;
pub mod time;
pub mod transition;
pub mod webhook;
pub mod whatwg;
