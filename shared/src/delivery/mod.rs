//! Deliveries: one event to one webhook, with its attempts.

pub mod excerpt;
pub mod measurement;
pub mod outcome;
pub mod policy;
pub mod progress;
pub mod retry;
pub mod retry_after;
pub mod standing;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::id::EventId;
use crate::text::Printable;
use crate::time::Timestamp;

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// It will be tried (again).
    Pending,
    /// The endpoint took it.
    Delivered,
    /// The endpoint is gone (410), the webhook deleted, or its URL no longer allowed.
    Failed,
    /// Its retries are spent, or its webhook is disabled.
    Dead,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Failed, Self::Dead];

    /// As the database and the API spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dead => "dead",
        }
    }

    /// Reads the API's spelling.
    ///
    /// # Errors
    /// What is allowed.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or("must be pending, delivered, failed or dead")
    }
}

/// One HTTP request of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// The HTTP status, if the endpoint answered.
    pub status: Option<u16>,
    /// How long the exchange took.
    pub duration_milliseconds: u64,
    /// What went wrong, in a few words; absent on success.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "schemas", schema(value_type = Option<String>))]
    pub error: Option<Printable>,
    /// The beginning of the endpoint's answer, for admins; only of failures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "schemas", schema(value_type = Option<String>))]
    pub excerpt: Option<Printable>,
}

impl Attempt {
    /// The time when the attempt ended.
    pub fn ended_at(&self) -> Timestamp {
        self.at.plus(Duration::from_millis(self.duration_milliseconds))
    }
}

/// A delivery as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// The envelope's `id`.
    pub event_id: EventId,
    /// The envelope's `detail-type`.
    pub event_type: String,
    /// How it stands.
    pub state: DeliveryState,
    /// When the event first reached this webhook's turn.
    pub created_at: Timestamp,
    /// When it will be tried next, or, while it is held, given up; only while pending.
    pub next_attempt_at: Option<Timestamp>,
    /// Whether it waits for its webhook, which is not verified or has stopped answering, and goes as soon as that is
    /// over.
    #[serde(default)]
    pub held: bool,
    /// The time when the delivery ended.
    pub ended_at: Option<Timestamp>,
    /// The reason why the delivery was not delivered.
    pub reason: Option<String>,
    /// The attempts, oldest first; the last hundred, should there be more.
    pub attempts: Vec<Attempt>,
}
