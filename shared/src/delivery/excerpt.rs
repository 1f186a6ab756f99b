//! What an endpoint wrote beside a failure, without the webhook's secrets: endpoints echo what they were sent.

use std::sync::{Mutex, PoisonError};

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use self::decoded::Wanted;
use self::forms::forms;
use self::readings::Readings;
use self::search::{Pattern, Search};

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

/// So many texts are remembered: an endpoint in trouble writes the same again and again.
const MOST_REMEMBERED: usize = 4;

/// Takes secrets (of visible ASCII) out of texts. To make one takes about as long as to look through a text, so keep it for all texts of
/// an endpoint.
pub struct Redactor {
    patterns: Vec<Pattern>,
    wanted: Wanted,
    /// The latest texts, each with what was made of the text.
    remembered: Mutex<Vec<(Zeroizing<String>, String)>>,
}

impl Redactor {
    /// A redactor for these secrets.
    #[must_use]
    pub fn of(secrets: &[SecretString]) -> Self {
        let patterns = secrets.iter().flat_map(forms).map(|form| Pattern::of(&form)).collect();
        Self { patterns, wanted: Wanted::of(secrets), remembered: Mutex::default() }
    }

    /// Blanks the secrets in a text, each in every form that is common: as it is, backwards, in hexadecimal, as
    /// a list of character codes, as a dump of bytes with offsets and characters beside them, in base58, within base64 of either alphabet; each
    /// in either case, escaped for a URL, JSON, HTML or mail, also twice, broken into lines; and cut off by the beginning or the end
    /// of the text. Where decoders, one behind another, still find a secret, nothing of the text is kept.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, redacted)) = remembered.iter().find(|(known, _)| **known == *text) {
            return redacted.clone();
        }
        let redacted = self.redact_anew(text);
        if remembered.len() == MOST_REMEMBERED {
            remembered.remove(0);
        }
        remembered.push((Zeroizing::new(text.to_owned()), redacted.clone()));
        redacted
    }

    fn redact_anew(&self, text: &str) -> String {
        let readings = Readings::of(text);
        let (mut search, mut found) = (Search::through(&readings), Vec::new());
        for pattern in &self.patterns {
            search.find(pattern, &mut found);
        }
        let mut blank = vec![false; text.len()];
        for part in found {
            blank.get_mut(part).unwrap_or_default().fill(true);
        }
        let (mut kept, mut rest) = (String::with_capacity(text.len()), String::with_capacity(text.len()));
        let mut at = 0;
        // Parts that meet become one.
        for run in blank.chunk_by(|one, next| one == next) {
            let part = &text[at..at + run.len()];
            at += run.len();
            let is_blank = run[0];
            kept.push_str(if is_blank { BLANK } else { part });
            rest.push_str(if is_blank { " " } else { part });
        }
        if decoded::shows(&rest, &self.wanted) { WITHHELD.to_owned() } else { kept }
    }
}

#[cfg(test)]
mod tests;
