//! `GET /dead-letters` and `POST /dead-letters/{id}/requeue`

use std::time::Duration;

use super::App;
use crate::cursor::Cursor;
use crate::dead_letter::{DeadLetter, Origin};
use crate::error::Error;
use crate::event::message::EventMessage;
use crate::ports::QueuedMessage;
use crate::store::dead_letters::{self, DeadLetterRow};

/// A place in the list: the letter's number. A tuple of one, so that its text is not that of a place in the audit log.
pub type DeadLetterCursor = Cursor<(i64,)>;

impl App {
    /// Messages that no consumer could handle, newest first, and where to go on.
    ///
    /// # Errors
    /// Where the database does not answer.
    pub async fn list_dead_letters(
        &self,
        cursor: Option<DeadLetterCursor>,
        limit: u32,
    ) -> Result<(Vec<DeadLetter>, Option<DeadLetterCursor>), Error> {
        let mut batch =
            self.run(vec![dead_letters::newest(cursor.map(|Cursor((id,))| id), limit + 1)]).await?;
        let mut rows = batch.take::<DeadLetterRow>(0)?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = rows.last().filter(|_| more).map(|row| Cursor((row.id,)));
        Ok((rows.into_iter().map(Into::into).collect(), next))
    }

    /// Puts a message back on the queue it came from; its consumers are idempotent.
    ///
    /// # Errors
    /// [`Error::DeadLetterNotFound`]; [`Error::Unavailable`] where the queue refuses.
    pub async fn requeue_dead_letter(&self, id: i64) -> Result<(), Error> {
        let mut batch = self.run(vec![dead_letters::select(id)]).await?;
        let letter = DeadLetter::from(batch.first::<DeadLetterRow>(0)?.ok_or(Error::DeadLetterNotFound)?);
        let queue = match letter.queue {
            Origin::Events => &self.events,
            Origin::Retries => &self.retries,
        };
        // The store of large bodies may have forgotten this one by now: the letter has it.
        let body = match letter.envelope {
            Some(_) => EventMessage::DeadLetter(id).encode(),
            None => letter.body,
        };
        queue.send(vec![QueuedMessage { body, delay: Duration::ZERO }]).await?;
        // After the queue took it: requeued twice is better than never.
        self.run(vec![dead_letters::requeued(id, self.now())]).await?;
        Ok(())
    }
}
