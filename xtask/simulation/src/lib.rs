//! `cargo xtask simulate`: how delivery behaves under loads that no test machine bears.
//!
//! A discrete-event simulation. Real are the product's own functions that decide: which webhook gets an event
//! (`EventFilter`), which shard has a tenant (`ShardCount`), whom a batch turns to next (`Turns`), when it writes (`Pace`),
//! what an answer means (`AttemptResult`, `Standing`, `Condition`), when a delivery is tried again (`RetryPolicy`), what
//! probes and releases let go (`letting_go`, `choose_probe`), and what an isolate does in an outage (`Outage`). Models are
//! D1, Queues, connections and endpoints (`database.rs`, `queue.rs`, `webhooks.rs`), with the platform's documented limits.

mod batch;
mod database;
mod dice;
mod engine;
mod events;
mod limits;
mod measured;
mod pipeline;
mod plots;
mod queue;
mod report;
mod results;
mod retries;
mod scenario;
mod sweep;
mod table;
mod time;
mod webhooks;

pub use engine::run;
pub use limits::Consumption;
pub use measured::{Histogram, Measured, Sample};
pub use plots::draw;
pub use report::{cells, costs, tables, with_choices};
pub use scenario::{Arrivals, Misbehaviour, Scenario, Stretch};
pub use table::{Choice, Line, PERCENTS, RATES, SHARDS, Story, choices, fill, scenario};
pub use time::{MINUTE, Micros, SECOND};
