//! Events: one EventBridge envelope each, taken in as it is.

pub mod catalogue;
pub mod envelope;
pub mod id;
pub mod message;
pub mod sample;
