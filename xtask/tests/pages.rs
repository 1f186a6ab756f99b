//! The commands that the pages name are commands of wrangler's and of this crate, with flags that those have.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use local::process::{command, npm_bin};
use local::workspace::{files_below, root};
use shared::testing::prices::Operations;

/// The pages that are for operators and developers, and the workflows, which run the same commands.
fn pages() -> Vec<String> {
    let mut files = files_below(&root().join("docs"), &[]);
    files.extend(files_below(&root().join(".github/workflows"), &[]));
    files.extend(["README.md", "CONTRIBUTING.md", "aws/README.md"].map(|name| root().join(name)));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "md" || extension == "yml"));
    let read = |file: &PathBuf| fs::read_to_string(file).unwrap();
    files.iter().map(|file| read(file).replace("\"$TO\" $GRADUAL", "stage --gradual")).collect()
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

/// The help that wrangler prints for these words without flags.
fn help(plain: &[&str]) -> String {
    let mut wrangler = command(npm_bin("wrangler"));
    let output = wrangler.args(plain).arg("--help").env("CI", "true").output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is wrong with a command of wrangler's.
fn faults(words: &[String], databases: &[String]) -> Vec<String> {
    let plain: Vec<&str> =
        words.iter().take_while(|word| !word.starts_with('-')).map(String::as_str).collect();
    let help = help(&plain);
    let mut faults = Vec::new();
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
    faults
}

#[test]
fn each_command_of_wranglers_exists_with_its_flags_and_names_a_database_that_exists() {
    let (databases, commands) = (databases(), commands("npx wrangler "));
    let commands = Mutex::new(commands.into_iter());
    // wrangler takes a second to start: as many at a time as there are cores.
    let ask = || -> Vec<String> {
        let next = || commands.lock().unwrap().next();
        std::iter::from_fn(next).flat_map(|words| faults(&words, &databases)).collect()
    };
    let cores = thread::available_parallelism().unwrap().get();
    let faults: Vec<String> = thread::scope(|scope| {
        let asking: Vec<_> = (0..cores).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().flat_map(|asked| asked.join().unwrap()).collect()
    });
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What an event costs that comes singly and is delivered at once, in a batch of so many, as docs/first-day.md has it.
fn of_an_event(batch: f64) -> Operations {
    Operations {
        requests: 1.0 + 1.0 / batch,
        cpu_milliseconds: 1.2,
        queue_operations: 3.0,
        rows_read: 6.0,
        rows_written: 3.0 + 2.0 / batch,
        stored_byte_days: 84.0 * 30.0 + 400.0,
        data_points: 1.0,
        log_lines: 2.0 / batch,
        ..Operations::default()
    }
}

#[test]
fn the_first_days_costs_follow_from_the_prices_and_the_counts() {
    let page = fs::read_to_string(root().join("docs/first-day.md")).unwrap();
    let fixed = 2.0 * of_an_event(2.0).total() - of_an_event(1.0).total();
    let by_batch = of_an_event(1.0).total() - fixed;
    let formula = format!("{:.2} + {:.2}/*b*", fixed * 1e6, by_batch * 1e6);
    assert!(page.contains(&formula), "{formula}");
    for (a_second, batch) in [(1.0, 1.0), (35.0, 35.0), (300.0, 100.0)] {
        let events = a_second * 365.25 / 12.0 * 86_400.0;
        let parts = of_an_event(batch).dollars();
        let sum = |wanted: fn(&str) -> bool| -> f64 {
            parts.iter().filter(|(name, _)| wanted(name)).map(|(_, dollars)| dollars * events).sum()
        };
        let d1 = sum(|name| name.starts_with("D1"));
        let queues = sum(|name| name == "Queues");
        let rest = sum(|name| !name.starts_with("D1") && name != "Queues");
        let dollars = [d1, queues, rest, d1 + queues + rest + 5.0].map(|dollars| format!("{dollars:.0} $"));
        let start = format!("| {a_second} | {batch} | {:.1} million |", events / 1e6);
        let row = format!("{start} {} |", dollars.join(" | "));
        assert!(page.replace(',', "").contains(&row), "{row}");
    }
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
