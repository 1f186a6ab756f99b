//! What operations cost: Cloudflare's published prices beyond what a plan includes, in dollars a million.

/// Requests to a Worker, batches of a Queue among them.
pub const REQUESTS: f64 = 0.30;
/// Milliseconds of CPU.
pub const CPU_MILLISECONDS: f64 = 0.02;
/// Operations of Queues: three per message (write, read, delete), one more per retry; each 64 KB of a message count.
pub const QUEUE_OPERATIONS: f64 = 0.40;
/// Rows that D1 reads.
pub const ROWS_READ: f64 = 0.001;
/// Rows that D1 writes, those of indexes among them.
pub const ROWS_WRITTEN: f64 = 1.00;
/// Bytes that D1 keeps for a day: 0.75 $ a GB a month, of 30.4375 days.
pub const STORED_BYTE_DAYS: f64 = 0.75 / 30_437.5;
/// Reads of KV.
pub const KV_READS: f64 = 0.50;
/// Writes of KV.
pub const KV_WRITES: f64 = 5.00;
/// Data points of Analytics Engine.
pub const DATA_POINTS: f64 = 0.25;
/// Lines of Workers Logs.
pub const LOG_LINES: f64 = 0.60;

/// Operations, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Operations {
    /// Requests to a Worker, batches of a Queue among them.
    pub requests: f64,
    /// Milliseconds of CPU.
    pub cpu_milliseconds: f64,
    /// Operations of Queues.
    pub queue_operations: f64,
    /// Rows that D1 read.
    pub rows_read: f64,
    /// Rows that D1 wrote.
    pub rows_written: f64,
    /// Bytes that D1 keeps, each as often as the number of days for which D1 keeps the byte.
    pub stored_byte_days: f64,
    /// Reads of KV.
    pub kv_reads: f64,
    /// Writes of KV.
    pub kv_writes: f64,
    /// Data points of Analytics Engine.
    pub data_points: f64,
    /// Lines of Workers Logs.
    pub log_lines: f64,
}

impl Operations {
    /// What they cost in dollars, by part.
    pub fn dollars(&self) -> [(&'static str, f64); 10] {
        let parts = [
            ("requests", self.requests, REQUESTS),
            ("CPU", self.cpu_milliseconds, CPU_MILLISECONDS),
            ("Queues", self.queue_operations, QUEUE_OPERATIONS),
            ("D1 rows read", self.rows_read, ROWS_READ),
            ("D1 rows written", self.rows_written, ROWS_WRITTEN),
            ("D1 storage", self.stored_byte_days, STORED_BYTE_DAYS),
            ("KV reads", self.kv_reads, KV_READS),
            ("KV writes", self.kv_writes, KV_WRITES),
            ("Analytics Engine", self.data_points, DATA_POINTS),
            ("log lines", self.log_lines, LOG_LINES),
        ];
        parts.map(|(name, count, price)| (name, count * price / 1_000_000.0))
    }

    /// What they cost in dollars.
    pub fn total(&self) -> f64 {
        self.dollars().iter().map(|(_, dollars)| dollars).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_events_delivered_at_once_cost_what_the_arithmetic_says() {
        let million = 1_000_000.0;
        let operations = Operations {
            requests: million,
            queue_operations: 3.0 * million,
            rows_written: 2.0 * million,
            ..Operations::default()
        };
        assert!((operations.total() - (0.30 + 1.20 + 2.00)).abs() < 1e-9);
    }
}
