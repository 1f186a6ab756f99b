//! What the Workers' HTTP surfaces share: problems in one shape, strict bodies, routes that name who may call them,
//! request ids and what a request cost. Knows axum, and nothing of Workers.

pub mod cost;
pub mod fields;
pub mod form;
pub mod health;
pub mod json;
pub mod media_type;
pub mod oidc;
pub mod parameters;
pub mod ports;
pub mod problem;
pub mod rate_limit;
pub mod reads;
pub mod refusals;
pub mod router;
pub mod routes;
pub mod secret;
pub mod serve;
#[cfg(feature = "testing")]
pub mod testing;
