//! Takes the white space out of the JSON documents that the Worker serves: the checked-in ones are for people to read, and 7 KB
//! more once they are compressed.

#![allow(clippy::expect_used, reason = "a fault of a document ends the build")]

use std::path::Path;
use std::{env, fs};

/// The documents, from the folder of this crate.
const DOCUMENTS: [&str; 3] = ["openapi.json", "event-types.json", "../docs/partner-webhooks.openapi.json"];

fn main() {
    let folder = env::var_os("OUT_DIR").expect("OUT_DIR");
    for document in DOCUMENTS {
        println!("cargo::rerun-if-changed={document}");
        let text = fs::read_to_string(document).expect("a document");
        let name = Path::new(document).file_name().expect("a name");
        fs::write(Path::new(&folder).join(name), compact(&text)).expect("written");
    }
}

/// A text of JSON without the white space between its tokens.
fn compact(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let mut compact = json.to_owned();
    compact.retain(|character| {
        let kept = in_string || !character.is_ascii_whitespace();
        in_string ^= character == '"' && !escaped;
        escaped = in_string && character == '\\' && !escaped;
        kept
    });
    compact
}
