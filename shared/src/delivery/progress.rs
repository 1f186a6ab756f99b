//! What became of a delivery, until the database has it.

use serde::{Deserialize, Serialize};

use super::Attempt;
use super::standing::{Stage, Standing};
use crate::event::message::DeliveryKey;
use crate::shared_text::SharedText;
use crate::time::Timestamp;

/// What became of a delivery: after an attempt, or without one where its webhook takes none now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Tenant, webhook and event.
    #[serde(flatten)]
    pub key: DeliveryKey,
    /// The envelope's `detail-type`.
    pub event_type: String,
    /// How the delivery stands now.
    pub standing: Standing,
    /// The attempt, if one was made.
    pub attempt: Option<Attempt>,
    /// Where the delivery comes from.
    pub origin: Origin,
    /// The envelope, to be kept where the event was not delivered. A message carries it beside, once per event.
    #[serde(skip)]
    pub body: Option<SharedText>,
}

impl Progress {
    /// Whether the event's envelope has to be kept with the delivery's row.
    pub fn needs_body(&self) -> bool {
        self.origin.is_fresh() && self.standing.stage != Stage::Delivered
    }
}

/// Where a delivery comes from, and so how its progress is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// A fresh event: a row is inserted, unless there is one.
    Fresh {
        /// When the event reached its webhook's turn.
        at: Timestamp,
    },
    /// A row that this consumer leased until then: written where the lease is still the same.
    Leased {
        /// The end of the lease.
        until: Timestamp,
    },
}

impl Origin {
    /// Whether the database has no row of the delivery yet.
    pub fn is_fresh(&self) -> bool {
        matches!(self, Self::Fresh { .. })
    }

    /// The time that a row is written by: of a fresh event its first, of a leased row the lease's end.
    pub fn at(&self) -> Timestamp {
        match *self {
            Self::Fresh { at } => at,
            Self::Leased { until } => until,
        }
    }
}
