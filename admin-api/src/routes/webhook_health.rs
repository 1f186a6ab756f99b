//! `GET /webhook-health`

use edge::parameters::Query;
use serde::Serialize;
use shared::app::webhook_health::TroubleCursor;
use shared::webhook::trouble::TroubledWebhook;

use super::{Answered, CursorQuery, ok};
use crate::auth::{Admin, MeteredApp};

/// Webhooks in trouble.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HealthBody {
    /// Worst first.
    webhooks: Vec<TroubledWebhook>,
    /// Give it as `cursor` for the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    next_cursor: Option<TroubleCursor>,
}

/// Webhooks in trouble, worst first: disabled, pending, circuit open, failing.
pub async fn list(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    Query(query): Query<CursorQuery>,
) -> Answered<HealthBody> {
    let (cursor, limit) = query.check()?;
    let (webhooks, next_cursor) = app.webhook_health(cursor, limit).await?;
    ok(HealthBody { webhooks, next_cursor })
}
