//! Renders the document as a page for people: plain HTML with its own style, without scripts.

use std::fmt::Write;

use serde_json::Value;

use super::TAGS;

const STYLE: &str = include_str!("page.css");

/// Renders the page.
#[must_use]
pub fn render(document: &Value) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write_page(&mut page, document);
    page
}

fn write_page(page: &mut String, document: &Value) -> std::fmt::Result {
    let title = escaped(text(&document["info"]["title"]));
    writeln!(page, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">")?;
    writeln!(page, "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>")?;
    writeln!(page, "<style>\n{STYLE}</style>\n<main>\n<h1>{title}</h1>")?;
    for paragraph in text(&document["info"]["description"]).split("\n\n") {
        writeln!(page, "<p>{}</p>", prose(paragraph))?;
    }
    writeln!(page, "<p>For programs: <a href=\"openapi.json\">openapi.json</a></p>\n<dl>")?;
    for server in list(&document["servers"]) {
        writeln!(
            page,
            "<dt>{}</dt><dd><code>{}</code></dd>",
            escaped(text(&server["description"])),
            escaped(text(&server["url"]))
        )?;
    }
    writeln!(page, "</dl>\n<nav aria-label=\"Operations\">")?;
    for (tag, _) in TAGS {
        write!(page, "<strong>{tag}</strong><ul>")?;
        for (_, _, operation) in operations(document, tag) {
            let summary = escaped(text(&operation["summary"]));
            write!(page, "<li><a href=\"#{}\">{summary}</a></li>", text(&operation["operationId"]))?;
        }
        writeln!(page, "</ul>")?;
    }
    writeln!(page, "</nav>")?;
    for (tag, about) in TAGS {
        writeln!(page, "<h2>{tag}</h2><p>{}</p>", escaped(about))?;
        for (path, method, operation) in operations(document, tag) {
            write_operation(page, document, (path, method), operation)?;
        }
    }
    writeln!(page, "</main>\n</html>")
}

/// The operations under a heading, by path.
fn operations<'a>(document: &'a Value, tag: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        item.as_object()
            .into_iter()
            .flatten()
            .map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    });
    all.filter(move |(_, _, operation)| operation["tags"][0] == tag)
}

fn write_operation(
    page: &mut String,
    document: &Value,
    (path, method): (&str, &str),
    operation: &Value,
) -> std::fmt::Result {
    write!(
        page,
        "<article id=\"{}\"><h3>{}</h3>",
        text(&operation["operationId"]),
        escaped(text(&operation["summary"]))
    )?;
    write!(page, "<code class=\"route\"><b>{}</b> {}</code>", method.to_uppercase(), escaped(path))?;
    let caller = match operation["security"][0].as_object() {
        None => "Open to all.",
        Some(schemes) if schemes.contains_key("partnerKey") => "With the partner's <code>X-API-Key</code>.",
        Some(_) => "With <code>X-Admin-API-Key</code> and a bearer token.",
    };
    write!(page, "<p>{} {caller}</p>", prose(text(&operation["description"])))?;
    let parameters: Vec<_> =
        list(&operation["parameters"]).map(|parameter| resolved(document, parameter)).collect();
    if !parameters.is_empty() {
        write!(page, "<h4>Parameters</h4><dl>")?;
        for parameter in parameters {
            let about = prose(text(&parameter["description"]));
            let place = if parameter["in"] == "query" { "in the query" } else { "in the path" };
            let rule = rule(document, &parameter["schema"]);
            write!(
                page,
                "<dt><code>{}</code></dt><dd>{place}: {about} {rule}</dd>",
                escaped(text(&parameter["name"]))
            )?;
        }
        write!(page, "</dl>")?;
    }
    let body = &operation["requestBody"];
    if body.is_object() {
        let content = &body["content"]["application/json"];
        write!(page, "<h4>Body{}</h4>", if body["required"] == true { "" } else { " (may be absent)" })?;
        write_fields(page, document, resolved(document, &content["schema"]))?;
        write!(page, "{}", example(&content["example"]))?;
    }
    write!(page, "<h4>Answers</h4><dl>")?;
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let response = resolved(document, response);
        write!(page, "<dt><code>{status}</code></dt><dd>")?;
        let codes = response["content"]["application/json"]["examples"].as_object();
        for (code, given) in codes.into_iter().flatten() {
            write!(page, "<code>{code}</code>: {} ", escaped(text(&given["value"]["message"])))?;
        }
        if codes.is_none() {
            write!(page, "{}", prose(text(&response["description"])))?;
            if let Some(given) = response["content"]["application/json"].get("example") {
                write!(page, "<details><summary>Example</summary>{}</details>", example(given))?;
            }
        }
        write!(page, "</dd>")?;
    }
    writeln!(page, "</dl></article>")
}

fn write_fields(page: &mut String, document: &Value, schema: &Value) -> std::fmt::Result {
    write!(page, "<dl>")?;
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let required = list(&schema["required"]).any(|required| required == name);
        let needed = if required { "required" } else { "optional" };
        write!(
            page,
            "<dt><code>{}</code></dt><dd>{needed}. {}</dd>",
            escaped(name),
            rule(document, property)
        )?;
    }
    write!(page, "</dl>")
}

/// Says in a few words what a value must be.
fn rule(document: &Value, schema: &Value) -> String {
    let alternatives = schema["oneOf"].as_array().filter(|alternatives| alternatives[0]["type"] == "null");
    let schema = resolved(document, alternatives.map_or(schema, |alternatives| &alternatives[1]));
    let mut parts = Vec::new();
    let about = text(&schema["description"]);
    if !about.is_empty() {
        parts.push(prose(about));
    }
    let bounds = [("minLength", "maxLength", " characters"), ("minimum", "maximum", "")];
    for (least, most, unit) in bounds {
        match (&schema[least], &schema[most]) {
            (Value::Null, Value::Null) => {}
            (least, Value::Null) => parts.push(format!("From {least}{unit}.")),
            (least, most) => parts.push(format!("{least} to {most}{unit}.")),
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> =
            values.iter().map(|value| format!("<code>{}</code>", escaped(text(value)))).collect();
        parts.push(values.join(", "));
    }
    if !schema["default"].is_null() {
        parts.push(format!("Default {}.", schema["default"]));
    }
    parts.join(" ")
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let place = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    place.and_then(|place| document.pointer(place)).unwrap_or(schema)
}

fn example(value: &Value) -> String {
    let pretty = serde_json::to_string_pretty(value).unwrap_or_default();
    // A line break as a character reference keeps each operation on one line of the file.
    format!("<pre>{}</pre>", escaped(&pretty).replace('\n', "&#10;"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Escapes a text, and turns its backquotes into `<code>`.
fn prose(text: &str) -> String {
    let mut parts = escaped(text).split('`').map(str::to_owned).collect::<Vec<_>>();
    for (index, part) in parts.iter_mut().enumerate() {
        if index % 2 == 1 {
            *part = format!("<code>{part}</code>");
        }
    }
    parts.concat()
}
