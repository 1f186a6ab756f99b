//! Renders the partners' guide (`docs/partners.md`) as HTML, so that the Worker carries no Markdown parser.

#![allow(clippy::panic, clippy::expect_used, reason = "a fault of the guide ends the build")]

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// The guide, from the folder of this crate.
const GUIDE: &str = "../docs/partners.md";
/// The document that describes every event type: the Admin API serves the document.
const DOCUMENT: &str = "partner-webhooks.openapi.json";
/// The text in the guide that stands for the origin of the Admin API: the portal puts the origin of its environment there.
const ADMIN_API: &str = "https://admin-api.example";
/// The folder of the code that verifies signatures: the guide's page has the code itself.
const SNIPPETS: &str = "verify/";

/// A part of the guide, from one heading of the second level to the next.
#[derive(Default)]
struct Section<'a> {
    id: String,
    title: String,
    events: Vec<Event<'a>>,
}

fn main() {
    println!("cargo::rerun-if-changed={GUIDE}");
    let text = fs::read_to_string(GUIDE).expect("the guide");
    let sections = sections(&text);
    let mut code = String::from("[\n");
    for Section { id, title, events } in sections {
        let mut rendered = String::new();
        html::push_html(&mut rendered, events.into_iter());
        writeln!(code, "    Section {{ id: {id:?}, title: {title:?}, html: {rendered:?} }},")
            .expect("written");
    }
    code.push(']');
    let folder = env::var_os("OUT_DIR").expect("OUT_DIR");
    fs::write(Path::new(&folder).join("guide.rs"), code).expect("written");
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut heading = None;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => heading = Some((level, String::new())),
            Event::End(TagEnd::Heading(_)) => {
                let (level, title) = heading.take().expect("a heading that began");
                // The page has a title of its own.
                assert!(
                    level <= HeadingLevel::H2,
                    "the guide's contents list headings of the second level only"
                );
                if level == HeadingLevel::H2 {
                    sections.push(Section { id: slug(&title), title, events: Vec::new() });
                }
            }
            Event::Text(ref part) | Event::Code(ref part) if heading.is_some() => {
                heading.as_mut().expect("a heading").1.push_str(part);
            }
            event => {
                let section = sections.last_mut().expect("the guide begins with a heading");
                section.events.push(linked(event));
            }
        }
    }
    sections
}

/// Leads a link within the repository to its place at the portal.
fn linked(event: Event<'_>) -> Event<'_> {
    let Event::Start(Tag::Link { link_type, dest_url, title, id }) = event else { return event };
    let dest_url = match &*dest_url {
        DOCUMENT => CowStr::from(format!("{ADMIN_API}/{DOCUMENT}")),
        url if url.starts_with("https://") || url.starts_with('#') => dest_url,
        url => match url.strip_prefix(SNIPPETS) {
            Some(file) => CowStr::from(format!("#{}", slug(file))),
            None => panic!("{GUIDE} links to {url}, which the portal does not serve"),
        },
    };
    Event::Start(Tag::Link { link_type, dest_url, title, id })
}

/// Returns the anchor of a heading, as GitHub makes it, or of a file.
fn slug(title: &str) -> String {
    let kept = title.chars().filter_map(|character| match character {
        ' ' | '-' | '.' => Some('-'),
        _ => character.is_alphanumeric().then(|| character.to_ascii_lowercase()),
    });
    kept.collect()
}
