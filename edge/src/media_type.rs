//! Media types, as RFC 9110 section 8.3.1 writes them. (Of the parsers on crates.io, `mime` takes no white space before
//! `;`, and `mediatype` no empty parameter.)

/// A media type. Type, subtype and names of parameters are in lower case.
#[derive(Debug, PartialEq, Eq)]
pub struct MediaType {
    essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads the value of `Content-Type`; `None` if the value is no media type.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = token(trim(text))?;
        let (subtype, mut rest) = token(rest.strip_prefix('/')?)?;
        let mut parameters = Vec::new();
        loop {
            rest = trim(rest);
            if rest.is_empty() {
                break;
            }
            rest = trim(rest.strip_prefix(';')?);
            // A list of parameters may have empty elements (section 5.6.6).
            if rest.is_empty() || rest.starts_with(';') {
                continue;
            }
            let (name, after_name) = token(rest)?;
            let value = after_name.strip_prefix('=')?;
            let (value, after_value) = match value.strip_prefix('"') {
                Some(quoted) => unquoted(quoted)?,
                None => token(value).map(|(value, rest)| (value.to_owned(), rest))?,
            };
            parameters.push((name.to_ascii_lowercase(), value));
            rest = after_value;
        }
        Some(Self { essence: format!("{kind}/{subtype}").to_ascii_lowercase(), parameters })
    }

    /// Whether this is `essence` (such as `application/json`) in UTF-8: without `charset`, or with `charset=utf-8` once.
    pub fn is_utf_8(&self, essence: &str) -> bool {
        let mut charsets = self.parameters.iter().filter(|(name, _)| name == "charset");
        let charset = charsets.next();
        self.essence == essence
            && charset.is_none_or(|(_, value)| value.eq_ignore_ascii_case("utf-8"))
            && charsets.next().is_none()
    }
}

/// Takes away optional white space.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// The token (section 5.6.2) that a text begins with, and the rest.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let length = text.bytes().take_while(|byte| is_token(*byte)).count();
    (length > 0).then(|| text.split_at(length))
}

/// The text of a quoted string (section 5.6.4) behind its opening quote, and the rest.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next().map(|(_, escaped)| escaped).filter(is_quotable)?),
            other => value.push(Some(other).filter(is_quotable)?),
        }
    }
    None
}

fn is_quotable(character: &char) -> bool {
    *character == '\t' || !character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_json(text: &str) -> bool {
        MediaType::parse(text).is_some_and(|media_type| media_type.is_utf_8("application/json"))
    }

    #[test]
    fn every_way_to_write_json_is_read() {
        for text in [
            "application/json",
            "Application/JSON",
            " application/json\t",
            "application/json;charset=utf-8",
            "application/json ; charset=UTF-8",
            "application/json\t;\tcharset=utf-8",
            "application/json; charset=\"utf-8\"",
            "application/json; charset=\"u\\tf-8\"",
            "application/json;",
            "application/json ; ; charset=utf-8;",
            "application/json; CHARSET=utf-8",
            "application/json; profile=\"a;b=\\\"c\\\"\"; charset=utf-8",
            "application/json; v=1",
        ] {
            assert!(is_json(text), "{text:?}");
        }
    }

    #[test]
    fn whatever_else_is_not() {
        for text in [
            "",
            ";",
            "json",
            "application/",
            "/json",
            "application /json",
            "application/ json",
            "text/json",
            "application/jsonp",
            "application/json+x",
            "application/json charset=utf-8",
            "application/json, application/json",
            "application/json; charset",
            "application/json; charset=",
            "application/json; charset =utf-8",
            "application/json; charset= utf-8",
            "application/json; charset=latin1",
            "application/json; charset=utf-8; charset=latin1",
            "application/json; charset=\"utf-8",
            "application/json; charset=\"utf-8\"x",
            "application/json; charset='utf-8'",
            "application/json; x=\"\u{1}\"",
            "application/json; =x",
        ] {
            assert!(!is_json(text), "{text:?}");
        }
    }
}
