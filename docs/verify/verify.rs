//! Verifies a webhook request, with the crates base64 0.22, hmac 0.12 and sha2 0.10.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Fails unless the request is ours. `header` gives a header's value; the body is its bytes as they came: parse them
/// afterwards. `now` is in seconds since 1970.
pub fn verify<'a>(
    secret: &str,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
    now: i64,
) -> Result<(), &'static str> {
    let required = |name| header(name).ok_or("a webhook header is missing");
    let (id, timestamp) = (required("webhook-id")?, required("webhook-timestamp")?);
    let seconds: i64 = timestamp.parse().map_err(|_| "the timestamp is not a number")?;
    if now.abs_diff(seconds) > 300 {
        return Err("the timestamp is more than five minutes away");
    }
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).map_err(|_| "the secret is not base64")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| "the secret is no key")?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    // Several signatures while rotated secrets overlap: one that fits will do. The comparison takes constant time.
    let given = required("webhook-signature")?.split(' ').filter_map(|text| text.strip_prefix("v1,"));
    let mut given = given.filter_map(|text| STANDARD.decode(text).ok());
    if given.any(|signature| mac.clone().verify_slice(&signature).is_ok()) {
        Ok(())
    } else {
        Err("the signature is wrong")
    }
}
