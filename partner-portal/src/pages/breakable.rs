//! Names and URLs, which have no spaces and may break between their parts.

/// Returns `name` as HTML that may break before each capital letter, dot or underscore: `Lock<wbr>Created`.
pub fn breakable(name: &str) -> String {
    broken(name, |before, character| {
        character.is_ascii_uppercase() && before.is_ascii_lowercase() || matches!(character, '.' | '_' | '-')
    })
}

/// Returns `url` as HTML that may break after each part: `https://example.com/<wbr>webhooks`.
pub fn breakable_url(url: &str) -> String {
    broken(url, |before, character| matches!(before, '/' | '?' | '&') && character != '/')
}

/// Returns `text` as HTML that may break between two characters for which `may_break` holds.
fn broken(text: &str, may_break: impl Fn(char, char) -> bool) -> String {
    let mut html = String::with_capacity(text.len() * 2);
    let mut before = None;
    for character in text.chars() {
        if before.is_some_and(|before| may_break(before, character)) {
            html.push_str("<wbr>");
        }
        match character {
            '&' => html.push_str("&#38;"),
            '<' => html.push_str("&#60;"),
            '>' => html.push_str("&#62;"),
            '"' => html.push_str("&#34;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
        before = Some(character);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_breaks_between_its_words_only_and_is_escaped() {
        for (name, html) in [
            ("LockCreated", "Lock<wbr>Created"),
            ("RTSPCameraAdded", "RTSPCamera<wbr>Added"),
            ("key.added_now", "key<wbr>.added<wbr>_now"),
            ("<script>\"'&", "&#60;script&#62;&#34;&#39;&#38;"),
            ("", ""),
        ] {
            assert_eq!(breakable(name), html);
        }
    }

    #[test]
    fn a_url_breaks_between_its_parts_only_and_is_escaped() {
        for (url, html) in [
            (
                "https://example.com/a/b?c=1&d=2",
                "https://<wbr>example.com/<wbr>a/<wbr>b?<wbr>c=1&#38;<wbr>d=2",
            ),
            ("https://example.com/", "https://<wbr>example.com/"),
            ("/<i>", "/<wbr>&#60;i&#62;"),
        ] {
            assert_eq!(breakable_url(url), html);
        }
    }
}
