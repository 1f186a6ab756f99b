//! Paths: of ours, and nothing else.

/// The longest path that is kept.
const LONGEST: usize = 512;

/// Where to go after sign-in: the path, if it is a local one; `/` otherwise.
pub fn local_path(text: &str) -> &str {
    // Browsers take `//host` and `/\host` for another host, and leave out tabs and line feeds.
    let local = text.starts_with('/')
        && !text[1..].starts_with(['/', '\\'])
        && text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if local { text } else { "/" }
}

/// A text as one segment of a path.
pub fn path_segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_ours_is_kept() {
        for good in ["/", "/dashboard", "/deliveries/a%2Fb?x=1&y=//z", "/:80", "/@host"] {
            assert_eq!(local_path(good), good);
        }
    }

    #[test]
    fn a_text_stays_one_segment() {
        assert_eq!(path_segment("a-B_1.~"), "a-B_1.~");
        assert_eq!(path_segment("../x?y#z ä"), "..%2Fx%3Fy%23z%20%C3%A4");
    }

    #[test]
    fn anything_else_is_the_front_page() {
        for bad in [
            "",
            "dashboard",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/\n/evil.example",
            " /",
            "/a b",
            "/ä",
            "/a\\b",
            &format!("/{}", "a".repeat(512)),
        ] {
            assert_eq!(local_path(bad), "/", "{bad:?}");
        }
    }
}
