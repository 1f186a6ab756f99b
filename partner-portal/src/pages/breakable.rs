//! Names without spaces that may break between their words.

/// Returns `name` as HTML that may break before each capital letter, dot or underscore: `Lock<wbr>Created`.
pub fn breakable(name: &str) -> String {
    let mut html = String::with_capacity(name.len() * 2);
    let mut before = None;
    for character in name.chars() {
        let begins = character.is_uppercase() && before.is_some_and(char::is_lowercase)
            || matches!(character, '.' | '_' | '-');
        if begins && before.is_some() {
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
}
