//! One file per page, each with its template in `templates/`, and the parts that pages share.

pub mod account;
pub mod api_key;
pub mod badge;
pub mod chart;
pub mod dashboard;
pub mod deliveries;
pub mod delivery_log;
pub mod event_types;
pub mod field;
pub mod frame;
pub mod guide;
pub mod health;
pub mod key_card;
pub mod moment;
pub mod onboarding;
pub mod organizations;
pub mod problem;
pub mod schema_table;
pub mod selection;
pub mod sign_in;
pub mod webhook;
pub mod webhook_card;
pub mod webhook_state;
