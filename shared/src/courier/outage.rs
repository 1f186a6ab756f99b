//! What an isolate knows of trouble with the database: since when it cannot be read, and until when nothing is attempted
//! because nothing can be written.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::{Courier, Message, Settlement};
use crate::store::rounds;
use crate::time::Timestamp;

/// The shortest time that a message waits that met an outage.
const SHORTEST: Duration = Duration::from_secs(10);
/// The longest.
const LONGEST: Duration = Duration::from_secs(600);
/// How long no first attempt is made after the database refused a write.
const PAUSE: Duration = Duration::from_secs(20);

/// An isolate's memory of the database. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Outage(Arc<Memory>);

/// Whether an isolate makes first attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstAttempts {
    /// As far as it knows, their outcomes can be written.
    Allowed,
    /// The database refused a write a moment ago.
    Paused,
    /// Once the database has taken a write.
    AfterAWrite,
}

#[derive(Debug, Default)]
struct Memory {
    /// When the database was last read.
    read_at: AtomicI64,
    /// Since when the database takes no write, and until when no first attempt is made; nothing while writing works.
    refused_since: AtomicI64,
    paused_until: AtomicI64,
}

impl Outage {
    /// Notes that the database was read.
    pub fn read_at(&self, now: Timestamp) {
        self.0.read_at.store(now.milliseconds(), Ordering::Relaxed);
    }

    /// Notes that the database refused a write.
    pub fn cannot_write(&self, now: Timestamp) {
        // Where writing worked before, the outage begins now.
        let _ = self.0.refused_since.compare_exchange(
            0,
            now.milliseconds(),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.0.paused_until.store(now.plus(PAUSE).milliseconds(), Ordering::Relaxed);
    }

    /// Notes that the database took a write.
    pub fn can_write(&self) {
        self.0.paused_until.store(0, Ordering::Relaxed);
        self.0.refused_since.store(0, Ordering::Relaxed);
    }

    /// Whether first attempts may be made now.
    pub fn first_attempts(&self, now: Timestamp) -> FirstAttempts {
        match self.0.paused_until.load(Ordering::Relaxed) {
            0 => FirstAttempts::Allowed,
            until if now.milliseconds() < until => FirstAttempts::Paused,
            _ => FirstAttempts::AfterAWrite,
        }
    }

    /// How long a message waits that met an outage: as long as the outage has lasted, as far as it is known. So an outage
    /// of hours uses up few hand-overs, whichever isolates it meets.
    pub fn wait(&self, message: &Message, now: Timestamp) -> Settlement {
        let began = match self.0.refused_since.load(Ordering::Relaxed) {
            0 => self.0.read_at.load(Ordering::Relaxed),
            refused_since => refused_since,
        };
        let began = Timestamp::from_milliseconds(began);
        Settlement::Retry(now.since(began.max(message.sent_at)).clamp(SHORTEST, LONGEST))
    }

    /// How long a record waits that could not be written since then.
    pub fn wait_since(since: Timestamp, now: Timestamp) -> Duration {
        now.since(since).clamp(SHORTEST, LONGEST)
    }
}

impl Courier {
    /// Whether first attempts may be made. After a refused write the isolate pauses, and then asks the database before it
    /// sends anything that it might not be able to write down.
    pub(super) async fn may_attempt(&self) -> bool {
        match self.outage.first_attempts(self.now()) {
            FirstAttempts::Allowed => true,
            FirstAttempts::Paused => false,
            FirstAttempts::AfterAWrite => self.can_write().await,
        }
    }

    /// Whether the database takes a write at all: a row that is there for this question.
    pub(super) async fn can_write(&self) -> bool {
        let now = self.now();
        // Running twice writes the same row twice.
        let written = self.database.batch(vec![rounds::remember(rounds::WRITABLE, &now.to_string())]).await;
        match written {
            Ok(_) => self.outage.can_write(),
            Err(_) => self.outage.cannot_write(now),
        }
        written.is_ok()
    }
}
