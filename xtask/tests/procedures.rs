//! Each procedure of `docs/operations.md`, and the splitting of shards in `docs/scaling.md`, is played by a test, or stands here with the reason why it cannot be.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use std::fs;

use local::workspace::root;
use xtask::tidy::is_there;

/// How a procedure is known to work.
enum Shown {
    /// A test reads the procedure's commands or requests out of the page, and plays them: the test's file and name.
    Played(&'static str, &'static str),
    /// The procedure's text says how the system behaves; a test shows that: the test's file and name.
    Behaves(&'static str, &'static str),
    /// No test can play the procedure, for this reason.
    Unplayed(&'static str),
}

use Shown::{Behaves, Played, Unplayed};

const SCENARIOS: &str = "tests/scenarios/procedures.rs";
const RUNBOOK: &str = "xtask/tests/deployment/runbook.rs";
const DEPLOYING: &str = "xtask/tests/deployment/deploying.rs";

/// Each procedure's beginning on the page.
const PROCEDURES: [(&str, Shown); 23] = [
    ("## Setting up and deploying", Behaves(DEPLOYING, "a_deployment_goes_on_after_a_failure")),
    (
        "**Going back.**",
        Played(RUNBOOK, "an_earlier_version_runs_again_and_secrets_wait_for_the_next_deployment"),
    ),
    ("## Alerts", Unplayed("a reference; what tells is tested where it is")),
    ("## What to do", Unplayed("the heading of the procedures below")),
    (
        "**Misconfigured.**",
        Behaves(
            "tests/scenarios/misconfiguration.rs",
            "a_misconfigured_worker_refuses_everything_and_loses_nothing",
        ),
    ),
    (
        "**EventBridge's destination is failing.**",
        Played(SCENARIOS, "what_eventbridge_could_not_deliver_is_replayed_as_the_page_says"),
    ),
    ("**Replaying a day**", Unplayed("the archive is AWS's")),
    ("**Queue backlog.**", Unplayed("nothing to type: where to look, in Cloudflare's dashboard")),
    ("**D1 is overloaded.**", Unplayed("Cloudflare's load, dashboard and consumers cannot be had locally")),
    (
        "**D1 reads, but cannot write**",
        Behaves(
            "tests/scenarios/outages.rs",
            "a_database_that_refuses_costs_no_event_and_repeats_none_more_than_once",
        ),
    ),
    ("**D1 is full**", Unplayed("a database of 10 GB cannot be had locally")),
    ("**KV is stale or down.**", Unplayed("the local KV is neither")),
    (
        "**Auth0 is down.**",
        Unplayed("a day without Auth0 cannot be played; unit tests of `edge` play the keys that are kept"),
    ),
    ("**Dead letters.**", Played(SCENARIOS, "dead_letters_are_requeued_as_the_page_says")),
    (
        "**Secrets are not opened.**",
        Behaves(
            "shared/src/courier/tests/seal_anew.rs",
            "everything_is_sealed_anew_and_delivery_goes_on_without_the_previous_key",
        ),
    ),
    (
        "**A partner's webhook is disabled or failing.**",
        Played(SCENARIOS, "a_disabled_webhook_is_enabled_and_sent_what_it_missed_as_the_page_says"),
    ),
    (
        "**Somebody gets 429.**",
        Behaves(
            "admin-api/tests/rate_limit.rs",
            "made_up_keys_cost_the_database_nothing_once_there_were_too_many",
        ),
    ),
    ("**A partner leaves.**", Played(SCENARIOS, "a_partner_who_leaves_gets_nothing_more_as_the_page_says")),
    ("**A key has leaked.**", Played(SCENARIOS, "what_has_leaked_is_worth_nothing_at_once_as_the_page_says")),
    ("## Restoring D1", Played(RUNBOOK, "a_database_is_restored_with_all_writes_stopped")),
    ("## Rotating secrets", Played(RUNBOOK, "each_secret_is_rotated_by_the_pages_steps")),
    (
        "## Splitting shards",
        Played("xtask/tests/deployment/databases.rs", "shards_are_split_by_the_pages_commands"),
    ),
    ("**More messages.**", Unplayed("the local stack has as many Queues as the wrangler files bind")),
];

/// The beginnings of sections and of paragraphs with a bold title.
fn titles(page: &str) -> Vec<&str> {
    let lines = page.lines().filter_map(|line| {
        if line.starts_with("## ") {
            return Some(line);
        }
        let end = line.strip_prefix("**")?.find("**")?;
        line.get(..end + 4)
    });
    lines.collect()
}

#[test]
fn each_procedure_is_played_or_says_why_not() {
    let read = |name: &str| fs::read_to_string(root().join("docs").join(name)).unwrap();
    let scaling = read("scaling.md");
    let (_, splitting) = scaling.split_once("\n## Splitting shards").unwrap();
    let splitting = splitting.split("\n## ").next().unwrap();
    let page = read("operations.md") + "\n## Splitting shards" + splitting;
    let known: Vec<&str> = PROCEDURES.iter().map(|(title, _)| *title).collect();
    for title in titles(&page) {
        assert!(known.contains(&title), "{title} is neither played nor excused in this file");
    }
    for (title, shown) in PROCEDURES.iter() {
        assert!(titles(&page).contains(title), "there is no {title} any more");
        let (file, test) = match shown {
            Unplayed(reason) => {
                assert!(!reason.is_empty(), "{title}");
                continue;
            }
            Played(file, test) | Behaves(file, test) => (file, test),
        };
        assert!(is_there(root(), &format!("{file}::{test}")), "{title}: {file} has no test {test}");
        if matches!(shown, Played(..)) {
            let source = fs::read_to_string(root().join(file)).unwrap();
            assert!(
                source.contains(&format!("\"{title}\"")),
                "{title}: {test} does not read it out of the page"
            );
        }
    }
}
