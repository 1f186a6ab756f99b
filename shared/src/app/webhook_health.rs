//! `GET /webhook-health`

use super::App;
use super::merging::merge;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::shard::Shards;
use crate::store::webhook_trouble::{self, TroubleRow};
use crate::webhook::id::WebhookId;
use crate::webhook::trouble::TroubledWebhook;

/// A place in the list: rank of the trouble, when the webhook was created, in milliseconds, and its id.
pub type TroubleCursor = Cursor<(u8, i64, WebhookId)>;

impl Shards<App> {
    /// Webhooks in trouble, worst first, and where to go on. The cost grows with the troubles, not with the webhooks.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn webhook_health(
        &self,
        cursor: Option<TroubleCursor>,
        limit: u32,
    ) -> Result<(Vec<TroubledWebhook>, Option<TroubleCursor>), Error> {
        let after = cursor.map(|Cursor(place)| place);
        let rows = self.rows::<TroubleRow>(|| webhook_trouble::page(&after, limit + 1)).await?;
        let (rows, next) = merge(rows, limit, TroubleRow::place);
        Ok((rows.into_iter().map(Into::into).collect(), next.map(Cursor)))
    }
}
