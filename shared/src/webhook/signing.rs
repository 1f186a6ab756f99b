//! Signatures by the Standard Webhooks specification, symmetric scheme `v1`: HMAC-SHA256 over
//! `<webhook-id>.<webhook-timestamp>.<body>`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use hmac::digest::generic_array::GenericArray;
use hmac::{Hmac, Mac as _};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use sha2::{Digest as _, Sha256};

use super::id::WebhookId;

/// What every secret's text starts with.
const PREFIX: &str = "whsec_";

/// The key's length in bytes, by the specification ("Signature scheme").
const KEY_LENGTH: std::ops::RangeInclusive<usize> = 24..=64;

/// SHA-256's block: keys of HMAC are padded to it with zeros (RFC 2104 §2).
const BLOCK: usize = 64;

/// A webhook's signing secret: 24 to 64 bytes, written `whsec_` and base64. Never printed, never serialised
/// by itself.
#[derive(Debug, Clone)]
pub struct SigningSecret(SecretSlice<u8>);

/// The text is not a signing secret. It does not say what the text was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be whsec_ followed by the base64 of 24 to 64 bytes")]
pub struct SigningSecretFault;

impl SigningSecret {
    /// Reads a secret from its text, in standard base64 with its padding.
    ///
    /// # Errors
    ///
    /// [`SigningSecretFault`] whatever is wrong.
    pub fn parse(text: &str) -> Result<Self, SigningSecretFault> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SigningSecretFault)?;
        let key = SecretSlice::from(STANDARD.decode(encoded).map_err(|_| SigningSecretFault)?);
        if KEY_LENGTH.contains(&key.expose_secret().len()) { Ok(Self(key)) } else { Err(SigningSecretFault) }
    }

    /// Makes a new secret of 32 random bytes.
    #[must_use]
    pub fn generate(random: [u8; 32]) -> Self {
        Self(SecretSlice::from(random.to_vec()))
    }

    /// The secret's text, for the one response that shows it and for encryption.
    #[must_use]
    pub fn expose(&self) -> SecretString {
        format!("{PREFIX}{}", self.encoded().expose_secret()).into()
    }

    fn encoded(&self) -> SecretString {
        STANDARD.encode(self.0.expose_secret()).into()
    }

    /// Every text that is enough to sign with, to be hidden wherever it shows: the secret without its prefix and padding, in
    /// either alphabet; and the key in hexadecimal, as a list of bytes and, where it can be, as text.
    pub(crate) fn texts(&self) -> Vec<SecretString> {
        let key = self.0.expose_secret();
        let bytes: Vec<String> = key.iter().map(u8::to_string).collect();
        let mut texts = vec![
            STANDARD.encode(key),
            STANDARD_NO_PAD.encode(key),
            URL_SAFE_NO_PAD.encode(key),
            hex::encode(key),
            bytes.join(","),
        ];
        if key.iter().all(u8::is_ascii_graphic) {
            texts.push(String::from_utf8_lossy(key).into_owned());
        }
        texts.into_iter().map(SecretString::from).collect()
    }

    /// Whether both are the same secret. Digests are compared, so that the time says nothing of either.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Sha256::digest(self.0.expose_secret()) == Sha256::digest(other.0.expose_secret())
    }

    /// Whether whoever reads this text has the secret: it holds the key itself, or its base64 in either alphabet.
    #[must_use]
    pub fn is_within(&self, text: &str) -> bool {
        let key = self.0.expose_secret();
        let standard = text.replace('-', "+").replace('_', "/");
        standard.contains(&STANDARD_NO_PAD.encode(key))
            || text.as_bytes().windows(key.len()).any(|part| part == key)
    }

    fn sign(&self, webhook_id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
        // Padded here, since only a whole block makes an HMAC that cannot fail.
        let mut block = Zeroizing::new([0; BLOCK]);
        for (padded, byte) in block.iter_mut().zip(self.0.expose_secret()) {
            *padded = *byte;
        }
        let mut mac = Hmac::<Sha256>::new(GenericArray::from_slice(block.as_slice()));
        mac.update(format!("{webhook_id}.{timestamp_seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The header `webhook-signature`: one signature by each secret, separated by spaces, so that a receiver may
/// know the old or the new one while a rotation overlaps. The timestamp is in seconds since 1970, as in
/// `webhook-timestamp`.
#[must_use]
pub fn signature(
    secrets: &[&SigningSecret],
    webhook_id: &str,
    timestamp_seconds: i64,
    body: &[u8],
) -> String {
    let signatures: Vec<_> =
        secrets.iter().map(|secret| secret.sign(webhook_id, timestamp_seconds, body)).collect();
    signatures.join(" ")
}

/// The context that a webhook's signing secret is sealed with: see [`crate::sealer::Sealer::seal`].
pub fn secret_context(webhook_id: &WebhookId) -> String {
    format!("webhook-secret:{webhook_id}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn the_specification_s_published_vector_is_reproduced() {
        let secret = SigningSecret::parse(SECRET).unwrap();
        let signature =
            signature(&[&secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn two_secrets_make_two_signatures_in_their_order() {
        let (old, new) = (SigningSecret::generate([1; 32]), SigningSecret::generate([2; 32]));
        let both = signature(&[&new, &old], "id", 1, b"{}");
        assert_eq!(
            both,
            format!("{} {}", signature(&[&new], "id", 1, b"{}"), signature(&[&old], "id", 1, b"{}"))
        );
    }

    #[test]
    fn a_secret_survives_its_text() {
        assert_eq!(SigningSecret::parse(SECRET).unwrap().expose().expose_secret(), SECRET);
        let text = SigningSecret::generate([0xff; 32]).expose();
        assert_eq!(text.expose_secret(), "whsec_//////////////////////////////////////////8=");
        assert!(SigningSecret::parse(text.expose_secret()).is_ok());
    }

    #[test]
    fn secrets_of_24_to_64_bytes_are_accepted() {
        let of_length =
            |length: usize| SigningSecret::parse(&format!("whsec_{}", STANDARD.encode(vec![7; length])));
        for length in [0, 1, 23, 65, 1000] {
            assert!(of_length(length).is_err(), "{length}");
        }
        for length in 24..=64 {
            assert!(of_length(length).is_ok(), "{length}");
        }
    }

    #[test]
    fn other_spellings_of_a_secret_are_refused() {
        for text in [
            "",
            "whsec_",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ",
            "whsec_ MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZI\no2LaLaSw",
            "whsec_//////////////////////////////////////////8",
            "whsec_//////////////////////////////////////////9=",
            "whsec_______________________________________________8=",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS\u{ff37}",
        ] {
            assert!(SigningSecret::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn neither_debug_nor_the_fault_shows_the_secret() {
        let debug = format!(
            "{:?} {:?}",
            SigningSecret::parse(SECRET).unwrap(),
            SigningSecret::parse("whsec_hunter2")
        );
        assert!(
            !debug.contains("MfKQ") && !debug.contains("hunter2") && debug.contains("REDACTED"),
            "{debug}"
        );
    }

    fn secret() -> impl Strategy<Value = SigningSecret> {
        prop::collection::vec(any::<u8>(), KEY_LENGTH)
            .prop_map(|key| SigningSecret::parse(&format!("whsec_{}", STANDARD.encode(key))).unwrap())
    }

    proptest! {
        /// The Standard Webhooks project's own library agrees, for keys of every length.
        #[test]
        fn another_library_signs_the_same(secret in secret(), id in "[!-~]{1,64}", at: i64, body: String) {
            let theirs = standardwebhooks::Webhook::new(secret.expose().expose_secret()).unwrap();
            let theirs = theirs.sign(&id, at, body.as_bytes()).unwrap();
            prop_assert_eq!(signature(&[&secret], &id, at, body.as_bytes()), theirs);
        }

        #[test]
        fn a_change_of_anything_changes_the_signature(secret in secret(), at in 0..i64::MAX, body: Vec<u8>) {
            let signed = signature(&[&secret], "id", at, &body);
            let mut longer = body.clone();
            longer.push(b' ');
            prop_assert_ne!(&signed, &signature(&[&secret], "id", at, &longer));
            prop_assert_ne!(&signed, &signature(&[&secret], "id", at + 1, &body));
            prop_assert_ne!(&signed, &signature(&[&secret], "other", at, &body));
            prop_assert_ne!(&signed, &signature(&[&SigningSecret::generate([0; 32])], "id", at, &body));
        }
    }
}
