//! Envelopes packed for the database, which is bounded by room: DEFLATE makes JSON a half to a fifth as long, of a batch's
//! envelopes together a tenth.

use crate::event::id::EventId;
use crate::ports::{CompressionError, Compressor};
use crate::shared_text::SharedText;
use crate::tenant::OrgId;

/// An envelope as the database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packed {
    /// Raw DEFLATE of the text, and the text's length in bytes.
    Deflated {
        /// What DEFLATE makes of the text.
        bytes: Vec<u8>,
        /// Bytes of the text.
        length: usize,
    },
    /// The text itself, where DEFLATE makes it no shorter or is not at hand.
    Text(SharedText),
}

impl Packed {
    /// Packs an envelope.
    pub async fn pack(compressor: &dyn Compressor, text: &SharedText) -> Self {
        match compressor.deflate(text.as_bytes()).await {
            Ok(bytes) if bytes.len() < text.len() => Self::Deflated { bytes, length: text.len() },
            Ok(_) | Err(_) => Self::Text(text.clone()),
        }
    }

    /// Unpacks the envelope.
    ///
    /// # Errors
    /// [`CompressionError`]: the bytes are not what was packed.
    pub async fn unpack(self, compressor: &dyn Compressor) -> Result<SharedText, CompressionError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Deflated { bytes, .. } => text(compressor.inflate(&bytes).await?),
        }
    }

    /// Bytes of the envelope's text.
    pub fn length(&self) -> usize {
        match self {
            Self::Deflated { length, .. } => *length,
            Self::Text(text) => text.len(),
        }
    }
}

fn text(bytes: Vec<u8>) -> Result<SharedText, CompressionError> {
    String::from_utf8(bytes).map(Into::into).map_err(|_| CompressionError)
}

/// An event and its envelope, of a batch that was delivered at once.
pub type DeliveredBody = (OrgId, EventId, SharedText);

/// Packs the envelopes of a batch together: a line of JSON that says of each its tenant, its event and its length, and then the
/// envelopes as they are.
///
/// # Errors
/// [`CompressionError`].
pub async fn pack_all(
    compressor: &dyn Compressor,
    bodies: &[DeliveredBody],
) -> Result<Vec<u8>, CompressionError> {
    let index: Vec<_> =
        bodies.iter().map(|(org_id, event_id, body)| (org_id, event_id, body.len())).collect();
    let mut text = serde_json::to_string(&index).map_err(|_| CompressionError)?;
    text.push('\n');
    text.extend(bodies.iter().map(|(_, _, body)| body.as_ref()));
    compressor.deflate(text.as_bytes()).await
}

/// Unpacks the envelopes of a batch.
///
/// # Errors
/// [`CompressionError`]: the bytes are not what was packed.
pub async fn unpack_all(
    compressor: &dyn Compressor,
    deflated: &[u8],
) -> Result<Vec<DeliveredBody>, CompressionError> {
    let text = text(compressor.inflate(deflated).await?)?;
    let (index, mut rest) = text.split_once('\n').ok_or(CompressionError)?;
    let index: Vec<(OrgId, EventId, usize)> = serde_json::from_str(index).map_err(|_| CompressionError)?;
    let mut bodies = Vec::with_capacity(index.len());
    for (org_id, event_id, length) in index {
        let (body, after) = rest.split_at_checked(length).ok_or(CompressionError)?;
        bodies.push((org_id, event_id, text.part(body)));
        rest = after;
    }
    if rest.is_empty() { Ok(bodies) } else { Err(CompressionError) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Deflate;

    #[tokio::test]
    async fn what_was_packed_comes_back_and_only_what_gets_shorter_is_deflated() {
        let long: SharedText = "{\"name\": \"value\"}".repeat(60).into();
        let packed = Packed::pack(&Deflate, &long).await;
        assert!(
            matches!(&packed, Packed::Deflated { bytes, length: 1020 } if bytes.len() < 100),
            "{packed:?}"
        );
        assert_eq!(packed.unpack(&Deflate).await, Ok(long));
        let short: SharedText = "{}".into();
        assert_eq!(Packed::pack(&Deflate, &short).await, Packed::Text(short));
        let odd = Packed::Deflated { bytes: vec![7, 7, 7], length: 3 };
        assert_eq!(odd.unpack(&Deflate).await, Err(CompressionError));
    }

    #[tokio::test]
    async fn envelopes_packed_together_keep_their_bytes() {
        let body = |id: &str| -> DeliveredBody {
            (
                OrgId::parse("acme-corp").unwrap(),
                EventId::parse(id).unwrap(),
                format!(" {{\"id\" : \"{id}\",\n\"ü\":1.50}} ").into(),
            )
        };
        let bodies = [body("e-1"), body("e-2")];
        let packed = pack_all(&Deflate, &bodies).await.unwrap();
        assert_eq!(unpack_all(&Deflate, &packed).await.unwrap(), bodies);
        let none: [DeliveredBody; 0] = [];
        let packed = pack_all(&Deflate, &none).await.unwrap();
        assert_eq!(unpack_all(&Deflate, &packed).await.unwrap(), none);
    }

    #[tokio::test]
    async fn what_was_packed_otherwise_is_refused() {
        for odd in [
            "",
            "[]",
            "[]\nx",
            "nonsense\n",
            "[[\"acme-corp\",\"e-1\",3]]\n{}",
            "[[\"acme-corp\",\"e-1\",1]]\n{}",
            "[[\"acme-corp\",\"e-1\",1]]\n\u{fc}",
        ] {
            let packed = Deflate.deflate(odd.as_bytes()).await.unwrap();
            assert_eq!(unpack_all(&Deflate, &packed).await, Err(CompressionError), "{odd:?}");
        }
    }
}
