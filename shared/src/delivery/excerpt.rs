//! What an endpoint wrote beside a failure, without the webhook's secrets: endpoints echo what they were sent.

use secrecy::SecretString;

use self::forms::forms;
use self::readings::Readings;
use self::search::Search;

mod decoded;
mod dump;
mod forms;
mod plain;
mod rare;
mod readings;
mod search;

/// What stands in a secret's place.
const BLANK: &str = "[secret]";
/// What stands in the place of a text that shows a secret to whoever decodes the text.
const WITHHELD: &str = "[withheld: the text repeats a secret of the webhook in some encoding]";

/// Blanks these secrets (of visible ASCII) in a text, each in every form that is common: as it is, backwards, in hexadecimal, as
/// a list of character codes, as a dump of bytes with offsets and characters beside them, in base58, within base64 of either alphabet; each
/// in either case, escaped for a URL, JSON, HTML or mail, also twice, broken into lines; and cut off by the beginning or the end
/// of the text. Where decoders, one behind another, still find a secret, nothing of the text is kept.
#[must_use]
pub fn without_secrets(text: &str, secrets: &[SecretString]) -> String {
    let readings = Readings::of(text);
    let (mut search, mut found) = (Search::through(&readings), Vec::new());
    for form in secrets.iter().flat_map(forms) {
        search.find(&form, &mut found);
    }
    found.sort_unstable_by_key(|part| part.start);
    let (mut kept, mut rest) = (String::with_capacity(text.len()), String::with_capacity(text.len()));
    let mut at = 0;
    for part in found {
        // Parts that meet become one.
        if part.start > at || kept.is_empty() && part.start == 0 {
            kept.push_str(&text[at..part.start]);
            rest.push_str(&text[at..part.start]);
            kept.push_str(BLANK);
            rest.push(' ');
        }
        at = at.max(part.end);
    }
    kept.push_str(&text[at..]);
    rest.push_str(&text[at..]);
    if decoded::shows(&rest, secrets) { WITHHELD.to_owned() } else { kept }
}

#[cfg(test)]
mod tests;
