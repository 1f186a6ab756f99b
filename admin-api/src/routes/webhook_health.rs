//! `GET /webhook-health`

use edge::parameters::Query;
use edge::routes::get;
use serde::Serialize;
use shared::app::webhook_health::TroubleCursor;
use shared::webhook::id::WebhookId;
use shared::webhook::trouble::TroubledWebhook;

use super::{CursorQuery, JsonResult, Routes, ok};
use crate::auth::{Admin, MeteredApps};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default().route(described!(
        get("/webhook-health", list),
        Operation::new("listTroubledWebhooks", "List webhooks in trouble").pages((3_u8, 1_775_124_000_000_i64, WEBHOOK)).answers::<TroubledWebhookPage>(
            200,
            "Worst first: disabled, pending, circuit open, failing.",
            json!({"webhooks": [{
                "orgId": "acme-corp", "webhookId": WEBHOOK, "url": "https://hooks.acme-corp.com/in",
                "trouble": "circuit_open", "status": "active", "since": AT, "reason": null, "consecutiveFailures": 5,
                "lastErrorAt": AT, "lastErrorStatus": 503, "lastErrorMessage": "answered 503",
                "oldestUndeliveredAt": AT,
            }], "nextCursor": null}),
        ),
    ))
}

/// Webhooks in trouble.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct TroubledWebhookPage {
    /// Worst first.
    webhooks: Vec<TroubledWebhook>,
    /// Give it as `cursor` for the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    next_cursor: Option<TroubleCursor>,
}

/// Webhooks in trouble, worst first: disabled, pending, circuit open, failing.
async fn list(
    _admin: Admin,
    MeteredApps(apps): MeteredApps,
    Query(CursorQuery { limit, cursor }): Query<CursorQuery<(u8, i64, WebhookId)>>,
) -> JsonResult<TroubledWebhookPage> {
    let (webhooks, next_cursor) = apps.webhook_health(cursor, limit.unwrap_or_default().0).await?;
    ok(TroubledWebhookPage { webhooks, next_cursor })
}
