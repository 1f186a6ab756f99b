//! Renders the document as a page for people: plain HTML with its own style, without scripts.

mod curl;
mod fields;
mod html;
mod start;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use self::fields::{Direction, named_objects};
use self::html::{escaped, example, list, prose, resolved, text};
use super::TAGS;

const STYLE: &str = include_str!("page.css");

/// The statuses of problems that a few operations have. The page explains all others once, for all operations.
const OF_SOME_OPERATIONS: [&str; 4] = ["404", "409", "422", "429"];

/// Renders the page.
#[must_use]
pub fn render(document: &Value) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write_page(&mut page, document);
    page
}

/// An operation with its path and its method in lower case.
struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    content: &'a Value,
}

fn write_page(page: &mut String, document: &Value) -> std::fmt::Result {
    let title = escaped(text(&document["info"]["title"]));
    writeln!(page, "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">")?;
    writeln!(page, "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>")?;
    writeln!(page, "<style>\n{STYLE}</style>\n<main>\n<h1>{title}</h1>")?;
    for paragraph in text(&document["info"]["description"]).split("\n\n") {
        writeln!(page, "<p>{}</p>", prose(paragraph))?;
    }
    start::write(page)?;
    writeln!(page, "<nav aria-label=\"Operations\">")?;
    for (tag, _) in TAGS {
        write!(page, "<strong>{tag}</strong><ul>")?;
        for Operation { content, .. } in operations(document, tag) {
            let summary = escaped(text(&content["summary"]));
            write!(page, "<li><a href=\"#{}\">{summary}</a></li>", text(&content["operationId"]))?;
        }
        writeln!(page, "</ul>")?;
    }
    writeln!(
        page,
        "<a href=\"#problems\">Problems</a>, <a href=\"#objects\">objects in answers</a>\n</nav>"
    )?;
    for (tag, about) in TAGS {
        writeln!(page, "<h2>{tag}</h2><p>{}</p>", escaped(about))?;
        for operation in operations(document, tag) {
            write_operation(page, document, &operation)?;
        }
    }
    write_problems(page, document)?;
    write_objects(page, document)?;
    writeln!(page, "</main>\n</html>")
}

/// The operations under a heading in the order of a resource's life: what makes it, shows it, changes it, acts on it, ends it.
fn operations<'a>(document: &'a Value, tag: &str) -> Vec<Operation<'a>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, content)| Operation { path, method, content })
    });
    let mut under: Vec<_> = all.filter(|operation| operation.content["tags"][0] == tag).collect();
    under.sort_by_key(|Operation { path, method, content }| {
        let depth = path.matches('/').count();
        let makes = ["register", "create", "issue"]
            .iter()
            .any(|verb| text(&content["operationId"]).starts_with(verb));
        // Parts of a resource end before the resource itself.
        match *method {
            "post" if makes => (0, depth),
            "get" => (1, depth),
            "put" | "patch" => (2, depth),
            "delete" => (4, usize::MAX - depth),
            _ => (3, depth),
        }
    });
    under
}

fn write_operation(page: &mut String, document: &Value, operation: &Operation<'_>) -> std::fmt::Result {
    let Operation { path, method, content } = operation;
    let (id, summary) = (text(&content["operationId"]), escaped(text(&content["summary"])));
    write!(page, "<article id=\"{id}\"><h3>{summary}</h3>")?;
    write!(page, "<code class=\"route\"><b>{}</b> {}</code>", method.to_ascii_uppercase(), escaped(path))?;
    let details = text(&content["description"]);
    if details.trim_end_matches('.') != text(&content["summary"]) {
        write!(page, "<p>{}</p>", prose(details))?;
    }
    write!(page, "<pre class=\"curl\">{}</pre>", html::on_one_line(&curl::call(document, operation)))?;
    let parameters: Vec<_> =
        list(&content["parameters"]).map(|parameter| resolved(document, parameter)).collect();
    if !parameters.is_empty() {
        write!(page, "<h4>Parameters</h4><dl>")?;
        for parameter in parameters {
            let needed = if parameter["required"] == true { "" } else { ", optional" };
            let name = escaped(text(&parameter["name"]));
            write!(page, "<dt><code>{name}</code></dt><dd>in the {}{needed}: ", text(&parameter["in"]))?;
            let rule = fields::rule(document, &parameter["schema"], Direction::Request);
            let about = prose(text(&parameter["description"]));
            // Some names say no more than the type of their values.
            let about =
                if rule.starts_with(about.trim_end_matches('.')) { String::new() } else { about + " " };
            write!(page, "{about}{rule}</dd>")?;
        }
        write!(page, "</dl>")?;
    }
    let body = &content["requestBody"];
    if body.is_object() {
        write!(page, "<h4>Body{}</h4>", if body["required"] == true { "" } else { " (may be absent)" })?;
        let schema = resolved(document, &body["content"]["application/json"]["schema"]);
        if schema["not"].is_object() {
            write!(page, "<p>{}</p>", prose(text(&schema["description"])))?;
        }
        fields::write(page, document, schema, Direction::Request)?;
    }
    write!(page, "<h4>Answers</h4><dl>")?;
    for (status, response) in content["responses"].as_object().into_iter().flatten() {
        write_answer(page, document, status, resolved(document, response))?;
    }
    writeln!(page, "</dl></article>")
}

fn write_answer(page: &mut String, document: &Value, status: &str, response: &Value) -> std::fmt::Result {
    let content = &response["content"]["application/json"];
    if let Some(problems) = content["examples"].as_object() {
        if !OF_SOME_OPERATIONS.contains(&status) {
            return Ok(());
        }
        write!(page, "<dt><code>{status}</code></dt><dd>")?;
        for (code, given) in problems {
            write!(page, "<code>{code}</code>: {} ", escaped(text(&given["value"]["message"])))?;
        }
    } else {
        write!(page, "<dt><code>{status}</code></dt><dd>{} ", prose(text(&response["description"])))?;
        let schema = resolved(document, &content["schema"]);
        if schema["properties"].is_object() {
            write!(page, "<details><summary>Fields</summary>")?;
            fields::write(page, document, schema, Direction::Answer)?;
            write!(page, "</details>")?;
        }
        if let Some(given) = content.get("example") {
            write!(page, "<details><summary>Example</summary>{}</details>", example(given))?;
        }
    }
    write_headers(page, document, response)?;
    write!(page, "</dd>")
}

/// The headers of an answer, but for that which every answer has.
fn write_headers(page: &mut String, document: &Value, response: &Value) -> std::fmt::Result {
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        if name != "X-Request-Id" {
            let header = resolved(document, header);
            let about = prose(text(&header["description"]));
            write!(
                page,
                "<code>{name}</code>: {about} {} ",
                fields::rule(document, &header["schema"], Direction::Answer)
            )?;
        }
    }
    Ok(())
}

/// What any operation may refuse, and the form of every refusal.
fn write_problems(page: &mut String, document: &Value) -> std::fmt::Result {
    writeln!(
        page,
        "<h2 id=\"problems\">Problems</h2><p>Every operation may also answer with one of these:</p>\n<dl>"
    )?;
    let mut all = BTreeMap::<(&str, &str), BTreeSet<&str>>::new();
    for response in document["components"]["responses"].as_object().into_iter().flatten() {
        for status in statuses(document, response.0) {
            let problems = response.1["content"]["application/json"]["examples"].as_object();
            for (code, given) in problems.into_iter().flatten() {
                all.entry((status, code)).or_default().insert(text(&given["value"]["message"]));
            }
        }
    }
    for ((status, code), messages) in all {
        if !OF_SOME_OPERATIONS.contains(&status) {
            let messages = messages.into_iter().map(escaped).collect::<Vec<_>>().join(" / ");
            writeln!(page, "<dt><code>{status}</code></dt><dd><code>{code}</code>: {messages}</dd>")?;
        }
    }
    let problem = &document["components"]["schemas"]["Problem"];
    write!(page, "</dl>\n<p>A problem has these fields:</p>")?;
    fields::write(page, document, problem, Direction::Answer)?;
    writeln!(page)
}

/// The statuses that operations give a response of the components.
fn statuses<'a>(document: &'a Value, name: &str) -> BTreeSet<&'a str> {
    let reference = format!("#/components/responses/{name}");
    let items = document["paths"].as_object().into_iter().flatten();
    let operations = items.flat_map(|(_, item)| item.as_object().into_iter().flatten());
    let responses =
        operations.flat_map(|(_, operation)| operation["responses"].as_object().into_iter().flatten());
    responses
        .filter(|(_, response)| response["$ref"] == reference)
        .map(|(status, _)| status.as_str())
        .collect()
}

/// The objects that answers have within others.
fn write_objects(page: &mut String, document: &Value) -> std::fmt::Result {
    writeln!(page, "<h2 id=\"objects\">Objects in answers</h2>")?;
    for (name, schema) in named_objects(document) {
        write!(page, "<article id=\"{name}\"><h3>{name}</h3><p>{}</p>", prose(text(&schema["description"])))?;
        fields::write(page, document, schema, Direction::Answer)?;
        writeln!(page, "</article>")?;
    }
    Ok(())
}
