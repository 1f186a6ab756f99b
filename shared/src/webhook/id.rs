//! A webhook's id.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::shard::Bucket;

/// A webhook's id: a UUID, written in lower case with hyphens (RFC 9562).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookId(Uuid);

/// A text is no UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID")]
pub struct WebhookIdFault;

impl WebhookId {
    /// An id of these random bytes, in this bucket: its first byte.
    pub fn from_random_bytes(bucket: Bucket, mut bytes: [u8; 16]) -> Self {
        bytes[0] = bucket.0;
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// The bucket of the webhook's tenant.
    pub fn bucket(&self) -> Bucket {
        Bucket(self.0.as_bytes()[0])
    }

    /// Reads a UUID in either case.
    ///
    /// # Errors
    /// [`WebhookIdFault`].
    pub fn parse(text: &str) -> Result<Self, WebhookIdFault> {
        // With hyphens only: the other spellings that the library reads are not ours.
        let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
        text.parse().ok().filter(|_| hyphenated).map(Self).ok_or(WebhookIdFault)
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl FromStr for WebhookId {
    type Err = WebhookIdFault;

    fn from_str(text: &str) -> Result<Self, WebhookIdFault> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_in_either_case_and_written_in_lower_case() {
        let id = WebhookId::parse("0B8D5A0E-6F5B-4C0C-9A43-6A3F0F0C2B7E").unwrap();
        assert_eq!(id.to_string(), "0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e");
        for text in ["", "0b8d5a0e6f5b4c0c9a436a3f0f0c2b7e", "{0b8d5a0e-6f5b-4c0c-9a43-6a3f0f0c2b7e}", "w"] {
            assert_eq!(WebhookId::parse(text), Err(WebhookIdFault), "{text}");
        }
    }
}
