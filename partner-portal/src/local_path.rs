//! Where to go after sign-in: a place of ours and nothing else.

/// The longest path that is kept.
const LONGEST: usize = 512;

/// The path, if it is a local one; `/` otherwise.
pub fn local_path(text: &str) -> &str {
    // Browsers take `//host` and `/\host` for another host, and leave out tabs and line feeds.
    let local = text.starts_with('/')
        && !text[1..].starts_with(['/', '\\'])
        && text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if local { text } else { "/" }
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
