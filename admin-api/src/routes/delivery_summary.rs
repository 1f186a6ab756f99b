//! A webhook's last 24 hours by the hour, and its newest deliveries: what the portal's dashboard shows.

use edge::parameters::{NoQuery, OrgPath, WebhookPath};
use shared::app::delivery_summary::DeliverySummary;

use super::{Answered, ok};
use crate::auth::{Admin, MeteredApp};

/// `GET /tenants/{orgId}/webhooks/{webhookId}/delivery-summary`
pub async fn summarize(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(webhook_id): WebhookPath,
) -> Answered<DeliverySummary> {
    ok(app.summarize_deliveries(&org_id, &webhook_id).await?)
}
