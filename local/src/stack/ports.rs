//! Ports that nobody listens on.
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket, sockopt};

use crate::address::OWN_PORTS;
use crate::clock::wait_until;

/// How many ports a stack has, in a row.
const STACK_PORTS: u16 = 2 + OWN_PORTS.len() as u16;

/// Refuses a stack's first port if something else listens on one of the stack's ports.
///
/// # Errors
///
/// Fails when one of the ports is taken.
pub fn require_free_ports(port: u16) -> Result<()> {
    let shared = [("the Workers", 0), ("the OpenID provider", 1)];
    for (of, distance) in shared.into_iter().chain(OWN_PORTS) {
        let port = port.checked_add(distance).unwrap_or_default();
        if port == 0 || !becomes_free(port) {
            bail!("port {port} (for {of}) is taken: stop what listens there, or choose another with --port");
        }
    }
    Ok(())
}

/// The ports that this process was given. Many of them are listened on only seconds later, or again after a pause, so no port is
/// given twice.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that is free now, and that stays free until somebody asks for that very port: it lies below the ports that the
/// system gives to outgoing connections and to whoever asks for any port (from 32768 on Linux, 49152 elsewhere).
pub(crate) fn free_port() -> Result<u16> {
    free_row(1)
}

/// The first port of a stack: all ports of the stack, in a row, are free like that of [`free_port`].
pub(super) fn free_stack_port() -> Result<u16> {
    free_row(STACK_PORTS)
}

/// The first of so many free ports in a row.
fn free_row(length: u16) -> Result<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..1_000 {
        // The system's choice serves as the random number.
        let first = 10_000 + TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port() % 20_000;
        let mut row = first..first + length;
        if row.all(|port| !given.contains(&port) && hold(port).is_ok()) {
            given.extend(first..first + length);
            return Ok(first);
        }
    }
    bail!("too few ports are free")
}

/// Whether this port of 127.0.0.1 is free, now or within two seconds: a process that another thread starts holds copies of the
/// sockets of this process until its own program runs, so a port may stay taken for a moment after its listener is gone.
pub(crate) fn becomes_free(port: u16) -> bool {
    wait_until(Duration::from_secs(2), Duration::from_millis(10), || hold(port).ok()).is_some()
}

/// A socket at this port of 127.0.0.1; fails where somebody listens on the port. The socket does not listen itself: where a
/// process that another thread starts has a copy of the socket for a moment, others can listen on the port all the same.
fn hold(port: u16) -> nix::Result<OwnedFd> {
    let held = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;
    fcntl(&held, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    setsockopt(&held, sockopt::ReuseAddr, &true)?;
    bind(held.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port))?;
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(port: u16) -> TcpListener {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap()
    }

    #[test]
    fn a_port_is_taken_while_somebody_listens_on_it_and_free_soon_after() {
        let listener = listen(free_port().unwrap());
        let port = listener.local_addr().unwrap().port();
        // As a process that is being started does.
        let copy = listener.try_clone().unwrap();
        drop(listener);
        assert!(hold(port).is_err());
        let starting = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(50));
            drop(copy);
        });
        assert!(becomes_free(port));
        starting.join().unwrap();
    }

    #[test]
    fn a_port_that_is_held_can_be_listened_on() {
        let port = free_port().unwrap();
        let held = hold(port).unwrap();
        let listener = listen(port);
        assert!(hold(port).is_err());
        drop((listener, held));
        assert!(becomes_free(port));
    }

    #[test]
    fn no_port_is_given_twice() {
        let mut all = BTreeSet::new();
        for _ in 0..200 {
            let (first, single) = (free_stack_port().unwrap(), free_port().unwrap());
            for port in (first..first + STACK_PORTS).chain([single]) {
                assert!(all.insert(port), "{port}");
            }
        }
    }
}
