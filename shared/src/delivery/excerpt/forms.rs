//! The forms of a secret in which pages, logs and debuggers write what they were sent.

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

/// A text that a secret may be written as.
pub(super) struct Form {
    pub(super) text: SecretString,
    /// What may stand between two characters, besides white space.
    pub(super) separators: &'static str,
    /// Whether a dump of bytes has the form among its numbers, and not in the column of characters beside them.
    pub(super) is_numbers: bool,
}

/// A secret in the forms that are looked for: with the characters that its base64 has wherever the secret stands in the
/// encoded text.
pub(super) fn forms(secret: &SecretString) -> Vec<Form> {
    let text = secret.expose_secret();
    let each = |write: fn(u8) -> String| text.bytes().map(write).collect::<String>();
    let mut forms = Vec::new();
    let mut add = |text: String, separators: &'static str, is_numbers: bool| {
        let text = SecretString::from(text);
        let known = forms.iter().any(|form: &Form| form.text.expose_secret() == text.expose_secret());
        if !known {
            forms.push(Form { text, separators, is_numbers });
        }
    };
    add(text.to_owned(), "", false);
    add(text.chars().rev().collect(), "", false);
    add(hex::encode(text), ":-,", true);
    add(each(|byte| format!("0x{byte:02x}")), ",", true);
    add(each(|byte| byte.to_string()), ",", true);
    add(each(|byte| format!("{byte:03o}")), ",", true);
    // UTF-16, whichever byte of a character comes first.
    add(each(|byte| format!("{byte:02x}00")).trim_end_matches("00").to_owned(), ":-,", true);
    // Words of 16 bits, as `od -x` and `hexdump` write them: the second byte of each comes first.
    for begin in 0..2.min(text.len()) {
        add(
            text.as_bytes()[begin..].chunks_exact(2).map(|pair| hex::encode([pair[1], pair[0]])).collect(),
            "",
            true,
        );
    }
    // A number to a base that is no power of two has no parts: only the whole is known.
    for before in ["", "Bearer "] {
        add(base58(format!("{before}{text}").as_bytes()), "", false);
    }
    // What is encoded as a whole is often JSON.
    let json = text.replace('\\', "\\\\").replace('"', "\\\"");
    for text in [text, &json] {
        for before in 0..3 {
            let mut bytes = vec![0; before];
            bytes.extend(text.bytes());
            for alphabet in [&STANDARD, &URL_SAFE] {
                add(inner_base64(&bytes, before, alphabet), "", false);
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

/// Bytes as one number to the base 58, in the digits of Bitcoin. (No byte of a secret is zero.)
fn base58(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut number: Zeroizing<Vec<u32>> = Zeroizing::default();
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in number.iter_mut() {
            carry += *digit << 8;
            *digit = carry % 58;
            carry /= 58;
        }
        while carry > 0 {
            number.push(carry % 58);
            carry /= 58;
        }
    }
    let mut text = String::with_capacity(number.len());
    for digit in number.iter().rev() {
        text.push(char::from(DIGITS[*digit as usize]));
    }
    text
}
