use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use proptest::prelude::*;
use url::quirks::domain_to_ascii;

use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/public-suffixes.txt");

/// The rules that the crate `psl` is made of, in ASCII.
fn rules() -> Vec<String> {
    let metadata =
        Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--locked"]).output();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.unwrap().stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let manifest =
        packages.find(|package| package["name"] == "psl").unwrap()["manifest_path"].as_str().unwrap();
    let rules =
        std::fs::read_to_string(Path::new(manifest).with_file_name("data").join("rules.txt")).unwrap();
    let ascii = |label: &str| if matches!(label, "*") { label.to_owned() } else { domain_to_ascii(label) };
    let in_ascii = |rule: &str| match rule.strip_prefix('!') {
        Some(name) => format!("!{}", domain_to_ascii(name)),
        None => rule.split('.').map(ascii).collect::<Vec<_>>().join("."),
    };
    rules.lines().map(in_ascii).collect()
}

#[derive(Default)]
struct Node {
    is_suffix: bool,
    is_excepted: bool,
    below: BTreeMap<String, Node>,
}

impl Node {
    fn write(&self, label: &str) -> String {
        let exception = if self.is_excepted { "!" } else { "" };
        let interior = if self.is_suffix || self.is_excepted { "" } else { "~" };
        let below: Vec<_> = self.below.iter().map(|(label, node)| node.write(label)).collect();
        let below = if below.is_empty() { String::new() } else { format!("({})", below.join(",")) };
        format!("{exception}{label}{interior}{below}")
    }
}

fn table(rules: &[String]) -> String {
    let mut root = Node::default();
    for rule in rules {
        let name = rule.trim_start_matches('!');
        let node =
            name.rsplit('.').fold(&mut root, |node, label| node.below.entry(label.to_owned()).or_default());
        (node.is_suffix, node.is_excepted) = (name == rule, name != rule);
    }
    let lines: Vec<_> = root.below.iter().map(|(label, node)| node.write(label)).collect();
    format!("{}\n", lines.join("\n"))
}

#[test]
fn the_table_is_the_list_of_the_crate_psl() {
    let table = table(&rules());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(FILE, &table).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap();
    assert!(kept == table, "write the table anew: UPDATE=1 cargo test -p shared public_host");
}

#[test]
fn every_rule_makes_a_suffix_and_every_name_below_is_none() {
    for rule in rules() {
        let (name, is_suffix) = match rule.strip_prefix('!') {
            Some(name) => (name.to_owned(), false),
            None => (rule.replace('*', "a--a"), true),
        };
        let expected = if is_suffix { SuffixMatch::Suffix } else { SuffixMatch::Below };
        assert_eq!(Suffixes::PUBLIC.place_of(&name), expected, "{rule}");
        assert_eq!(
            of_psl(&format!("b--b.{name}")),
            Suffixes::PUBLIC.place_of(&format!("b--b.{name}")),
            "below {rule}"
        );
    }
}

#[test]
fn names_are_placed() {
    for (name, place) in [
        ("com", SuffixMatch::Suffix),
        ("co.uk", SuffixMatch::Suffix),
        ("github.io", SuffixMatch::Suffix),
        ("s3.amazonaws.com", SuffixMatch::Suffix),
        ("anything.ck", SuffixMatch::Suffix),
        ("xn--p1ai", SuffixMatch::Suffix),
        ("za", SuffixMatch::Suffix),
        ("ck", SuffixMatch::Suffix),
        ("co.za", SuffixMatch::Suffix),
        ("a.za", SuffixMatch::Below),
        ("www.ck", SuffixMatch::Below),
        ("amazonaws.com", SuffixMatch::Below),
        ("example.com", SuffixMatch::Below),
        ("a.b.example.co.uk", SuffixMatch::Below),
        ("partner.github.io", SuffixMatch::Below),
        ("host.lan", SuffixMatch::Unknown),
        ("host.zz", SuffixMatch::Unknown),
        ("host.", SuffixMatch::Unknown),
        ("", SuffixMatch::Unknown),
    ] {
        assert_eq!(Suffixes::PUBLIC.place_of(name), place, "{name}");
    }
}

/// How a name stands by the crate `psl`, which calls a suffix known only where a rule of its own makes it one: `za` has none,
/// yet is a top-level domain of the list.
fn of_psl(name: &str) -> SuffixMatch {
    static TOPS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
        rules().iter().filter_map(|rule| Some(rule.rsplit('.').next()?.to_owned())).collect()
    });
    let suffix = psl::suffix(name.as_bytes()).unwrap();
    let is_listed = name.rsplit('.').next().is_some_and(|top| TOPS.contains(top));
    match (is_listed, suffix.as_bytes() == name.as_bytes()) {
        (false, _) => SuffixMatch::Unknown,
        (true, true) => SuffixMatch::Suffix,
        (true, false) => SuffixMatch::Below,
    }
}

proptest! {
    #[test]
    fn any_name_is_placed_as_the_crate_psl_does(name in "([a-z]{1,3}\\.){1,4}(com|uk|jp|ck|kobe\\.jp|no|io|za|er|amazonaws\\.com|zz|[a-z]{2})") {
        prop_assert_eq!(Suffixes::PUBLIC.place_of(&name), of_psl(&name), "{}", name);
    }
}
