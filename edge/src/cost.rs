//! What a request costs at the database, for its log line and for the tests that limit it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use http::Extensions;
use shared::ports::{Batch, Database, DatabaseError, Statement};

/// Counts D1 round trips and rows. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Cost(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    round_trips: AtomicU64,
    rows_read: AtomicU64,
    rows_written: AtomicU64,
}

impl Cost {
    /// The cost of the request with these extensions.
    pub fn of(request: &Extensions) -> Self {
        request.get().cloned().unwrap_or_default()
    }

    /// Round trips to D1 so far.
    pub fn round_trips(&self) -> u64 {
        self.0.round_trips.load(Ordering::Relaxed)
    }

    /// Rows read so far.
    pub fn rows_read(&self) -> u64 {
        self.0.rows_read.load(Ordering::Relaxed)
    }

    /// Rows written so far, index rows included.
    pub fn rows_written(&self) -> u64 {
        self.0.rows_written.load(Ordering::Relaxed)
    }

    /// The same database, with its round trips and rows counted.
    pub fn meter(&self, database: Arc<dyn Database>) -> Arc<dyn Database> {
        Arc::new(Metered { database, cost: self.clone() })
    }
}

struct Metered {
    database: Arc<dyn Database>,
    cost: Cost,
}

#[async_trait]
impl Database for Metered {
    async fn batch(&self, statements: Vec<Statement>) -> Result<Batch, DatabaseError> {
        let counts = &self.cost.0;
        counts.round_trips.fetch_add(1, Ordering::Relaxed);
        let batch = self.database.batch(statements).await?;
        counts.rows_read.fetch_add(batch.cost.read, Ordering::Relaxed);
        counts.rows_written.fetch_add(batch.cost.written, Ordering::Relaxed);
        Ok(batch)
    }
}
