//! What an endpoint wrote beside a failure, without the webhook's secrets: endpoints echo what they were sent.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use secrecy::{ExposeSecret, SecretString};

/// What stands in a secret's place.
const BLANK: &str = "[secret]";
/// A secret's beginning of this many characters, where the text is cut, counts as the secret.
const SHORTEST_BEGINNING: usize = 4;
/// Where an escape of a URL, of JSON or of HTML begins.
const ESCAPING: [char; 3] = ['%', '\\', '&'];
/// The longest way in which HTML names a character: `quot;`, or `#x22;`.
const LONGEST_NAME: usize = 5;
/// The names that HTML has for the characters of its own syntax.
const NAMED: [(&str, char); 5] =
    [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&apos;", '\'')];

/// Blanks these secrets (of visible ASCII) in a text, each in every spelling: as it is, as JSON, HTML or a URL escape it,
/// within base64 of either alphabet, and cut off by the end of the text.
#[must_use]
pub fn without_secrets(text: &str, secrets: &[SecretString]) -> String {
    let wanted: Vec<SecretString> = secrets.iter().flat_map(forms).collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        // Few places of a text can be the beginning of a secret: the others are not looked at further.
        let begins = |secret: &&str| ESCAPING.contains(&character) || secret.starts_with(character);
        let possible = wanted.iter().map(SecretString::expose_secret).filter(begins);
        let end = possible.filter_map(|secret| end_of(&text[at..], secret)).max();
        match end {
            Some(_) => kept.push_str(BLANK),
            None => kept.push(character),
        }
        at += end.unwrap_or(character.len_utf8());
    }
    kept
}

/// A secret, and the characters that its base64 has wherever the secret stands in the encoded text.
fn forms(secret: &SecretString) -> Vec<SecretString> {
    let mut forms = vec![secret.clone()];
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend(secret.expose_secret().bytes());
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

/// Where a secret ends that the text begins with, if it does.
fn end_of(text: &str, secret: &str) -> Option<usize> {
    let mut characters = secret.chars();
    // A set: a token of backslashes can be read in more ways than there is time for.
    let mut ends: BTreeSet<usize> = spellings(text, characters.next()?).collect();
    for (before, wanted) in characters.enumerate() {
        if ends.is_empty() {
            break;
        }
        if before + 1 >= SHORTEST_BEGINNING && ends.iter().any(|end| is_cut(&text[*end..])) {
            return Some(text.len());
        }
        let longer = |end| spellings(&text[end..], wanted).map(move |length| end + length);
        ends = ends.into_iter().flat_map(longer).collect();
    }
    ends.last().copied()
}

/// Whether nothing is left of a text, or a spelling that does not end.
fn is_cut(rest: &str) -> bool {
    match rest.as_bytes() {
        [] | [b'\\'] => true,
        [b'%', rest @ ..] => rest.len() < 2,
        [b'\\', b'u', rest @ ..] => rest.len() < 4,
        [b'&', rest @ ..] => rest.len() < LONGEST_NAME && !rest.contains(&b';'),
        _ => false,
    }
}

/// The lengths of the spellings of a character that a text begins with.
fn spellings(text: &str, wanted: char) -> impl Iterator<Item = usize> + use<> {
    let is = |code: Option<u32>| code == Some(u32::from(wanted));
    let hexadecimal = |digits: &str| u32::from_str_radix(digits, 16).ok();
    let digits = |from: usize, to: usize| text.get(from..to).and_then(hexadecimal);
    let raw = text.starts_with(wanted).then_some(wanted.len_utf8());
    let url = (text.starts_with('%') && is(digits(1, 3))).then_some(3);
    let json = text.strip_prefix('\\').is_some_and(|rest| rest.starts_with(wanted)).then_some(2);
    let unicode = (text.starts_with("\\u") && is(digits(2, 6))).then_some(6);
    let named = NAMED.iter().find(|(name, character)| *character == wanted && text.starts_with(name));
    let html = named.map(|(name, _)| name.len()).or_else(|| {
        let (number, _) = text.strip_prefix("&#")?.split_once(';')?;
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => hexadecimal(digits),
            None => number.parse().ok(),
        };
        is(code).then_some(number.len() + 3)
    });
    [raw, url, json, unicode, html].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose as base64;
    use proptest::prelude::*;

    const TOKEN: &str = r#"a+b/c"d<e>&f'g%41\u0041=h~i"#;

    fn shown(text: &str) -> String {
        without_secrets(text, &[TOKEN.to_owned().into()])
    }

    #[test]
    fn a_text_without_secrets_stays_as_it_is() {
        for text in ["", "not found", "100 % & <b>ü\\u00fc", "&#", "%", "&#x;", "\\", "a+b/d"] {
            assert_eq!(shown(text), text);
        }
    }

    #[test]
    fn every_spelling_is_blanked() {
        let json = serde_json::to_string(TOKEN).unwrap().trim_matches('"').to_owned();
        let numbers = |radix: fn(char) -> String| TOKEN.chars().map(radix).collect::<String>();
        let spellings = [
            TOKEN.to_owned(),
            json.replace('/', "\\/"),
            json,
            TOKEN.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
            numbers(|character| format!("&#{};", u32::from(character))),
            numbers(|character| format!("&#x{:X};", u32::from(character))),
            numbers(|character| format!("%{:02X}", u32::from(character))),
            numbers(|character| format!("%{:02x}", u32::from(character))),
            numbers(|character| format!("\\u{:04x}", u32::from(character))),
        ];
        for spelling in spellings {
            assert_eq!(shown(&format!("sent: {spelling}.")), "sent: [secret].", "{spelling}");
        }
    }

    #[test]
    fn a_secret_in_base64_is_blanked_wherever_it_stands_in_the_encoded_text() {
        for before in ["", "x", "Bearer ", "user:"] {
            for engine in [base64::STANDARD, base64::URL_SAFE] {
                let echoed = engine.encode(format!("{before}{TOKEN}, and so on"));
                let blanked = shown(&echoed);
                assert!(blanked.contains(BLANK), "{blanked}");
                // At most the characters at the ends, which tell a few bits, are left.
                let left = echoed.len() - (blanked.len() - BLANK.len());
                assert!(left >= TOKEN.len() * 4 / 3 - 2, "{blanked}");
            }
        }
    }

    #[test]
    fn a_secret_cut_off_by_the_end_is_blanked() {
        for length in SHORTEST_BEGINNING..TOKEN.len() {
            assert_eq!(shown(&format!("got {}", &TOKEN[..length])), "got [secret]");
        }
        assert_eq!(shown("got a%2Bb%2Fc%2"), "got [secret]");
        assert_eq!(shown("got a+b/c&quo"), "got [secret]");
    }

    #[test]
    fn a_token_that_can_be_read_in_many_ways_is_blanked_soon() {
        let token = SecretString::from("\\".repeat(512));
        assert_eq!(without_secrets(&"\\".repeat(1_024), &[token]), BLANK);
    }

    proptest! {
        #[test]
        fn no_text_breaks_it_and_none_shows_the_secret(before in ".{0,80}", after in ".{0,80}", token in "[!-~]{16,64}") {
            let blanked = without_secrets(&format!("{before}{token}{after}"), &[token.clone().into()]);
            prop_assert!(!blanked.contains(&token), "{blanked}");
        }
    }
}
