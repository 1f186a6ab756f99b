//! Text from outside: event types, errors, and what endpoints write. A page, a log or a terminal must show it as it is stored.

use std::fmt;
use std::fmt::Write as _;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// Text that stays on its line and shows every character of its own: line ends and tabs are spaces, and any other character
/// that moves the cursor, turns the text around or shows nothing is U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct Printable(String);

impl From<&str> for Printable {
    fn from(text: &str) -> Self {
        let printable = |character| match character {
            '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
            character if is_printable(character) => character,
            _ => char::REPLACEMENT_CHARACTER,
        };
        Self(text.chars().map(printable).collect())
    }
}

impl From<String> for Printable {
    fn from(text: String) -> Self {
        if shows_itself(&text, is_printable) { Self(text) } else { Self::from(text.as_str()) }
    }
}

impl Deref for Printable {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Printable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A value as JSON, for values that JSON can always hold. Much faster than the `Display` of a `serde_json::Value`, which asks a
/// formatter for each piece.
#[must_use]
pub fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// JSON that means the same and shows every character: those that are not printable are escaped. Line feeds stay, which are
/// white space of the JSON.
#[must_use]
pub fn printable_json(json: String) -> String {
    let stays = |character| character == '\n' || is_printable(character);
    if shows_itself(&json, stays) {
        return json;
    }
    let mut escaped = String::with_capacity(json.len() + 32);
    for character in json.chars() {
        if stays(character) {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String does not fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// Whether all characters of a text stay as they are. Nearly every text is ASCII, whose bytes are looked at much faster than
/// characters.
fn shows_itself(text: &str, stays: impl Fn(char) -> bool) -> bool {
    let beyond = text.bytes().position(|byte| !matches!(byte, b' '..=b'~')).unwrap_or(text.len());
    text.get(beyond..).is_none_or(|rest| rest.chars().all(stays))
}

/// Whether a character shows something, or is a space, and leaves cursor, line and direction alone.
#[must_use]
pub fn is_printable(character: char) -> bool {
    // Almost every character of an answer or a line of the log.
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    !redirects(character) && (is_visible(character) || character.is_whitespace())
}

/// Whether a character moves the cursor, breaks the line or changes the direction of text: control characters; marks,
/// embeddings, overrides and isolates (Unicode UAX #9); line and paragraph separators.
pub fn redirects(character: char) -> bool {
    let directs = matches!(
        character,
        '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}'
    );
    directs || character.is_control()
}

/// Whether a character shows something. White space does not, nor do control and format characters and fillers: those that
/// renderers ignore by default (Unicode property `Default_Ignorable_Code_Point`), interlinear annotation, the place of an object
/// that is not there, the empty Braille pattern, blanks of hieroglyphs and of Khitan, and what is no character at all.
pub fn is_visible(character: char) -> bool {
    let ignored = matches!(
        character,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
            | '\u{FDD0}'..='\u{FDEF}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFC}'
            | '\u{13430}'..='\u{13442}' | '\u{16FE4}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
    );
    let is_noncharacter = u32::from(character) & 0xFFFE == 0xFFFE;
    !ignored && !is_noncharacter && !character.is_whitespace() && !character.is_control()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One of each kind: C0, DEL, C1, marks, embeddings, overrides, isolates, joiners, fillers, tags, selectors.
    const UNPRINTABLE: &str = "\0\u{8}\u{b}\u{1b}\u{7f}\u{80}\u{9b}\u{9d}\u{ad}\u{61c}\u{200b}\u{200d}\u{200e}\u{202a}\u{202e}\
        \u{2060}\u{2066}\u{2069}\u{206f}\u{3164}\u{fe0f}\u{feff}\u{fff9}\u{fffc}\u{ffff}\u{13441}\u{16fe4}\u{e0041}\u{e01ef}";

    #[test]
    fn ordinary_text_stays_as_it_is() {
        for text in ["", "not found", "naïve «ü» 名前 😀 e\u{301}", "<b>&amp;</b> \\u001b[2J \\ud800"]
        {
            assert_eq!(&*Printable::from(text), text);
            assert_eq!(printable_json(text.to_owned()), text);
        }
    }

    #[test]
    fn what_moves_the_cursor_or_hides_text_is_replaced() {
        for character in UNPRINTABLE.chars() {
            assert_eq!(&*Printable::from(format!("a{character}b")), "a\u{fffd}b", "{character:?}");
        }
        assert_eq!(&*Printable::from("a\nb\r\tc\u{85}\u{2028}\u{2029}d"), "a b  c   d");
        assert_eq!(serde_json::from_str::<Printable>(r#""a\u001bb""#).unwrap(), Printable::from("a\u{1b}b"));
    }

    #[test]
    fn json_is_escaped_and_means_the_same() {
        let value = serde_json::json!({ UNPRINTABLE: format!("{UNPRINTABLE}\n\u{2028}") });
        let text = value.to_string();
        let escaped = printable_json(text);
        assert!(escaped.chars().all(is_printable), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
        assert_eq!(printable_json("{\n  \"a\": \"\u{9b}\"\n}".to_owned()), "{\n  \"a\": \"\\u009b\"\n}");
    }

    proptest! {
        #[test]
        fn any_text_becomes_printable_and_stays_so(text: String) {
            let once = Printable::from(text);
            prop_assert!(once.chars().all(is_printable));
            prop_assert_eq!(Printable::from(&*once), once.clone());
        }
    }
}
