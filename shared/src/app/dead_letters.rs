//! `GET /dead-letters` and `POST /dead-letters/{id}/requeue`

use std::cmp::Reverse;
use std::time::Duration;

use serde_json::json;

use super::App;
use super::idempotency::RequestDigest;
use super::merging::merge;
use crate::cursor::Cursor;
use crate::dead_letter::{DeadLetter, DeadLetterId, Origin};
use crate::error::Error;
use crate::event::message::EventMessage;
use crate::ports::QueuedMessage;
use crate::shard::Shards;
use crate::store::dead_letters::{self, DeadLetterRow};

/// A place in the list: when the letter came, in milliseconds, and its id; a third part, so that its text is not that of a
/// place in a delivery log.
pub type DeadLetterCursor = Cursor<(i64, DeadLetterId, ())>;

impl Shards<App> {
    /// Messages that no consumer could handle, newest first, and where to go on.
    ///
    /// # Errors
    /// Where a database does not answer.
    pub async fn list_dead_letters(
        &self,
        cursor: Option<DeadLetterCursor>,
        limit: u32,
    ) -> Result<(Vec<DeadLetter>, Option<DeadLetterCursor>), Error> {
        let place = cursor.map(|Cursor((at, id, ()))| (at, id));
        let newest = || dead_letters::newest(place.as_ref(), limit + 1);
        let rows = self.rows::<DeadLetterRow>(newest).await?;
        let (rows, next) = merge(rows, limit, |row| Reverse(row.place()));
        Ok((rows.into_iter().map(Into::into).collect(), next.map(|Reverse((at, id))| Cursor((at, id, ())))))
    }
}

impl App {
    /// Puts a message back on the queue it came from; its consumers are idempotent.
    ///
    /// # Errors
    /// [`Error::DeadLetterNotFound`]; [`Error::Unavailable`] where the queue refuses.
    pub async fn requeue_dead_letter(&self, id: DeadLetterId) -> Result<(), Error> {
        let asked = self.asked(|| json!(["requeue", id.to_string()]));
        self.once(&asked, self.requeue(&asked, id)).await
    }

    async fn requeue(&self, asked: &RequestDigest, id: DeadLetterId) -> Result<(), Error> {
        let mut batch = self.run(vec![dead_letters::select(id)]).await?;
        let letter = DeadLetter::from(batch.first::<DeadLetterRow>(0)?.ok_or(Error::DeadLetterNotFound)?);
        let queue = match letter.queue {
            Origin::Events => &self.events,
            Origin::Retries => &self.retries,
        };
        // The store of large bodies may have forgotten this one by now: the letter has it.
        let body = match letter.envelope {
            Some(_) => EventMessage::DeadLetter(id).encode(),
            None => letter.body.into(),
        };
        queue.send(vec![QueuedMessage { body, delay: Duration::ZERO }]).await?;
        // After the queue took it: requeued twice is better than never.
        let keep = self.keep_of_none(asked, &()).await?;
        self.run([dead_letters::requeued(id, self.now())].into_iter().chain(keep).collect()).await?;
        Ok(())
    }
}
