//! Deliveries as rows: on the dashboard's last card and in the log.

use shared::app::delivery_summary::DeliverySummary;
use shared::delivery::Delivery;
use shared::time::Timestamp;
use shared::webhook::id::WebhookId;

use super::badge::Badge;
use super::breakable::breakable;
use super::chart::Chart;
use super::moment::{Moment, spoken_duration};
use crate::paths::{WEBHOOK_FIELD, delivery_path, with_query};

/// The last day and the newest deliveries.
pub struct ShownLog {
    /// The last 24 hours.
    pub chart: Chart,
    /// The newest deliveries.
    pub latest: Vec<DeliveryRow>,
}

/// A delivery in a list.
pub struct DeliveryRow {
    /// The path of the delivery's page.
    pub href: String,
    /// The event's id.
    pub event_id: String,
    /// The event's `detail-type`, as HTML.
    pub event_type: String,
    /// The time when the event reached us.
    pub created: Moment,
    /// The delivery's state.
    pub badge: Badge,
    /// The duration of the last attempt.
    pub duration: Option<String>,
    /// The error of the last attempt.
    pub error: Option<String>,
}

impl DeliveryRow {
    /// Shows a delivery as of `now`. `webhook` is its webhook, unless that is the organization's first.
    pub fn new(delivery: Delivery, webhook: Option<WebhookId>, now: Timestamp) -> Self {
        let last = delivery.attempts.last();
        Self {
            href: page_path(delivery.event_id.as_str(), webhook),
            event_id: delivery.event_id.as_str().to_owned(),
            created: Moment::new(delivery.created_at, now),
            badge: Badge::of_delivery(&delivery),
            duration: last.map(|attempt| spoken_duration(attempt.duration_milliseconds)),
            error: last.and_then(|attempt| attempt.error.as_deref().map(str::to_owned)),
            event_type: breakable(&delivery.event_type),
        }
    }
}

/// Returns the path of a delivery's page. `webhook` is its webhook, unless that is the organization's first.
pub fn page_path(event_id: &str, webhook: Option<WebhookId>) -> String {
    let webhook = webhook.map(|id| id.to_string()).unwrap_or_default();
    with_query(&delivery_path(event_id), &[(WEBHOOK_FIELD, &webhook)])
}

impl ShownLog {
    /// Shows `summary` as of `now`.
    pub fn new(summary: DeliverySummary, now: Timestamp) -> Self {
        let chart = Chart::draw(&summary);
        let latest = summary.latest.into_iter().map(|delivery| DeliveryRow::new(delivery, None, now));
        Self { chart, latest: latest.collect() }
    }
}
