//! A source file as the rules see it.

/// A file with its path from the repository's root, in forward slashes.
pub(super) struct Source<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

impl<'a> Source<'a> {
    pub(super) fn new(path: &'a str, text: &'a str) -> Self {
        Self { path, text }
    }

    /// Whether the file lies in this folder.
    pub(super) fn is_in(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    pub(super) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The paths that Rust code names, such as `crate::ports` for `use crate::{ports::Clock, tenant}`: pairs of the
    /// first segment and the second, with the line. Comments do not count. A chain of `super` is one segment.
    pub(super) fn paths(&self) -> Vec<(usize, String, String)> {
        let tokens = tokens(self.text);
        let mut paths = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let (line, first) = &tokens[at];
            let starts_here = is_name(first)
                && token(&tokens, at + 1) == "::"
                && (at == 0 || token(&tokens, at - 1) != "::");
            if starts_here {
                let mut next = at + 2;
                while token(&tokens, next) == "super" && token(&tokens, next + 1) == "::" {
                    next += 2;
                }
                if token(&tokens, next) == "{" {
                    paths.extend(group(&tokens, next).map(|(line, second)| (line, first.clone(), second)));
                } else {
                    paths.push((*line, first.clone(), token(&tokens, next).to_owned()));
                }
            } else if first == "use" && is_name(token(&tokens, at + 1)) && token(&tokens, at + 2) != "::" {
                // `use worker;` and `use worker as w;` name no second segment.
                paths.push((*line, token(&tokens, at + 1).to_owned(), String::new()));
            }
            at += 1;
        }
        paths
    }
}

/// The first names in the `{…}` group that begins at `open`, without groups inside.
fn group(tokens: &[(usize, String)], open: usize) -> impl Iterator<Item = (usize, String)> {
    let mut names = Vec::new();
    let mut depth = 0;
    for at in open..tokens.len() {
        match token(tokens, at) {
            "{" => depth += 1,
            "}" => depth -= 1,
            name if depth == 1 && is_name(name) && matches!(token(tokens, at - 1), "{" | ",") => {
                names.push(tokens[at].clone());
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names.into_iter()
}

fn token(tokens: &[(usize, String)], at: usize) -> &str {
    tokens.get(at).map_or("", |(_, text)| text)
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Names, `::` and other single characters, with their lines. Line comments and white space are left out.
fn tokens(text: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut rest = line.split("//").next().unwrap_or_default().trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if is_name(rest) {
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (taken, left) = rest.split_at(length);
            tokens.push((index + 1, taken.to_owned()));
            rest = left.trim_start();
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<(usize, String, String)> {
        Source::new("a.rs", text).paths()
    }

    #[test]
    fn plain_paths_and_groups_are_found() {
        let found = paths(
            "use crate::{\n    ports::{Clock, Random},\n    tenant,\n};\nlet x = super::super::store::get();\n",
        );
        let expected = [(2, "crate", "ports"), (3, "crate", "tenant"), (5, "super", "store")];
        for (line, first, second) in expected {
            assert!(
                found.contains(&(line, first.to_owned(), second.to_owned())),
                "{first}::{second} in {found:?}"
            );
        }
    }

    #[test]
    fn comments_do_not_count() {
        assert!(paths("// crate::ports is for others\n/// See `crate::app`.\n").is_empty());
    }

    #[test]
    fn a_crate_may_be_imported_without_a_path() {
        assert_eq!(paths("use worker as w;"), [(1, "worker".to_owned(), String::new())]);
    }
}
