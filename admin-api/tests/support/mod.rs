//! What the stories are told with: a Worker in memory, its callers, the tokens they bring and the answers they get.

mod app;
mod caller;
pub(crate) mod delivery;
mod issuer;
mod settings;
mod token;

pub(crate) use app::{Route, TestApp, VERSION};
pub(crate) use caller::Caller;
pub(crate) use edge::testing::Answer;
pub(crate) use issuer::Issuer;
pub(crate) use settings::{ADMIN_KEY, AUDIENCE, ISSUER, SERVICE_SECRET, SETTINGS};
pub(crate) use token::{token_of_admin, token_of_portal};
