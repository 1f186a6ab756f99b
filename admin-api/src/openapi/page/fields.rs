//! What a schema says, in words.

use std::collections::BTreeMap;
use std::fmt::{Result, Write};

use serde_json::Value;

use super::super::shape::referred;
use super::html::{escaped, list, prose, resolved, text};

/// The longest list of values that is always open.
const FEW: usize = 12;

/// Which way a value goes. The objects within requests are described where they stand, those of answers once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Request,
    Answer,
}

/// Writes the fields of an object, or its alternatives with theirs.
pub(super) fn write(page: &mut String, document: &Value, schema: &Value, direction: Direction) -> Result {
    if let Some(property) = schema["discriminator"]["propertyName"].as_str() {
        write!(page, "<dl>")?;
        for (tag, reference) in schema["discriminator"]["mapping"].as_object().into_iter().flatten() {
            let pointer = text(reference).trim_start_matches('#');
            let alternative = document.pointer(pointer).unwrap_or(reference);
            let about = prose(text(&alternative["description"]));
            write!(page, "<dt><code>{property}</code>: <code>{tag}</code></dt><dd>{about}")?;
            write_properties(page, document, alternative, direction, property)?;
            write!(page, "</dd>")?;
        }
        return write!(page, "</dl>");
    }
    write_properties(page, document, schema, direction, "")
}

/// Writes the fields of an object without that which tells it from its alternatives.
fn write_properties(
    page: &mut String,
    document: &Value,
    schema: &Value,
    direction: Direction,
    tag: &str,
) -> Result {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut shown = properties.filter(|(name, _)| *name != tag).peekable();
    if shown.peek().is_none() {
        return Ok(());
    }
    write!(page, "<dl>")?;
    for (name, property) in shown {
        let is_required = list(&schema["required"]).any(|required| required == name);
        let needed = match (direction, is_required) {
            (Direction::Request, true) => "required. ",
            (Direction::Request, false) => "optional. ",
            (Direction::Answer, true) => "",
            (Direction::Answer, false) => "may be absent. ",
        };
        write!(
            page,
            "<dt><code>{}</code></dt><dd>{needed}{}",
            escaped(name),
            rule(document, property, direction)
        )?;
        if direction == Direction::Request {
            write_within(page, document, property)?;
        }
        write!(page, "</dd>")?;
    }
    write!(page, "</dl>")
}

/// Writes the fields of an object in a request where it stands.
fn write_within(page: &mut String, document: &Value, property: &Value) -> Result {
    let schema = resolved(document, apart_from_null(property));
    if is_object(schema) { write(page, document, schema, Direction::Request) } else { Ok(()) }
}

/// Says in a few words what a value must be.
pub(super) fn rule(document: &Value, schema: &Value, direction: Direction) -> String {
    let own = text(&schema["description"]);
    let given = apart_from_null(schema);
    let is_nullable = given != schema || list(&schema["type"]).any(|kind| kind == "null");
    let schema = resolved(document, given);
    let mut parts = Vec::new();
    if let Some(name) = referred(given).filter(|_| direction == Direction::Answer && is_object(schema)) {
        parts.push(format!("<a href=\"#{name}\">{name}</a>."));
    } else if schema["items"].is_object() {
        parts.push(format!("A list: {}", rule(document, &schema["items"], direction)));
    }
    let about = if own.is_empty() { text(&schema["description"]) } else { own };
    if !about.is_empty() {
        parts.push(prose(about));
    }
    parts.extend(bounds(schema));
    for values in ["enum", "x-extensible-enum"] {
        parts.extend(schema[values].as_array().map(|values| choice(values)));
    }
    if !schema["const"].is_null() {
        parts.push(format!("<code>{}</code>.", escaped(&plain(&schema["const"]))));
    }
    if !schema["default"].is_null() {
        parts.push(format!("Default {}.", schema["default"]));
    }
    if is_nullable {
        parts.push(
            if direction == Direction::Request { "Null is as good as absent." } else { "May be null." }
                .to_owned(),
        );
    }
    parts.join(" ")
}

fn bounds(schema: &Value) -> Vec<String> {
    let bounds = [
        ("minLength", "maxLength", " characters"),
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", " entries"),
    ];
    let said = bounds.into_iter().filter_map(|(least, most, unit)| match (&schema[least], &schema[most]) {
        (Value::Null, Value::Null) => None,
        (least, Value::Null) if *least == 0 => None,
        (least, Value::Null) => Some(format!("At least {least}{unit}.")),
        (Value::Null, most) => Some(format!("At most {most}{unit}.")),
        (least, most) => Some(format!("{least} to {most}{unit}.")),
    });
    said.collect()
}

/// The values that a text may have.
fn choice(values: &[Value]) -> String {
    let shown: Vec<_> =
        values.iter().map(|value| format!("<code>{}</code>", escaped(&plain(value)))).collect();
    let shown = shown.join(", ");
    if values.len() > FEW {
        format!("<details><summary>{} values</summary>{shown}</details>", values.len())
    } else {
        shown + "."
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The alternative that is not null.
fn apart_from_null(schema: &Value) -> &Value {
    let alternatives = schema["oneOf"].as_array().filter(|_| schema["discriminator"].is_null());
    let mut alternatives = alternatives.into_iter().flatten();
    alternatives.find(|alternative| alternative["type"] != "null").unwrap_or(schema)
}

fn is_object(schema: &Value) -> bool {
    schema["properties"].is_object() || schema["discriminator"].is_object()
}

/// The objects that answers have within others, by their names.
pub(super) fn named_objects(document: &Value) -> BTreeMap<&str, &Value> {
    let mut found = BTreeMap::new();
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object().into_iter().flatten());
    for (_, operation) in operations {
        for (_, response) in operation["responses"].as_object().into_iter().flatten() {
            let schema = &response["content"]["application/json"]["schema"];
            collect(document, resolved(document, schema), &mut found);
        }
    }
    found
}

/// Collects the objects that are referred to below, but not the alternatives, which stand with what they are alternatives of.
fn collect<'a>(document: &'a Value, schema: &'a Value, found: &mut BTreeMap<&'a str, &'a Value>) {
    let mapping = schema["discriminator"]["mapping"].as_object().into_iter().flatten();
    for (_, alternative) in mapping {
        let pointer = text(alternative).trim_start_matches('#');
        collect(document, document.pointer(pointer).unwrap_or(schema), found);
    }
    for (_, property) in schema["properties"].as_object().into_iter().flatten() {
        let within = apart_from_null(property);
        let within = if within["items"].is_object() { apart_from_null(&within["items"]) } else { within };
        let object = resolved(document, within);
        if let Some(name) = referred(within).filter(|_| is_object(object))
            && found.insert(name, object).is_none()
        {
            collect(document, object, found);
        }
    }
}
