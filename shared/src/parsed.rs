//! Domain texts as fields of JSON: each is read by its own `parse`, and refused with what that says.

use serde::{Deserialize, Deserializer, de};

use crate::cursor::Cursor;
use crate::page::{Limit, Offset};
use crate::tenant::{EmailAddress, OrgName};
use crate::webhook::authentication::AuthToken;
use crate::webhook::filter::EventFilter;
use crate::webhook::signing::SigningSecret;

macro_rules! parsed {
    ($($type:ty)*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
            }
        }
    )*};
}

parsed! { AuthToken EmailAddress Limit Offset OrgName SigningSecret }

impl<'de, T: de::DeserializeOwned> Deserialize<'de> for Cursor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for EventFilter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
