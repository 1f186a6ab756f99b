//! Cursors: where the next page begins, opaque to callers.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// A place in a list. Its text carries a checksum, so that a typo is told from a cursor; it is no secret, and it
/// cannot reach what the query's own conditions leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor<T>(pub T);

/// The text is not a cursor of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a cursor from an earlier answer of the same list")]
pub struct NotACursor;

fn checksum(json: &[u8]) -> [u8; 4] {
    let digest = Sha256::new().chain_update(b"cursor").chain_update(json).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

impl<T: DeserializeOwned> Cursor<T> {
    /// Reads a cursor's text.
    ///
    /// # Errors
    /// [`NotACursor`].
    pub fn parse(text: &str) -> Result<Self, NotACursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        let (sum, json) = bytes.split_first_chunk::<4>().ok_or(NotACursor)?;
        if *sum != checksum(json) {
            return Err(NotACursor);
        }
        serde_json::from_slice(json).map(Self).map_err(|_| NotACursor)
    }
}

impl<T: Serialize> fmt::Display for Cursor<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&self.0).map_err(|_| fmt::Error)?;
        formatter.write_str(&URL_SAFE_NO_PAD.encode([checksum(&json).as_slice(), &json].concat()))
    }
}

impl<T: Serialize> Serialize for Cursor<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_and_a_changed_one_is_refused() {
        let cursor = Cursor((1_700_000_000_000_i64, "event-1".to_owned()));
        let text = cursor.to_string();
        assert_eq!(Cursor::parse(&text), Ok(cursor));
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(Cursor::<(i64, String)>::parse(&changed), Err(NotACursor), "{changed}");
        }
        for bad in ["", "!", "AAAA", &text[1..]] {
            assert_eq!(Cursor::<(i64, String)>::parse(bad), Err(NotACursor), "{bad}");
        }
    }
}
