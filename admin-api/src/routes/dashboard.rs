//! A webhook's last 24 hours by the hour, and its newest deliveries: what the portal's dashboard shows.

use edge::parameters::{NoQuery, OrgPath, WebhookPath};
use edge::routes::get;
use shared::app::delivery_summary::DeliverySummary;

use super::{JsonResult, Routes, ok};
use crate::auth::{Admin, MeteredApp};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default().route(described!(
        get("/tenants/{orgId}/webhooks/{webhookId}/delivery-summary", summarize),
        Operation::new("summarizeDeliveries", "Sum up a webhook's last 24 hours")
            .answers::<DeliverySummary>(
                200,
                "Counts by the hour, and the 20 newest deliveries.",
                json!({
                    "hours": [{"hour": AT, "delivered": 12, "waiting": 0, "retrying": 1, "failed": 0}], "counted": 13,
                    "truncated": false, "latest": [super::deliveries::delivery()],
                }),
            )
            .fails(&[TenantNotRegistered, WebhookNotFound]),
    ))
}

async fn summarize(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(webhook_id): WebhookPath,
) -> JsonResult<DeliverySummary> {
    ok(app.summarize_deliveries(&admin.of(org_id), &webhook_id).await?)
}
