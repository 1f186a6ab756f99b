//! The documents that are served and checked in are what the types say. `UPDATE=1 cargo test -p admin-api documents`
//! writes them anew.

use std::fs;
use std::path::Path;

use admin_api::openapi::{document, event_catalogue, page, partner_webhooks};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{Answer, Route, TestApp};

mod form;
mod shown;

fn made() -> Value {
    document(&TestApp::default().routes)
}

/// The file of this crate is as made; `UPDATE=1` makes it so.
fn assert_kept(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == text,
        "{file} is not what the types say: run `UPDATE=1 cargo test -p admin-api documents`"
    );
}

fn pretty(document: &Value) -> String {
    serde_json::to_string_pretty(document).unwrap() + "\n"
}

#[test]
fn the_checked_in_documents_are_what_the_types_say() {
    let document = made();
    assert_kept("openapi.json", &pretty(&document));
    assert_kept("docs.html", &page::render(&document));
    assert_kept("event-types.json", &pretty(&event_catalogue::document()));
    assert_kept("../docs/partner-webhooks.openapi.json", &pretty(&partner_webhooks::document()));
}

#[test]
fn every_route_is_in_the_document_once() {
    let routes = TestApp::default().routes;
    let document = made();
    let described =
        document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
    assert_eq!(described.count(), routes.len());
    for route in routes {
        let operation = &document["paths"][route.path][route.method.to_lowercase()];
        assert!(operation["operationId"].is_string(), "{} {}", route.method, route.path);
    }
}

#[tokio::test]
async fn all_are_served_to_anybody() {
    let app = TestApp::default();
    for (path, document) in [
        ("/openapi.json", made()),
        ("/partner-webhooks.openapi.json", partner_webhooks::document()),
        ("/event-types", event_catalogue::document()),
    ] {
        let served = app.anybody().get(path).await;
        assert_eq!(served.is(200).headers["content-type"], "application/json");
        assert!(
            served.body == document,
            "{path} is what was built in: it follows the file at the next build"
        );
    }
    let page = app.anybody().get("/docs").await;
    assert_eq!(page.is(200).headers["content-type"], "text/html; charset=utf-8");
    for wanted in
        ["<!doctype html>", "/tenants/{orgId}/register", "color-scheme: light dark", "active_key_exists"]
    {
        assert!(page.text.contains(wanted), "{wanted}");
    }
    assert!(!page.text.contains("<script") && !page.text.contains("src="), "nothing to load");
}

/// A validator of the schema at this place of the document. Today's answers have today's values only.
fn validator(document: &Value, place: &str) -> Validator {
    let mut schema = json!({"$ref": format!("#{place}"), "components": document["components"],
        "paths": document["paths"], "webhooks": document["webhooks"]});
    close(&mut schema);
    jsonschema::draft202012::options().build(&schema).unwrap()
}

/// Makes closed lists of the open ones.
fn close(schema: &mut Value) {
    if let Some(members) = schema.as_object_mut() {
        let values = members.get("x-extensible-enum").cloned();
        members.extend(values.map(|values| ("enum".to_owned(), values)));
        members.values_mut().for_each(close);
    }
    schema.as_array_mut().into_iter().flatten().for_each(close);
}

/// The answer's status is one that the document gives the route, and its body is what the document says of it.
#[track_caller]
pub(crate) fn assert_described(route: &Route, answer: &Answer) {
    let document = made();
    let pointer = route.path.replace('/', "~1");
    let responses = format!("/paths/{pointer}/{}/responses", route.method.to_lowercase());
    let mut place = format!("{responses}/{}", answer.status.as_u16());
    let response = document.pointer(&place).unwrap_or_else(|| panic!("{place} is not described"));
    if let Some(reference) = response["$ref"].as_str() {
        place = reference.trim_start_matches('#').to_owned();
    }
    if answer.headers["content-type"] == "application/json" {
        assert_valid(&document, &format!("{place}/content/application~1json/schema"), &answer.body);
    }
}

/// The value is what the schema at this place says.
#[track_caller]
fn assert_valid(document: &Value, place: &str, value: &Value) {
    let encoded = place.replace('{', "%7B").replace('}', "%7D").replace(' ', "%20");
    let errors: Vec<_> =
        validator(document, &encoded).iter_errors(value).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{place}: {errors:?} {value}");
}

/// Each example that stands beside a schema anywhere below, with both places.
fn examples(place: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    if let Some(members) = value.as_object() {
        let schema = format!("{place}/schema");
        if members.contains_key("schema") {
            found.extend(members.get("example").map(|example| (schema.clone(), example.clone())));
            let named = members.get("examples").and_then(Value::as_object).into_iter().flatten();
            found.extend(named.map(|(_, example)| (schema.clone(), example["value"].clone())));
        }
        for (name, member) in members {
            examples(&format!("{place}/{}", name.replace('~', "~0").replace('/', "~1")), member, found);
        }
    }
    for (index, member) in value.as_array().into_iter().flatten().enumerate() {
        examples(&format!("{place}/{index}"), member, found);
    }
}

#[test]
fn every_example_is_what_its_schema_says() {
    for (document, least) in [(made(), 60), (partner_webhooks::document(), 60)] {
        let mut found = Vec::new();
        examples("", &document, &mut found);
        assert!(found.len() >= least, "{}", found.len());
        for (place, example) in found {
            assert_valid(&document, &place, &example);
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_every_link_leads_to_one() {
    let document = made();
    let operations = document["paths"].as_object().unwrap().values();
    let operations: Vec<_> = operations.flat_map(|item| item.as_object().unwrap().values()).collect();
    let mut ids: Vec<_> =
        operations.iter().map(|operation| operation["operationId"].as_str().unwrap()).collect();
    let links = operations.iter().flat_map(|operation| operation["responses"].as_object().unwrap().values());
    for link in links.flat_map(|response| response["links"].as_object().into_iter().flatten()) {
        assert!(ids.contains(&link.0.as_str()), "{}", link.0);
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn every_parameter_has_an_example_and_every_code_is_somewhere() {
    let document = made();
    for (name, parameter) in document["components"]["parameters"].as_object().unwrap() {
        assert!(!parameter["example"].is_null(), "{name}");
    }
    let listed = &document["components"]["schemas"]["Problem"]["properties"]["error"]["x-extensible-enum"];
    for code in ["not_found", "method_not_allowed", "active_key_exists", "unauthorized"] {
        assert!(listed.as_array().unwrap().contains(&json!(code)), "{code}");
    }
}

#[tokio::test]
async fn every_list_with_a_cursor_leads_to_its_next_page_and_takes_its_example() {
    let app = TestApp::default();
    app.given_key("acme-corp").await;
    let webhook = app.given_webhook("acme-corp").await;
    let document = made();
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let operation = &item["get"];
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        let Some(cursor) = parameters.find(|parameter| parameter["name"] == "cursor") else {
            continue;
        };
        let id = operation["operationId"].as_str().unwrap();
        let next = &operation["responses"]["200"]["links"][id];
        assert_eq!(next["parameters"]["cursor"], "$response.body#/nextCursor", "{id}");
        let path =
            path.replace("/tenants/{orgId}/webhooks/{webhookId}", &webhook).replace("{orgId}", "acme-corp");
        app.admin().get(&format!("{path}?cursor={}", cursor["example"].as_str().unwrap())).await.is(200);
        count += 1;
    }
    assert_eq!(count, 5);
}
