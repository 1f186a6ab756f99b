//! What requests and an event of ours read of D1 in a small fleet and in a large one.
use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use local::fleet::LARGE_FLEET;
use local::progress::step;
use local::stack::Stack;
use serde::Serialize;
use serde_json::json;

use super::connection::Connection;
use super::cost::{Counted, LogTail};
use super::load::Call;
use super::operations::Extent;
use super::side::{Event, Side, array};

/// How far the log may lag behind what happens.
const LOG_LAG: Duration = Duration::from_millis(500);
/// The deliveries that the dashboard shows.
const SHOWN: usize = 20;
/// How much more may be read in the large fleet: a tenth.
const MOST: f64 = 1.1;

/// The rows that are read for one request, or for the batch of one event.
#[derive(Debug, Serialize)]
pub(super) struct Growth {
    pub(super) name: &'static str,
    pub(super) small: f64,
    pub(super) large: f64,
}

impl Growth {
    /// Whether a large fleet costs no more than a small one.
    pub(super) fn is_flat(&self) -> bool {
        self.large <= self.small * MOST
    }
}

/// Counts what is read, puts a large fleet beside, and counts again.
pub(super) fn measure(stack: &Stack, ours: &Side, extent: &Extent) -> Result<Vec<Growth>> {
    step("Measuring", "what a large fleet costs");
    // As many as the longest list of deliveries shows, so that the large fleet does not make a list longer.
    let shown = Event::several(&extent.one, SHOWN);
    Side::publication(array(&shown)).send(&mut Connection::open(&ours.event_source)?)?;
    ours.drain(&extent.one)?;
    let small = rows_read(stack, ours, extent)?;
    let (wrangler, folder) = stack.d1(1)?;
    let file = folder.join("fleet.sql");
    fs::write(&file, LARGE_FLEET).context("the large fleet cannot be written")?;
    wrangler(&["d1", "execute", "tenants-0", "--yes", "--file", &file.to_string_lossy()])?;
    let large = rows_read(stack, ours, extent)?;
    let both = small.into_iter().zip(large);
    Ok(both.map(|((name, small), (_, large))| Growth { name, small, large }).collect())
}

fn rows_read(stack: &Stack, ours: &Side, extent: &Extent) -> Result<Vec<(&'static str, f64)>> {
    let tenant = format!("/tenants/{}", extent.one.tenant(0));
    let get = |path: &str| Call::get(path.to_owned(), 200);
    let patch = json!({"orgName": "Measured"}).to_string();
    let requests = [
        ("GET tenant", get(&tenant)),
        ("PATCH tenant", Call { method: "PATCH", body: Some(patch), ..get(&tenant) }),
        ("POST webhook", ours.new_webhook(&extent.quiet)),
        ("the dashboard", get(&format!("{tenant}/dashboard"))),
        ("10 tenants of the list", get("/tenants?limit=10")),
        ("the webhooks in trouble", get("/webhook-health")),
        ("the dead letters", get("/dead-letters")),
    ];
    let mut rows = Vec::new();
    for (name, call) in requests {
        let send = || call.send(&mut Connection::open(&ours.admin)?);
        rows.push((name, counted(stack, Counted::Requests, send).context(name)?));
    }
    let name = "an event's batch";
    rows.push((name, counted(stack, Counted::Batches, || ours.drain(&extent.one)).context(name)?));
    Ok(rows)
}

/// The rows that ours reads while `work` is done.
fn counted(stack: &Stack, counted: Counted, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let log = LogTail::of(stack.log_path());
    work()?;
    thread::sleep(LOG_LAG);
    log.cost(counted).map(|cost| cost.d1_rows_read).context("the log has no line of it")
}
