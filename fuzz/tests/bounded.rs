//! Each target of the fuzzer with its corpus, and with a bounded number of inputs that are made of the corpus.

#![allow(clippy::unwrap_used, reason = "a test fails where a file cannot be read")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use fuzz::TARGETS;
use shared::environment::Environment;
use shared::webhook::url::WebhookUrl;

/// Inputs for each target, beside its corpus.
const INPUTS: u32 = 3_000;

/// Texts that parsers trip over.
const WORDS: [&str; 24] = [
    "{",
    "}",
    "\"",
    "\\u0000",
    "\\ud800",
    ":",
    "//",
    "@",
    "#",
    "?",
    "%2e",
    "%00",
    "127.0.0.1",
    "[::1]",
    ".",
    "-",
    "_",
    "=",
    ";",
    "xn--",
    "\u{202e}",
    "\u{ff0e}",
    "\0",
    "9999999999999999999",
];

/// Numbers that are the same at each run (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(high).unwrap() % limit.max(1)
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| fs::read(file).unwrap()).collect()
}

/// Another input, made of the corpus by a few changes.
fn changed(corpus: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut input = corpus[numbers.below(corpus.len())].clone();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(input.len() + 1);
        let to = at + numbers.below((input.len() - at).min(16) + 1);
        match numbers.below(5) {
            0 => drop(input.splice(at..to, [])),
            1 => drop(input.splice(at..at, WORDS[numbers.below(WORDS.len())].bytes())),
            2 => drop(input.splice(at..to, [u8::try_from(numbers.below(256)).unwrap()])),
            3 => drop(input.splice(at..at, input[at..to].to_vec())),
            _ => {
                let other = &corpus[numbers.below(corpus.len())];
                let from = numbers.below(other.len() + 1);
                drop(input.splice(at.., other[from..].iter().copied()));
            }
        }
    }
    input
}

#[test]
fn every_target_holds_for_its_corpus_and_for_what_is_made_of_it() {
    for target in TARGETS {
        let corpus = corpus(target.name);
        assert!(corpus.len() >= 4, "the corpus of {} is a beginning", target.name);
        corpus.iter().for_each(|input| (target.run)(input));
        let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
        (0..INPUTS).for_each(|_| (target.run)(&changed(&corpus, &mut numbers)));
    }
}

/// The runtime parses URLs with the library ada, and so does Node: whatever we accept has to mean the same host there.
#[test]
fn node_reads_the_same_host_in_every_url_that_we_accept() {
    const READ: &str = "const lines = require('fs').readFileSync(0, 'utf8').split('\\n').filter(Boolean);
        for (const line of lines) {
            const { raw, href, origin } = JSON.parse(line);
            const url = new URL(raw);
            if (url.origin !== origin || new URL(href).origin !== origin || url.username + url.password + url.hash !== '') {
                console.log(raw, '|', href, '|', url.href);
                process.exitCode = 1;
            }
        }
        console.log(lines.length);";
    let corpus = corpus("webhook_url");
    let mut numbers = Numbers(0x0123_4567_89AB_CDEF);
    let rules = Environment::Prod.webhook_url_rules();
    let mut lines = Vec::new();
    for _ in 0..20_000 {
        let input = changed(&corpus, &mut numbers);
        let Ok(raw) = std::str::from_utf8(&input) else { continue };
        if let Ok(url) = WebhookUrl::parse(raw, &rules) {
            let origin = url.as_str().split('/').take(3).collect::<Vec<_>>().join("/");
            lines.push(serde_json::json!({"raw": raw, "href": url.as_str(), "origin": origin}).to_string());
        }
    }
    assert!(lines.len() > 500, "{} URLs are enough to say something", lines.len());

    let mut node = Command::new("node");
    let mut node = node.args(["-e", READ]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    node.stdin.take().unwrap().write_all(lines.join("\n").as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.trim(), lines.len().to_string());
}
