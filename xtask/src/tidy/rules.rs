//! The rules. To add one: a function here, an entry in [`RULES`], a test with a file that breaks it and one that does not.

use super::source::Source;

/// Lines, counted from one, each with what is wrong there.
type Findings = Vec<(usize, String)>;

/// Every rule.
pub(super) const RULES: [fn(&Source) -> Findings; 5] =
    [not_too_long, domain_stands_alone, open_ends_have_reasons, migrations_only_add, log_lines_are_explained];

/// The most lines of a file, so that a person reads it to the end.
const LONGEST: usize = 400;

fn not_too_long(source: &Source) -> Findings {
    let lines = source.text.lines().count();
    if lines <= LONGEST {
        return Vec::new();
    }
    vec![(lines, format!("{lines} lines are too many to read: split the file, the limit is {LONGEST}"))]
}

/// The parts of `shared` around the domain. Sealer and packing work through ports.
const AROUND_THE_DOMAIN: [&str; 6] = ["ports", "store", "app", "courier", "sealer", "packing"];

/// The nouns and their rules know nothing of how they are stored, reached or used. Which crate may use which is Cargo's to
/// say, and `deny.toml`'s.
fn domain_stands_alone(source: &Source) -> Findings {
    let Some(path) = source.path.strip_prefix("shared/src/") else { return Vec::new() };
    let module = path.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    if !source.is_rust() || ["lib", "testing"].contains(&module) || AROUND_THE_DOMAIN.contains(&module) {
        return Vec::new();
    }
    let wrong = source.paths().into_iter().filter(|(_, first, second)| {
        ["crate", "super"].contains(&first.as_str()) && AROUND_THE_DOMAIN.contains(&second.as_str())
    });
    wrong
        .map(|(line, first, second)| (line, format!("a domain file must not use {first}::{second}")))
        .collect()
}

/// Written in two parts, so that this file does not break its own rule.
const OPEN_END: &str = concat!("TO", "DO");
/// A reason is at least a few words.
const SHORTEST_REASON: usize = 12;

fn open_ends_have_reasons(source: &Source) -> Findings {
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        let Some((_, after)) = line.split_once(OPEN_END) else { continue };
        let reason = after.split_once(':').map_or("", |(_, reason)| reason).trim();
        if reason.len() < SHORTEST_REASON {
            findings.push((
                index + 1,
                format!("a {OPEN_END} needs its reason: `{OPEN_END}: why it has to wait`"),
            ));
        }
    }
    findings
}

/// The version before runs on while a migration is applied, and after a rollback: what that version reads has to stay, and
/// what that version writes has to be enough. A database's first migration has no version before it.
fn migrations_only_add(source: &Source) -> Findings {
    let Some((folder, file)) = source.path.rsplit_once('/') else { return Vec::new() };
    if folder.rsplit('/').next() != Some("migrations") || file.starts_with("0001") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (line, statement) in statements(source.text) {
        let words: Vec<&str> = statement.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let has = |word: &str| words.iter().any(|other| other.eq_ignore_ascii_case(word));
        for word in ["DROP", "RENAME"].into_iter().filter(|word| has(word)) {
            findings
                .push((line, format!("the version before goes on using it: a migration must not {word}")));
        }
        if has("ALTER") && has("ADD") && has("NOT") && !has("DEFAULT") {
            findings.push((
                line,
                "the version before does not write it: a new column that is NOT NULL needs a DEFAULT"
                    .to_owned(),
            ));
        }
    }
    findings
}

/// SQL statements with the lines where they begin, without comments and quoted text.
fn statements(text: &str) -> Vec<(usize, String)> {
    let mut statements = vec![(1, String::new())];
    for (index, line) in text.lines().enumerate() {
        let code = line.split("--").next().unwrap_or_default();
        let unquoted = code.split('\'').step_by(2).collect::<Vec<_>>().join("''");
        for (at, part) in unquoted.split(';').enumerate() {
            if at > 0 {
                statements.push((index + 1, String::new()));
            }
            let Some((start, statement)) = statements.last_mut() else { continue };
            if statement.trim().is_empty() {
                *start = index + 1;
            }
            statement.push_str(part);
            statement.push('\n');
        }
    }
    statements
}

/// The page on which operators look a log line up.
const LOG: &str = include_str!("../../../docs/log.md");
/// The code before the name of a log line.
const BEFORE_NAMES: [&str; 3] = [".line(", "\"message\":", "tag = \"message\", rename = "];

/// Whether a row of the page's tables explains this log line.
fn explained(name: &str) -> bool {
    let mut cells = LOG.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.any(|cell| cell.split(", ").any(|part| part.trim_matches('`') == name))
}

/// Every log line of the Workers is on the page.
fn log_lines_are_explained(source: &Source) -> Findings {
    let workers = ["shared", "edge", "cloudflare", "admin-api", "partner-portal", "webhook-delivery"];
    let is_worker = workers.iter().any(|part| source.is_in(&format!("{part}/src")));
    if !source.is_rust() || !is_worker || source.path.contains("/tests/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for before in BEFORE_NAMES {
        for (at, _) in source.text.match_indices(before) {
            let after = source.text[at + before.len()..].trim_start();
            let Some((name, _)) = after.strip_prefix('"').and_then(|rest| rest.split_once('"')) else {
                continue;
            };
            if !explained(name) {
                let line = source.text[..at].lines().count().max(1);
                findings.push((line, format!("the log line \"{name}\" is not in docs/log.md")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that a rule finds.
    fn lines(rule: fn(&Source) -> Findings, path: &str, text: &str) -> Vec<usize> {
        rule(&Source::new(path, text)).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn files_end_at_the_limit() {
        assert!(lines(not_too_long, "a.css", &"a\n".repeat(LONGEST)).is_empty());
        assert_eq!(lines(not_too_long, "a.css", &"a\n".repeat(LONGEST + 1)), [LONGEST + 1]);
    }

    #[test]
    fn the_domain_uses_neither_ports_nor_store_nor_app() {
        let text = "use crate::tenant::OrgId;\nuse crate::{event, ports::Clock};\nuse super::store;\nuse crate::app::App;\n";
        assert_eq!(lines(domain_stands_alone, "shared/src/webhook/url.rs", text), [2, 3, 4]);
        for outside in [
            "shared/src/app/register.rs",
            "shared/src/app.rs",
            "shared/src/store/a.rs",
            "shared/src/courier/sweep.rs",
            "shared/src/lib.rs",
            "shared/src/ports.rs",
            "shared/src/sealer.rs",
            "admin-api/src/lib.rs",
        ] {
            assert!(lines(domain_stands_alone, outside, text).is_empty(), "{outside}");
        }
    }

    #[test]
    fn migrations_take_nothing_from_the_version_before() {
        let text = "-- DROP nothing; RENAME nothing.\nALTER TABLE a ADD COLUMN b TEXT;\n\
            alter table a add column c INTEGER\n  NOT NULL DEFAULT 0;\nCREATE INDEX d ON a (b) WHERE b IS NOT NULL;\n\
            CREATE TABLE e (f TEXT NOT NULL CHECK (f <> 'drop; rename'));\n";
        assert!(lines(migrations_only_add, "migrations/0002_a.sql", text).is_empty());
        let text = "ALTER TABLE a ADD COLUMN b TEXT;\nALTER TABLE a\n  ADD c INTEGER NOT NULL;\ndrop index d; \
            ALTER TABLE a RENAME COLUMN b TO e;\nALTER TABLE a DROP COLUMN b;\n";
        for path in ["migrations/0002_a.sql", "partner-portal/migrations/0010_a.sql"] {
            assert_eq!(lines(migrations_only_add, path, text), [2, 4, 4, 5], "{path}");
        }
        for path in ["migrations/0001_a.sql", "shared/data/a.sql", "a.sql"] {
            assert!(lines(migrations_only_add, path, text).is_empty(), "{path}");
        }
    }

    #[test]
    fn every_log_line_is_in_the_runbook() {
        let known = "self.line(\"sweep\", x);\nself.line(\n    \"attempt\",\n);\njson!({\"message\": {\"type\": 1}})\n";
        assert!(lines(log_lines_are_explained, "shared/src/app/a.rs", known).is_empty());
        let unknown = "\nself.line(\n    \"never heard of\",\n);\njson!({\"message\": \"nor of this\"})\n\
            #[serde(tag = \"message\", rename = \"nor of a struct\")]\n";
        assert_eq!(lines(log_lines_are_explained, "shared/src/app/a.rs", unknown), [2, 5, 6]);
        for elsewhere in ["shared/src/app/courier/tests/a.rs", "xtask/src/a.rs", "shared/src/a.md"] {
            assert!(lines(log_lines_are_explained, elsewhere, unknown).is_empty(), "{elsewhere}");
        }
    }

    #[test]
    fn open_ends_say_why() {
        let text =
            format!("// {OPEN_END}\n// {OPEN_END}: later\n// {OPEN_END}: one shard is enough until 10 GB\n");
        assert_eq!(lines(open_ends_have_reasons, "a.rs", &text), [1, 2]);
    }
}
