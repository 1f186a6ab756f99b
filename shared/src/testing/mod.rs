//! The ports in memory, for native tests: real SQL on SQLite, real AES-GCM, and fakes that tests can steer.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod aes;
pub mod campaign;
mod clock;
mod database;
mod deflate;
mod endpoints;
mod fixture;
mod memory;
pub mod prices;
mod simulation;

pub use aes::AesGcm;
pub use clock::FakeClock;
pub use database::{Crash, SqliteDatabase, migrations, tenants_migrations};
pub use deflate::Deflate;
pub use endpoints::{Endpoints, Reply};
pub use fixture::{Fixture, admins};
pub use memory::{MemoryLog, MemoryMailer, MemoryMetrics, MemoryQueue, MemoryStore, SeededRandom};
pub use simulation::Simulation;
