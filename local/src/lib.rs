//! The whole system on one machine: starts the Workers behind the gateway, with an OpenID provider, and talks to them.
//!
//! ```no_run
//! use local::stack::{Stack, StackOptions};
//!
//! let stack = Stack::start(StackOptions::on_free_ports("tests")?.fresh())?;
//! let credentials = stack.credentials(None)?;
//! println!("{}", credentials.admin_api_url);
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! The JavaScript that a stack runs lies in the folders beside `src`: the gateway with the webhook inbox, the OpenID
//! provider, and the rivals of the bench.

pub mod address;
mod certificate;
pub mod client;
pub mod clock;
pub mod cookies;
pub mod credentials;
pub mod d1;
pub mod endpoint;
pub mod export;
pub mod fleet;
mod forward;
pub mod group;
pub mod interruption;
pub mod log;
mod parts;
pub mod process;
pub mod progress;
mod secrets;
pub mod server;
pub mod split;
pub mod stack;
pub mod workspace;
pub mod wrangler;
