//! The dashboard's card with the API key.

use std::time::Duration;

use shared::tenant::Tenant;
use shared::time::Timestamp;

use super::moment::Moment;
use crate::unread_key::UnreadKey;

/// A key is said to expire soon for this much time before it does: 14 days.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// What the card shows.
pub struct KeyCard {
    /// The key that nobody has read yet, if this browser may read one.
    pub unread: Option<Unread>,
    /// The key of the organization.
    pub state: KeyState,
}

/// A key that was issued here and that nobody has read yet.
pub enum Unread {
    /// The person can reveal the key.
    Waiting {
        /// The time until which they can.
        until: Moment,
    },
    /// Another rotation has ended the key already.
    Replaced,
}

/// The key of an organization.
pub enum KeyState {
    /// A key that works.
    Active(Box<MaskedKey>),
    /// The last key has expired, and there is no other.
    Expired(Moment),
    /// There is no key.
    None,
}

/// A key as everybody may see it.
pub struct MaskedKey {
    /// `3f9a1b2c…7d4e`
    pub masked: String,
    /// The time when the key was issued.
    pub issued: Moment,
    /// The person who had the key issued.
    pub by: String,
    /// The time when the key expires by itself, if it does.
    pub expires: Option<Moment>,
    /// Whether that is soon.
    pub expires_soon: bool,
}

impl KeyCard {
    /// Shows the key of `tenant`. `expired` is the time when its last key expired; `unread` was read before `tenant` was.
    pub fn new(
        tenant: &Tenant,
        unread: Option<UnreadKey>,
        expired: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let active = tenant.api_key.as_ref();
        let unread = unread.map(|unread| {
            if active.is_some_and(|key| key.masked == unread.masked) {
                Unread::Waiting { until: Moment::new(unread.expires_at(), now) }
            } else {
                Unread::Replaced
            }
        });
        let state = match (active, expired) {
            (Some(key), _) => KeyState::Active(Box::new(MaskedKey {
                masked: key.masked.clone(),
                issued: Moment::new(key.created_at, now),
                by: key.created_by.clone(),
                expires: key.expires_at.map(|end| Moment::new(end, now)),
                expires_soon: key.expires_at.is_some_and(|end| end <= now.plus(SOON)),
            })),
            // The Admin API asked its clock later than `now`.
            (None, Some(end)) => KeyState::Expired(Moment::new(end, now.max(end))),
            (None, None) => KeyState::None,
        };
        Self { unread, state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_has_expired_does_not_expire_in_a_moment() {
        let now = Timestamp::from_milliseconds(1_000);
        let tenant = Tenant {
            org_id: "acme-corp".into(),
            org_name: "ACME".into(),
            owner_email: "owner@acme-corp.example".into(),
            created_at: now,
            created_by: "owner@acme-corp.example".into(),
            api_key: None,
            webhook_count: 0,
        };
        for (end, distance) in [(400, "just now"), (1_400, "just now")] {
            let card = KeyCard::new(&tenant, None, Some(Timestamp::from_milliseconds(end)), now);
            assert!(matches!(card.state, KeyState::Expired(end) if end.distance == distance), "{end}");
        }
    }
}
