//! Ports that nobody listens on.
use std::net::TcpListener;

use anyhow::{Context, Result, bail};

use crate::address::OWN_PORTS;

/// Refuses a stack's first port if something else listens on one of the stack's ports.
///
/// # Errors
///
/// When one of the ports is taken.
pub fn require_free_ports(port: u16) -> Result<()> {
    let shared = [("the Workers", 0), ("the OpenID provider", 1)];
    for (of, distance) in shared.into_iter().chain(OWN_PORTS) {
        let port = port.checked_add(distance).unwrap_or_default();
        if port == 0 || listen(port).is_err() {
            bail!("port {port} (for {of}) is taken: stop what listens there, or choose another with --port");
        }
    }
    Ok(())
}

/// A port that is free now.
pub(super) fn free_port() -> Result<u16> {
    Ok(free_ports(1, &[])?[0])
}

/// As many different ports that are free now, none of them in `except`.
pub(super) fn free_ports(count: usize, except: &[u16]) -> Result<Vec<u16>> {
    // Held until all are found, so that none is given out twice.
    let _except: Vec<_> = except.iter().map(|port| listen(*port)).collect();
    let held: Vec<TcpListener> =
        (0..count).map(|_| listen(0)).collect::<Result<_, _>>().context("no port is free")?;
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}
