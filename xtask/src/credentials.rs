//! `cargo xtask credentials`: how to reach the running stack, and with which keys.
use std::time::Duration;

use anyhow::{Result, bail};
use local::progress::line;
use local::stack::StackOptions;
use serde::Deserialize;

use crate::dev::{flags, options};

/// How long the gateway may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Prints the credentials of the stack that runs on `port`, as one JSON object.
///
/// # Errors
///
/// A sentence that says how to start a stack, if none runs at that port.
pub fn print(port: u16, environment: Option<&'static str>, email: Option<&str>) -> Result<()> {
    let Some(name) = running(port, environment) else {
        bail!(
            "no local stack runs on port {port}: start it with `cargo xtask dev{}`",
            flags(port, environment)
        );
    };
    let credentials = StackOptions::new(&name, port).environment(environment).credentials(email)?;
    line(serde_json::to_string_pretty(&credentials)?);
    Ok(())
}

/// Asks the gateway on `port` for the name of its stack.
fn running(port: u16, environment: Option<&'static str>) -> Option<String> {
    #[derive(Deserialize)]
    struct GatewayHealth {
        stack: String,
    }
    let gateway = options(port, environment).address().gateway().ok()?;
    let answer = gateway.within(LIMIT).get("/health").ok()?;
    serde_json::from_str(&answer.text).ok().map(|health: GatewayHealth| health.stack)
}
