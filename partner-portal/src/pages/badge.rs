//! The state of a webhook or a delivery, as a coloured word.

use shared::delivery::{Delivery, DeliveryState};

/// A word and its colour.
pub struct Badge {
    /// The word.
    pub word: &'static str,
    /// The colour's name in the stylesheet: `good`, `waiting` or `bad`.
    pub kind: &'static str,
}

impl Badge {
    /// The state of a delivery. A pending one that was never tried is only waiting.
    pub fn of_delivery(delivery: &Delivery) -> Self {
        let (word, kind) = match delivery.state {
            DeliveryState::Pending if delivery.attempts.is_empty() => ("Waiting", "waiting"),
            DeliveryState::Pending => ("Retrying", "waiting"),
            DeliveryState::Delivered => ("Delivered", "good"),
            DeliveryState::Failed => ("Failed", "bad"),
            DeliveryState::Dead => ("Gave up", "bad"),
        };
        Self { word, kind }
    }
}
