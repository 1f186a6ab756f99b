//! Metrics: each attempt is measured where its log line is written, and a batch's go out together at its end.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::json;

use super::Courier;
use crate::delivery::measurement::Measurement;
use crate::ports::Metrics;

/// Where attempts are measured. Clones measure together.
#[derive(Clone)]
pub struct Meter(Arc<Metering>);

struct Metering {
    metrics: Arc<dyn Metrics>,
    /// Not handed on yet. Batches under way at the same time share it: the first to end takes along what there is.
    measured: Mutex<Vec<Measurement>>,
}

impl Meter {
    /// A meter that hands on to `metrics`.
    pub fn new(metrics: Arc<dyn Metrics>) -> Self {
        Self(Arc::new(Metering { metrics, measured: Mutex::default() }))
    }

    pub(super) fn add(&self, measurement: Measurement) {
        self.0.measured.lock().unwrap_or_else(PoisonError::into_inner).push(measurement);
    }
}

impl Courier {
    /// Hands on what the batch measured. That nothing comes of it is worth a line, and no delivery.
    pub(super) fn write_metrics(&self) {
        let metering = &self.meter.0;
        let measured = std::mem::take(&mut *metering.measured.lock().unwrap_or_else(PoisonError::into_inner));
        if measured.is_empty() {
            return;
        }
        if let Err(error) = metering.metrics.write(measured) {
            self.line("metrics not written", json!({"detail": error.to_string()}));
        }
    }
}
