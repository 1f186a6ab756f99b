//! `GET /webhook-health`

use super::App;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::store::webhook_trouble::{self, TroubleRow};
use crate::webhook::trouble::TroubledWebhook;

/// A place in the list: rank of the trouble, and the webhook's sequence.
pub type TroubleCursor = Cursor<(u8, i64)>;

impl App {
    /// Webhooks in trouble, worst first, and where to go on. The cost grows with the troubles, not with the webhooks.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn webhook_health(
        &self,
        cursor: Option<TroubleCursor>,
        limit: u32,
    ) -> Result<(Vec<TroubledWebhook>, Option<TroubleCursor>), Error> {
        let after = cursor.map_or((0, 0), |Cursor(place)| place);
        let mut batch = self.run(vec![webhook_trouble::page(after, limit + 1)]).await?;
        let mut rows = batch.take::<TroubleRow>(0)?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| Cursor(row.place()));
        Ok((rows.into_iter().map(Into::into).collect(), next))
    }
}
