//! The forms of a secret in which pages, logs and debuggers write what they were sent.

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use secrecy::{ExposeSecret, SecretString};

/// A text that a secret may be written as.
pub(super) struct Form {
    pub(super) text: SecretString,
    /// What may stand between two characters, besides white space.
    pub(super) separators: &'static str,
}

/// A secret in the forms that are looked for: with the characters that its base64 has wherever the secret stands in the
/// encoded text.
pub(super) fn forms(secret: &SecretString) -> Vec<Form> {
    let text = secret.expose_secret();
    let each = |write: fn(u8) -> String| text.bytes().map(write).collect::<String>();
    let mut forms = Vec::new();
    let mut add = |text: String, separators: &'static str| {
        let text = SecretString::from(text);
        let known = forms.iter().any(|form: &Form| form.text.expose_secret() == text.expose_secret());
        if !known {
            forms.push(Form { text, separators });
        }
    };
    add(text.to_owned(), "");
    add(text.chars().rev().collect(), "");
    add(hex::encode(text), ":-,");
    add(each(|byte| format!("0x{byte:02x}")), ",");
    add(each(|byte| byte.to_string()), ",");
    // What is encoded as a whole is often JSON.
    let json = text.replace('\\', "\\\\").replace('"', "\\\"");
    for text in [text, &json] {
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend(text.bytes());
            for alphabet in [&STANDARD, &URL_SAFE] {
                add(inner_base64(&bytes, before, alphabet), "");
            }
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
