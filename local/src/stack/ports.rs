//! Ports that nobody listens on.
use std::net::TcpListener;

use anyhow::{Result, bail, ensure};

use crate::address::OWN_PORTS;

/// Refuses a stack's first port if something else listens on one of the stack's ports.
///
/// # Errors
///
/// Fails when one of the ports is taken.
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

/// A port that is free now, and that stays free until somebody asks for that very port: it lies below the ports that the
/// system gives to outgoing connections and to whoever asks for any port (from 32768 on Linux, 49152 elsewhere).
pub(crate) fn free_port() -> Result<u16> {
    Ok(free_ports(1, &[])?[0])
}

/// As many different ports as `count` that are free like those of [`free_port`], none of them in `except`.
pub(super) fn free_ports(count: usize, except: &[u16]) -> Result<Vec<u16>> {
    let mut ports = Vec::new();
    for _ in 0..100 * count {
        // The system's choice serves as the random number.
        let port = 10_000 + listen(0)?.local_addr()?.port() % 20_000;
        if !ports.contains(&port) && !except.contains(&port) && listen(port).is_ok() {
            ports.push(port);
            if ports.len() == count {
                break;
            }
        }
    }
    ensure!(ports.len() == count, "too few ports are free");
    Ok(ports)
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port))
}
