//! The commands that the pages name are commands of wrangler's and of this crate, with flags that those have.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use local::process::{command, npm_bin};
use local::workspace::{files_below, root};

/// The pages that are for operators and developers.
fn pages() -> Vec<String> {
    let mut files = files_below(&root().join("docs"), &[]);
    files.extend(["README.md", "CONTRIBUTING.md", "aws/README.md"].map(|name| root().join(name)));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md"));
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// The words of each command that begins so, each command once, up to the end of its code or its comment.
fn commands(start: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for page in pages() {
        for (_, rest) in
            page.lines().flat_map(|line| line.match_indices(start).map(move |(at, _)| line.split_at(at)))
        {
            let code = rest[start.len()..].split(['`', '#', '|', ';', ')', '&', '"']).next().unwrap();
            let words: Vec<String> = code.split_whitespace().map(str::to_owned).collect();
            if !words.is_empty() {
                found.insert(words);
            }
        }
    }
    assert!(found.len() > 10, "{start}: {found:?}");
    found
}

/// The databases that an environment has.
fn databases() -> Vec<String> {
    let text = fs::read_to_string(root().join("wrangler.toml")).unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("database_name = "));
    names.map(|name| name.trim_matches('"').to_owned()).collect()
}

#[test]
fn each_command_of_wranglers_exists_with_its_flags_and_names_a_database_that_exists() {
    let databases = databases();
    let mut faults = Vec::new();
    for words in commands("npx wrangler ") {
        let plain: Vec<&str> =
            words.iter().take_while(|word| !word.starts_with('-')).map(String::as_str).collect();
        let mut wrangler = command(npm_bin("wrangler"));
        let output = wrangler.args(&plain).arg("--help").env("CI", "true").output().unwrap();
        let help = String::from_utf8_lossy(&output.stdout).into_owned();
        // `wrangler d1 info <name>`: an unknown command gets the help of the known words before it.
        let usage = help.lines().find_map(|line| line.trim().strip_prefix("wrangler ")).unwrap_or_default();
        let (values, known): (Vec<&str>, Vec<&str>) =
            usage.split(' ').partition(|word| word.starts_with(['<', '[']));
        if !plain.starts_with(&known) || plain.len() > known.len() + values.len() {
            faults.push(format!("{words:?}: wrangler knows `{usage}`"));
        }
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            if !help.contains(flag.as_str()) {
                faults.push(format!("{words:?}: {known:?} has no {flag}"));
            }
        }
        let database = plain.get(known.len()).filter(|_| known.first() == Some(&"d1"));
        if let Some(database) = database
            && !databases.iter().any(|name| name == database)
        {
            faults.push(format!("{words:?}: there is no database {database}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn each_command_of_ours_exists_with_its_flags() {
    let mut faults = Vec::new();
    for words in commands("cargo xtask ") {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask")).args(&words).arg("--help").output().unwrap();
        if !output.status.success() {
            faults.push(format!("{words:?}: {}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
