//! Files and tests that a page names as proof must be there.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// The pages whose rows name the tests that show a defence.
const PAGES: [&str; 2] = ["SECURITY.md", "docs/security-tests.md"];

/// The files and tests named by the pages that are not there, as `file:line: message`.
///
/// # Errors
///
/// When a page cannot be read.
pub(super) fn findings(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in PAGES {
        let page = fs::read_to_string(root.join(name)).with_context(|| format!("{name} cannot be read"))?;
        found.extend(missing(name, &page, |path| is_there(root, path)));
    }
    Ok(found)
}

fn missing(name: &str, page: &str, is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let gone = paths(page).into_iter().filter(|(_, path)| !is_there(path));
    gone.map(|(line, path)| format!("{name}:{line}: there is no {path}")).collect()
}

/// Returns whether there is a file, or in a file, behind `::`, a test.
#[must_use]
pub fn is_there(root: &Path, path: &str) -> bool {
    match path.split_once("::") {
        None => root.join(path).exists(),
        Some((file, test)) => {
            fs::read_to_string(root.join(file)).is_ok_and(|source| source.contains(&format!("fn {test}(")))
        }
    }
}

/// Each path of the page with its line: what stands between backticks and has a slash, as code of Rust or of JavaScript, as a
/// test of Rust, or as a folder.
fn paths(page: &str) -> Vec<(usize, &str)> {
    let is_path = |text: &&str| {
        text.contains('/')
            && !text.contains(' ')
            && (text.contains(".rs::") || [".rs", ".mjs", "/"].iter().any(|end| text.ends_with(end)))
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
        let page =
            "A word.\n| a `/login` and `x y/` | `a/b.rs`, `fuzz/` |\n`cargo xtask test`, `a/b.rs::test`";
        assert_eq!(paths(page), [(2, "a/b.rs"), (2, "fuzz/"), (3, "a/b.rs::test")]);
    }

    #[test]
    fn a_path_that_is_not_there_is_named_with_its_line() {
        let page = "one\n`a/gone.rs`, `a/there.rs`\n";
        assert_eq!(missing("A.md", page, |path| path == "a/there.rs"), ["A.md:2: there is no a/gone.rs"]);
    }

    #[test]
    fn a_test_has_to_be_in_its_file() {
        let root = local::workspace::root();
        let own = "xtask/src/tidy/named_paths.rs";
        assert!(is_there(root, &format!("{own}::a_test_has_to_be_in_its_file")));
        assert!(!is_there(root, &format!("{own}::a_test_has")));
        assert!(!is_there(root, "xtask/src/gone.rs::a_test"));
    }
}
