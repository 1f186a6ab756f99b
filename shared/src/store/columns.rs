//! How a delivery's row is spelled: the parts that many statements share.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::delivery::Attempt;
use crate::delivery::standing::Stage;
use crate::event::id::EventId;
use crate::text::Printable;
use crate::time::Timestamp;

/// [`Stage::number`] of each stage, for the text of statements.
pub(super) const DELIVERED: u8 = Stage::Delivered.number();
pub(super) const SCHEDULED: u8 = Stage::Scheduled.number();
pub(super) const HELD: u8 = Stage::Held.number();
pub(super) const RELEASED: u8 = Stage::Released.number();
pub(super) const FAILED: u8 = Stage::Failed.number();
pub(super) const DEAD: u8 = Stage::Dead.number();

/// An event's id on its way to the database and back: a UUID as a space, which no id has, and 32 hexadecimal digits; any
/// other id as the id is. A column holds the UUID's 16 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct StoredEvent(pub String);

impl From<&EventId> for StoredEvent {
    fn from(id: &EventId) -> Self {
        // Only the canonical form: an id in another case is another id.
        let uuid = Uuid::try_parse(id.as_str()).ok().filter(|uuid| uuid.to_string() == id.as_str());
        Self(uuid.map_or_else(|| id.to_string(), |uuid| format!(" {}", uuid.simple())))
    }
}

impl From<String> for StoredEvent {
    /// `hex()` spells digits in upper case.
    fn from(text: String) -> Self {
        Self(if text.starts_with(' ') { text.to_ascii_lowercase() } else { text })
    }
}

impl From<StoredEvent> for String {
    fn from(stored: StoredEvent) -> Self {
        stored.0
    }
}

impl TryFrom<StoredEvent> for EventId {
    type Error = crate::event::id::EventIdFault;

    fn try_from(StoredEvent(text): StoredEvent) -> Result<Self, Self::Error> {
        match text.strip_prefix(' ').and_then(|digits| Uuid::try_parse(digits).ok()) {
            Some(uuid) => Self::parse(&uuid.to_string()),
            None => Self::parse(&text),
        }
    }
}

/// The SQL that makes a column's value of a [`StoredEvent`].
pub(super) fn event_key(stored: &str) -> String {
    format!("CASE WHEN {stored} < '!' THEN unhex(substr({stored}, 2)) ELSE {stored} END")
}

/// The SQL that makes a [`StoredEvent`] of a column.
pub(super) fn event_text(column: &str) -> String {
    format!("CASE typeof({column}) WHEN 'blob' THEN ' ' || hex({column}) ELSE {column} END")
}

/// The SQL for the number of the webhook with this id, of one that was deleted lately as well.
pub(super) fn webhook_of(id: &str) -> String {
    format!(
        "(SELECT sequence FROM webhooks WHERE id = {id} UNION ALL SELECT sequence FROM deleted_webhooks WHERE id = {id} LIMIT 1)"
    )
}

/// The SQL for a column of the webhook with this number, of one that was deleted lately as well.
pub(super) fn of_webhook(column: &str, number: &str) -> String {
    format!(
        "(SELECT {column} FROM webhooks WHERE sequence = {number} \
         UNION ALL SELECT {column} FROM deleted_webhooks WHERE sequence = {number} LIMIT 1)"
    )
}

/// The columns of a [`super::deliveries::KeyRow`], for `RETURNING` of `deliveries`.
pub(super) fn key_columns() -> String {
    let (org_id, id) = (of_webhook("org_id", "webhook"), of_webhook("id", "webhook"));
    format!("{org_id} AS org_id, {id} AS webhook_id, {} AS event", event_text("event"))
}

/// The SQL for the number of the tenant's webhook; `?1` is the tenant, `?2` the webhook's id.
pub(super) const TENANTS_WEBHOOK: &str = "(SELECT sequence FROM webhooks WHERE org_id = ?1 AND id = ?2)";

/// The SQL for the number of the tenant's first webhook; `?1` is the tenant.
pub(super) const FIRST_WEBHOOK: &str =
    "(SELECT sequence FROM webhooks WHERE org_id = ?1 ORDER BY sequence LIMIT 1)";

/// The SQL for when a delivery ended: null while it is pending.
pub(super) const ENDED_AT: &str =
    "COALESCE(history ->> 'endedAt', CASE stage WHEN 0 THEN created_at + waited + milliseconds END)";

/// The SQL for when an event last arrived at a row of `webhooks`, as far as the log's newest rows tell: twenty are looked
/// at, whatever the history.
pub(super) const LAST_DELIVERED_AT: &str = "SELECT MAX(recent.ended_at) FROM (SELECT stage, \
    COALESCE(history ->> 'endedAt', created_at + waited + milliseconds) AS ended_at \
    FROM deliveries WHERE webhook = webhooks.sequence \
    ORDER BY deliveries.created_at DESC, event DESC LIMIT 20) AS recent WHERE recent.stage = 0";

/// The SQL for the attempts of a row as a JSON array of [`StoredAttempt`]s.
pub(super) const ATTEMPTS: &str = "COALESCE(history -> 'attempts', CASE WHEN milliseconds IS NULL THEN '[]' \
    ELSE json_array(json_array(created_at + waited, status, milliseconds, NULL, NULL)) END)";

/// An attempt as `history` has it: when it began, its status, how long it took in milliseconds, error, excerpt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredAttempt(i64, Option<u16>, u64, Option<Printable>, Option<Printable>);

impl From<&Attempt> for StoredAttempt {
    fn from(attempt: &Attempt) -> Self {
        let Attempt { at, status, duration_milliseconds, error, excerpt } = attempt.clone();
        Self(at.milliseconds(), status, duration_milliseconds, error, excerpt)
    }
}

impl From<StoredAttempt> for Attempt {
    fn from(StoredAttempt(at, status, duration_milliseconds, error, excerpt): StoredAttempt) -> Self {
        let at = Timestamp::from_milliseconds(at);
        Self { at, status, duration_milliseconds, error, excerpt }
    }
}

/// What a row keeps of a delivery that did not go well at once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// The redelivery that began the tries anew, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_since: Option<i64>,
    /// When it ended, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// Why it ended other than delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Its attempts, oldest first.
    pub attempts: Vec<StoredAttempt>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_travels_short_and_any_other_id_as_it_is() {
        let uuid = "7bf73129-1428-4cd3-a780-95db273d1602";
        for (id, stored) in [
            (uuid, " 7bf7312914284cd3a78095db273d1602"),
            ("7BF73129-1428-4cd3-a780-95db273d1602", "7BF73129-1428-4cd3-a780-95db273d1602"),
            ("7bf7312914284cd3a78095db273d1602", "7bf7312914284cd3a78095db273d1602"),
            ("e-1", "e-1"),
        ] {
            let id = EventId::parse(id).unwrap();
            assert_eq!(StoredEvent::from(&id), StoredEvent(stored.to_owned()));
            assert_eq!(EventId::try_from(StoredEvent(stored.to_owned())), Ok(id.clone()));
            if stored.starts_with(' ') {
                assert_eq!(StoredEvent::from(stored.to_uppercase()), StoredEvent::from(&id));
            }
        }
    }
}
