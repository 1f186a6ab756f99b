//! Passes the connections of a port on to another port of this machine, byte for byte.
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A port whose connections go on to another. Dropping it frees the port.
pub(crate) struct Forward {
    listening: Vec<(SocketAddr, JoinHandle<()>)>,
    ending: Arc<AtomicBool>,
}

impl Forward {
    /// Listens on the port `from` of 127.0.0.1, and of ::1 where the system has that; fails where the port is taken.
    pub(crate) fn start(from: u16, to: u16) -> io::Result<Self> {
        let mut listeners = vec![TcpListener::bind((Ipv4Addr::LOCALHOST, from))?];
        // Many clients try ::1 first, as the address of localhost, but all go on to 127.0.0.1.
        listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, from)));
        let ending = Arc::new(AtomicBool::new(false));
        let mut listening = Vec::new();
        for listener in listeners {
            let (address, ending) = (listener.local_addr()?, Arc::clone(&ending));
            listening.push((address, thread::spawn(move || accept(&listener, to, &ending))));
        }
        Ok(Self { listening, ending })
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        for (address, thread) in self.listening.drain(..) {
            // The connection wakes the thread, which then sees that it has to end.
            if TcpStream::connect(address).is_ok() {
                let _ = thread.join();
            }
        }
    }
}

fn accept(listener: &TcpListener, to: u16, ending: &AtomicBool) {
    for client in listener.incoming().flatten() {
        if ending.load(Ordering::Relaxed) {
            return;
        }
        // Where nothing listens, the client sees its connection end.
        thread::spawn(move || join(&client, &TcpStream::connect((Ipv4Addr::LOCALHOST, to))?));
    }
}

/// Copies in both directions until both ends have said all.
fn join(client: &TcpStream, server: &TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    thread::scope(|scope| {
        scope.spawn(|| copy(client, server));
        copy(server, client);
    });
    Ok(())
}

fn copy(mut from: &TcpStream, mut to: &TcpStream) {
    // A connection that breaks ends like one that is closed.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::stack::ports::{becomes_free, free_port};

    #[test]
    fn bytes_go_both_ways_until_the_forward_is_dropped() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let from = free_port().unwrap();
        let forward = Forward::start(from, server.local_addr().unwrap().port()).unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", from)).unwrap();
        client.write_all(b"asked").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let (mut served, _) = server.accept().unwrap();
        let mut asked = String::new();
        served.read_to_string(&mut asked).unwrap();
        served.write_all(b"answered").unwrap();
        drop(served);
        let mut answered = String::new();
        client.read_to_string(&mut answered).unwrap();
        assert_eq!((asked.as_str(), answered.as_str()), ("asked", "answered"));
        drop(forward);
        assert!(becomes_free(from));
    }
}
