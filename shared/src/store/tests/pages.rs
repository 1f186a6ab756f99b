//! How many pages a batch of deliveries changes, beside a long history. D1 writes, and copies to its followers, whole pages.

use std::fs;
use std::path::PathBuf;

use rusqlite::{Connection, params};

use crate::testing::{migrations, tenants_migrations};

const WEBHOOKS: i64 = 50;
const HISTORY: i64 = 100_000;
/// A page of SQLite's, and its frame in the write-ahead log.
const FRAME: u64 = 4096 + 24;

/// A database in a file, whose write-ahead log tells the pages of each transaction.
struct Pages {
    file: PathBuf,
    connection: Connection,
    written: i64,
}

impl Pages {
    /// Deliveries to all webhooks by turns, ten a second.
    fn with_a_history() -> Self {
        let file = std::env::temp_dir().join(format!("pages-{}.sqlite", std::process::id()));
        drop(fs::remove_file(&file));
        let connection = Connection::open(&file).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -200000",
            )
            .unwrap();
        for migration in migrations(&tenants_migrations()) {
            connection.execute_batch(&fs::read_to_string(migration).unwrap()).unwrap();
        }
        let mut pages = Self { file, connection, written: 0 };
        let history: Vec<_> = (0..HISTORY).map(|number| (number * 7_919 % WEBHOOKS, number)).collect();
        pages.write(&history, |number| number * 100);
        pages
    }

    /// Writes a delivery of each event to each webhook; `time` is the time of an event. Returns how many pages changed.
    fn write(&mut self, deliveries: &[(i64, i64)], time: impl Fn(i64) -> i64) -> u64 {
        self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        let transaction = self.connection.transaction().unwrap();
        let sql = "INSERT INTO deliveries (webhook, event, event_type, stage, created_at, waited, status, milliseconds) \
            VALUES (?1, ?2, 1, 0, ?3, 20, 200, 120)";
        for (webhook, event) in deliveries {
            // Ids of events are random.
            let id = uuid::Uuid::from_u128(u128::from(random(*event)) << 64 | u128::from(random(!*event)));
            transaction
                .prepare_cached(sql)
                .unwrap()
                .execute(params![webhook, id.as_bytes(), time(*event)])
                .unwrap();
        }
        transaction.commit().unwrap();
        self.written += 1;
        let log = fs::metadata(self.file.with_extension("sqlite-wal")).unwrap().len();
        log / FRAME
    }

    /// Writes a batch of so many new events, each to the webhooks that `webhooks` names for the event.
    fn batch(&mut self, events: i64, webhooks: impl Fn(i64) -> Vec<i64>) -> u64 {
        let first = HISTORY + self.written * 1_000;
        let deliveries: Vec<_> = (0..events)
            .flat_map(|event| webhooks(event).into_iter().map(move |webhook| (webhook, first + event)))
            .collect();
        self.write(&deliveries, |_| first * 100)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        for extension in ["sqlite", "sqlite-wal", "sqlite-shm"] {
            drop(fs::remove_file(self.file.with_extension(extension)));
        }
    }
}

/// A number that looks random (the finalizer of SplitMix64).
fn random(number: i64) -> u64 {
    let mut number = number.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[test]
fn a_batch_appends_to_its_webhooks_and_touches_a_page_of_the_other_index_for_each_event() {
    let mut pages = Pages::with_a_history();
    let one_webhook = pages.batch(100, |_| vec![7]);
    let fan_out = pages.batch(100, |_| (20..25).collect());
    let many_tenants = pages.batch(100, |event| vec![event * 7 % WEBHOOKS]);
    let many_webhooks =
        pages.batch(100, |event| (0..5).map(|place| (event * 7 + place) % WEBHOOKS).collect());
    // A page for each event, the end of each webhook's rows, the pages above them, and some that were full.
    assert!(one_webhook <= 140, "{one_webhook}");
    assert!(fan_out <= 200, "{fan_out}");
    assert!(many_tenants <= 220, "{many_tenants}");
    assert!(many_webhooks <= 330, "{many_webhooks}");
}
