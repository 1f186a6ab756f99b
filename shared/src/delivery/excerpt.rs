//! What an endpoint wrote beside a failure, without the webhook's secrets: endpoints echo what they were sent.

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use secrecy::{ExposeSecret, SecretString};

use self::readings::Readings;

mod readings;

/// What stands in a secret's place.
const BLANK: &str = "[secret]";
/// This many characters of a secret count as the secret, where the text begins or ends within the secret.
const SHORTEST_PART: usize = 4;

/// Blanks these secrets (of visible ASCII) in a text, each in every form: as it is, backwards, in hexadecimal, as a list of
/// character codes, within base64 of either alphabet; each in either case, escaped for a URL, JSON, HTML or mail, also
/// twice, broken into lines; and cut off by the beginning or the end of the text.
#[must_use]
pub fn without_secrets(text: &str, secrets: &[SecretString]) -> String {
    let wanted: Vec<SecretString> = secrets.iter().flat_map(forms).collect();
    let readings = Readings::of(text);
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        // Few places of a text can be the beginning of a secret: the others are not looked at further.
        let begins = |secret: &&str| secret.chars().next().is_some_and(|first| readings.may_be(at, first));
        let whole = wanted.iter().map(SecretString::expose_secret).filter(begins);
        let whole = whole.filter_map(|secret| end_of(&readings, at, secret));
        let cut = wanted
            .iter()
            .filter(|_| at == 0)
            .filter_map(|secret| end_of_tail(&readings, secret.expose_secret()));
        match whole.chain(cut).max() {
            Some(end) => {
                kept.push_str(BLANK);
                at = end;
            }
            None => {
                kept.push(character);
                at += character.len_utf8();
            }
        }
    }
    kept
}

/// A secret in the forms that are looked for: with the characters that its base64 has wherever the secret stands in the
/// encoded text.
fn forms(secret: &SecretString) -> Vec<SecretString> {
    let text = secret.expose_secret();
    let codes: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
    let mut forms: Vec<SecretString> = vec![
        secret.clone(),
        text.chars().rev().collect::<String>().into(),
        hex::encode(text).into(),
        codes.join(",").into(),
    ];
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend(text.bytes());
        for alphabet in [&STANDARD, &URL_SAFE] {
            forms.push(inner_base64(&bytes, before, alphabet).into());
        }
    }
    forms
}

/// The base64 of bytes without the characters at both ends that depend on the neighbours too.
fn inner_base64(bytes: &[u8], before: usize, alphabet: &Alphabet) -> String {
    let encoded = GeneralPurpose::new(alphabet, NO_PAD).encode(bytes);
    // Six bits a character: those that a byte before, or after, has a share in.
    let (first, last) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    encoded[first..last].to_owned()
}

/// Where a secret ends that begins at a place of the text, if one does.
fn end_of(readings: &Readings, at: usize, secret: &str) -> Option<usize> {
    let mut ends = vec![at];
    for (before, wanted) in secret.chars().enumerate() {
        if before >= SHORTEST_PART && ends.iter().any(|end| readings.is_cut(*end)) {
            return Some(readings.length());
        }
        ends = readings.ends(&ends, wanted);
        if ends.is_empty() {
            return None;
        }
    }
    ends.into_iter().max()
}

/// Where a secret ends that the text begins within.
fn end_of_tail(readings: &Readings, secret: &str) -> Option<usize> {
    let shortest_begins = secret.len().saturating_sub(SHORTEST_PART);
    let mut ends = Vec::new();
    for (before, wanted) in secret.chars().enumerate().skip(1) {
        if before <= shortest_begins {
            ends.push(0);
        }
        ends = readings.ends(&ends, wanted);
    }
    ends.into_iter().max()
}

#[cfg(test)]
mod tests;
