//! Files that a page names as proof must be there.

use std::path::Path;

use anyhow::{Context, Result};

/// The page whose rows name the tests that show a defence.
const PAGE: &str = "SECURITY.md";

/// The paths in the page that are not there, as `file:line: message`.
///
/// # Errors
///
/// When the page cannot be read.
pub(super) fn findings(root: &Path) -> Result<Vec<String>> {
    let page = std::fs::read_to_string(root.join(PAGE)).with_context(|| format!("{PAGE} cannot be read"))?;
    Ok(missing(&page, |path| root.join(path).exists()))
}

fn missing(page: &str, is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let gone = paths(page).into_iter().filter(|(_, path)| !is_there(path));
    gone.map(|(line, path)| format!("{PAGE}:{line}: there is no {path}")).collect()
}

/// Each path of the page with its line: what stands between backticks and has a slash, as code of Rust or of JavaScript, or as
/// a folder.
fn paths(page: &str) -> Vec<(usize, &str)> {
    let is_path = |text: &&str| {
        text.contains('/')
            && !text.contains(' ')
            && [".rs", ".mjs", "/"].iter().any(|end| text.ends_with(end))
    };
    page.lines()
        .enumerate()
        .flat_map(|(line, text)| {
            text.split('`').skip(1).step_by(2).filter(is_path).map(move |path| (line + 1, path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stand_between_backticks() {
        let page = "A word.\n| a `/login` and `x y/` | `a/b.rs`, `fuzz/` |\n`cargo xtask test`";
        assert_eq!(paths(page), [(2, "a/b.rs"), (2, "fuzz/")]);
    }

    #[test]
    fn a_path_that_is_not_there_is_named_with_its_line() {
        let page = "one\n`a/gone.rs`, `a/there.rs`\n";
        assert_eq!(missing(page, |path| path == "a/there.rs"), ["SECURITY.md:2: there is no a/gone.rs"]);
    }
}
