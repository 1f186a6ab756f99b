//! The dashboard's last card: a webhook's deliveries.

use shared::app::delivery_summary::DeliverySummary;
use shared::time::Timestamp;

use super::badge::Badge;
use super::chart::Chart;
use super::moment::{Moment, spoken_duration};
use crate::paths::delivery_path;

/// The deliveries of the dashboard's webhook.
pub enum DeliveryLog {
    /// There is no webhook to deliver to.
    NoWebhook,
    /// The Admin API did not answer.
    Unavailable,
    /// The last day and the newest deliveries.
    Shown(Box<ShownLog>),
}

/// The last day and the newest deliveries.
pub struct ShownLog {
    /// The last 24 hours.
    pub chart: Chart,
    /// The newest deliveries.
    pub latest: Vec<DeliveryRow>,
}

/// A delivery in the list.
pub struct DeliveryRow {
    /// The path of the delivery's page.
    pub href: String,
    /// The event's `detail-type`.
    pub event_type: String,
    /// The time when the event came.
    pub created: Moment,
    /// The delivery's state.
    pub badge: Badge,
    /// The duration of the last attempt.
    pub duration: Option<String>,
    /// The error of the last attempt.
    pub error: Option<String>,
}

impl DeliveryLog {
    /// Shows `summary` as of `now`.
    pub fn new(summary: DeliverySummary, now: Timestamp) -> Self {
        let chart = Chart::draw(&summary);
        let latest = summary.latest.into_iter().map(|delivery| DeliveryRow {
            href: delivery_path(delivery.event_id.as_str()),
            created: Moment::new(delivery.created_at, now),
            badge: Badge::of_delivery(&delivery),
            duration: delivery.attempts.last().map(|attempt| spoken_duration(attempt.duration_milliseconds)),
            error: delivery.attempts.last().and_then(|attempt| attempt.error.as_deref().map(str::to_owned)),
            event_type: delivery.event_type,
        });
        Self::Shown(Box::new(ShownLog { chart, latest: latest.collect() }))
    }
}
