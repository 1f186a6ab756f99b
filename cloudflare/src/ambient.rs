//! Clock, randomness and console. No other file of the Workers reads the runtime's clock or draws from its randomness:
//! `clippy.toml` bans the functions that would.

use std::cell::RefCell;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::zeroize::Zeroize;
use shared::ports::{Clock, Log, Random};
use shared::text::printable_json;
use shared::time::Timestamp;

use crate::glue::{self, Call};

/// `Date.now()`. On Workers it stands still between two I/O operations, so each of those brings the time along.
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[allow(clippy::cast_possible_truncation, reason = "milliseconds until the year 9999 fit")]
        Timestamp::from_milliseconds(glue::last_time() as i64)
    }

    async fn sleep(&self, duration: Duration) {
        Call::sleeping(duration.as_secs_f64() * 1000.0).await;
    }
}

/// `crypto.getRandomValues()`. A call takes as long for a few bytes as for many, so bytes are drawn ahead.
pub struct WebRandom;

/// Bytes that are drawn at a time.
const DRAWN: usize = 1024;

/// Bytes that were drawn and not handed out yet.
struct Drawn {
    bytes: [u8; DRAWN],
    left: usize,
}

impl Drawn {
    const NONE: Self = Self { bytes: [0; DRAWN], left: 0 };

    /// Hands bytes out, from the end on, and wipes them here. `draw` fills what it is given.
    fn hand_out(&mut self, bytes: &mut [u8], draw: impl Fn(&mut [u8])) {
        if bytes.len() > DRAWN {
            return draw(bytes);
        }
        if self.left < bytes.len() {
            draw(&mut self.bytes);
            self.left = DRAWN;
        }
        let handed_out = &mut self.bytes[self.left - bytes.len()..self.left];
        bytes.copy_from_slice(handed_out);
        handed_out.zeroize();
        self.left -= bytes.len();
    }
}

thread_local! {
    static DRAWN_AHEAD: RefCell<Drawn> = const { RefCell::new(Drawn::NONE) };
}

impl Random for WebRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // WebCrypto has no way to fail here: the quota of 65,536 bytes is never reached.
        DRAWN_AHEAD.with_borrow_mut(|drawn| drawn.hand_out(bytes, glue::random));
    }
}

/// `console.log()`, one line of JSON, which Workers Logs indexes by field.
pub struct ConsoleLog;

impl Log for ConsoleLog {
    fn write_text(&self, text: String) {
        glue::log(&printable_json(text));
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Draws 1, 2, 3 …, over and over.
    fn counting(calls: &Cell<usize>, next: &Cell<u64>, bytes: &mut [u8]) {
        calls.set(calls.get() + 1);
        for byte in bytes {
            next.set(next.get() + 1);
            *byte = u8::try_from(next.get() % 251 + 1).unwrap();
        }
    }

    #[test]
    fn bytes_are_handed_out_once_each_and_few_draws_serve_many() {
        let (calls, next) = (Cell::new(0), Cell::new(0));
        let mut drawn = Drawn::NONE;
        let mut seen = 0;
        for _ in 0..640 {
            let mut bytes = [0; 16];
            drawn.hand_out(&mut bytes, |bytes| counting(&calls, &next, bytes));
            assert!(bytes.iter().all(|byte| *byte != 0), "no byte that was wiped");
            seen += bytes.len();
            assert!(drawn.bytes[drawn.left..].iter().all(|byte| *byte == 0), "what was handed out is wiped");
        }
        assert_eq!(calls.get(), seen / DRAWN);
    }

    #[test]
    fn a_remainder_that_is_too_short_is_left_and_many_bytes_are_drawn_by_themselves() {
        let (calls, next) = (Cell::new(0), Cell::new(0));
        let mut drawn = Drawn::NONE;
        let mut most = [0; DRAWN - 1];
        drawn.hand_out(&mut most, |bytes| counting(&calls, &next, bytes));
        let mut two = [0; 2];
        drawn.hand_out(&mut two, |bytes| counting(&calls, &next, bytes));
        assert!(two.iter().all(|byte| *byte != 0));
        let mut many = [0; DRAWN + 1];
        drawn.hand_out(&mut many, |bytes| counting(&calls, &next, bytes));
        assert!(many.iter().all(|byte| *byte != 0));
        assert_eq!((calls.get(), drawn.left), (3, DRAWN - 2));
    }
}
