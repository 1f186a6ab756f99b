//! The catalogue of event types.

use askama::Template;
use edge::parameters::NamePath;
use edge::problem::Problem;
use http::StatusCode;
use serde_json::Value;
use shared::code::ErrorCode;
use shared::event::catalogue::{CatalogueEntry, EventType, catalogue, find, nearest};
use shared::event::sample::sample;
use shared::tenant::OrgId;

use super::frame::Frame;
use super::schema_table::{Property, properties};
use crate::paths::event_type_path;
use crate::respond::{PageResult, page, see_other};
use crate::visit::Visit;

/// The organization of the examples, if the page does not know the person's.
const EXAMPLE_ORGANIZATION: &str = "acme-corp";
/// The event id of the examples.
const EXAMPLE_ID: &str = "7bf73129-1428-4cd3-a780-95db273d1602";

#[derive(Template)]
#[template(path = "event_types.html")]
struct EventTypesPage {
    frame: Frame,
    groups: Vec<Group>,
}

/// The event types of one aggregate.
pub struct Group {
    /// The id of the group's place on a page.
    pub id: String,
    /// The aggregate in words.
    pub title: String,
    /// The types.
    pub entries: Vec<&'static CatalogueEntry>,
}

/// Returns the event types that partners get, by aggregate.
pub fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for entry in catalogue().iter().filter(|entry| entry.republished) {
        let title = spoken(entry.aggregate);
        match groups.iter_mut().find(|group| group.title == title) {
            Some(group) => group.entries.push(entry),
            None => groups.push(Group { id: entry.aggregate.to_owned(), title, entries: vec![entry] }),
        }
    }
    groups
}

#[derive(Template)]
#[template(path = "event_type.html")]
struct EventTypePage {
    frame: Frame,
    entry: &'static CatalogueEntry,
    aggregate: String,
    properties: Vec<Property>,
    example: String,
}

/// `GET /events`
pub async fn list(visit: Visit) -> PageResult {
    let frame = Frame::for_whoever(&visit, "Event types").await?;
    page(StatusCode::OK, frame.notice, &EventTypesPage { frame, groups: groups() })
}

/// `GET /events/{name}`
pub async fn show(visit: Visit, NamePath(name): NamePath) -> PageResult {
    // Some programs write a plus sign for a space.
    if let Some(known) = meant(&name.replace('+', " ")).filter(|known| known.name != name) {
        return Ok(see_other(&event_type_path(known.name)));
    }
    let entry = find(&name).filter(|entry| entry.republished).ok_or_else(|| unknown(&name))?;
    let schema = entry.schema().and_then(|schema| serde_json::from_str::<Value>(schema.get()).ok());
    let (Ok(event_type), Ok(org_id)) = (EventType::parse(entry.name), OrgId::parse(EXAMPLE_ORGANIZATION))
    else {
        return Err(unknown(&name).into());
    };
    let text = sample(EXAMPLE_ID, &event_type, &org_id, visit.now);
    let frame = Frame::for_whoever(&visit, entry.name).await?;
    let shown = EventTypePage {
        frame,
        entry,
        aggregate: spoken(entry.aggregate),
        properties: schema.as_ref().map(properties).unwrap_or_default(),
        example: crate::json_layout::lay_out(&text),
    };
    page(StatusCode::OK, shown.frame.notice, &shown)
}

/// Returns the event type with this name, in capital or small letters.
pub fn meant(name: &str) -> Option<&'static CatalogueEntry> {
    catalogue().iter().find(|entry| entry.name.eq_ignore_ascii_case(name))
}

fn unknown(name: &str) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, unknown_event_type(name))
}

/// Says that there is no event type `name`, and which one the person may have meant.
pub fn unknown_event_type(name: &str) -> String {
    let nearest = nearest(name).map(|known| format!(" Did you mean {known}?")).unwrap_or_default();
    format!("There is no event type with this name.{nearest}")
}

/// Makes words of an aggregate's name: `Matter device`.
fn spoken(aggregate: &str) -> String {
    let mut words = String::new();
    for (index, character) in aggregate.chars().enumerate() {
        match (index, character.is_ascii_uppercase()) {
            (0, _) => words.push(character.to_ascii_uppercase()),
            (_, true) => {
                words.push(' ');
                words.push(character.to_ascii_lowercase());
            }
            (_, false) => words.push(character),
        }
    }
    match words.as_str() {
        "Iot" => "IoT".to_owned(),
        "Rtsp camera" => "RTSP camera".to_owned(),
        _ => words,
    }
}
