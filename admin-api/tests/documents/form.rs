//! The documents keep to the part of OpenAPI that generators of clients and linters take alike.

use std::collections::BTreeSet;

use admin_api::openapi::{document, event_catalogue, partner_webhooks};
use serde_json::{Value, json};

use crate::support::TestApp;

fn admin() -> Value {
    document(&TestApp::default().routes)
}

/// Calls `visit` with the value and everything below it, and the place of each.
fn walk(place: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    visit(place, value);
    for (name, member) in value.as_object().into_iter().flatten() {
        walk(&format!("{place}/{name}"), member, visit);
    }
    for (index, entry) in value.as_array().into_iter().flatten().enumerate() {
        walk(&format!("{place}/{index}"), entry, visit);
    }
}

/// Calls `visit` with everything below the value and below the components that it refers to.
pub(super) fn follow(document: &Value, place: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![(place.to_owned(), value.clone())]);
    while let Some((place, value)) = waiting.pop() {
        walk(&place, &value, &mut |place, value| {
            visit(place, value);
            if let Some(reference) = value["$ref"].as_str()
                && seen.insert(reference.to_owned())
            {
                let referred = document.pointer(reference.trim_start_matches('#'));
                waiting.push((
                    reference.to_owned(),
                    referred.unwrap_or_else(|| panic!("{place}: {reference}")).clone(),
                ));
            }
        });
    }
}

pub(super) fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let items =
        ["paths", "webhooks"].into_iter().flat_map(|of| document[of].as_object().into_iter().flatten());
    items.flat_map(|(_, item)| item.as_object().unwrap().values())
}

#[test]
fn alternatives_have_names_and_a_discriminator() {
    for document in [admin(), partner_webhooks::document()] {
        let mut count = 0;
        walk("", &document, &mut |place, value| {
            assert!(
                value.get("allOf").is_none() && value.get("anyOf").is_none_or(Value::is_array),
                "{place}"
            );
            let Some(alternatives) = value["oneOf"].as_array() else { return };
            let null = json!({"type": "null"});
            if alternatives.len() == 2 && alternatives.contains(&null) {
                return;
            }
            count += 1;
            let named: BTreeSet<_> =
                alternatives.iter().map(|one| one["$ref"].as_str().expect(place)).collect();
            let discriminator = &value["discriminator"];
            let mapping = discriminator["mapping"].as_object().expect(place);
            assert_eq!(named, mapping.values().map(|name| name.as_str().unwrap()).collect(), "{place}");
            for (tag, reference) in mapping {
                let schema = document.pointer(reference.as_str().unwrap().trim_start_matches('#')).unwrap();
                let property = discriminator["propertyName"].as_str().unwrap();
                assert_eq!(schema["properties"][property]["const"], *tag, "{reference}");
                assert!(schema["required"].as_array().unwrap().contains(&json!(property)), "{reference}");
            }
        });
        assert!(count > 0);
    }
}

#[test]
fn what_is_sent_to_callers_may_grow() {
    let sent = |place: &str, value: &Value| {
        assert_ne!(value.get("additionalProperties"), Some(&json!(false)), "{place}");
        assert_ne!(value.get("unevaluatedProperties"), Some(&json!(false)), "{place}");
        assert!(
            value.get("const").is_none_or(|tag| tag.is_string() || value["type"].is_null()),
            "{place}: a constant"
        );
        assert!(value["enum"].as_array().is_none_or(|values| values.len() == 1), "{place}: a closed list");
        if value["x-extensible-enum"].is_array() {
            assert_eq!(value["type"], "string", "{place}");
            assert!(value["description"].as_str().expect(place).contains("Open:"), "{place}");
        }
    };
    let document = admin();
    for operation in operations(&document) {
        follow(&document, "", &operation["responses"], &mut |place, value| sent(place, value));
    }
    let document = partner_webhooks::document();
    for operation in operations(&document) {
        follow(&document, "", &operation["requestBody"], &mut |place, value| sent(place, value));
    }
    walk("", &event_catalogue::document(), &mut |place, value| sent(place, value));
}

#[test]
fn what_callers_send_is_closed() {
    let document = admin();
    let mut count = 0;
    for operation in operations(&document) {
        follow(&document, "", &operation["requestBody"], &mut |place, value| {
            if value["properties"].is_object() {
                assert_eq!(value["additionalProperties"], false, "{place}");
                count += 1;
            }
            assert!(value.get("x-extensible-enum").is_none(), "{place}");
        });
    }
    assert!(count > 10);
}

#[test]
fn bodies_and_answers_are_named_for_what_they_are() {
    let document = admin();
    let mut anonymous = Vec::new();
    for operation in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let name_of = |content: &Value| {
            let reference = content["content"]["application/json"]["schema"]["$ref"].as_str();
            reference.map(|reference| reference.rsplit('/').next().unwrap_or_default().to_owned())
        };
        if operation["requestBody"].is_object() {
            let (first, rest) = id.split_at(1);
            let expected = format!("{}{rest}Body", first.to_uppercase());
            assert_eq!(name_of(&operation["requestBody"]), Some(expected));
        }
        for (status, response) in operation["responses"].as_object().unwrap() {
            if let Some(reference) = response["$ref"].as_str() {
                let problem = document.pointer(reference.trim_start_matches('#')).unwrap();
                assert_eq!(name_of(problem).as_deref(), Some("Problem"), "{reference}");
                continue;
            }
            assert!(status.starts_with('2'), "{id}");
            match name_of(response) {
                None => anonymous.push(id.to_owned()),
                Some(name) => {
                    let last_words = ["Body", "Answer", "Response", "List", "Result"];
                    assert!(!last_words.iter().any(|word| name.ends_with(word)), "{id}: {name}");
                }
            }
        }
    }
    // These three answer documents, which have forms of their own.
    assert_eq!(anonymous, ["getDocs", "getOpenApi", "getPartnerWebhooks"]);
}

#[test]
fn objects_within_objects_have_names() {
    for document in [admin(), partner_webhooks::document()] {
        for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
            for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
                walk(property, schema, &mut |place, value| {
                    assert!(value["properties"].is_null(), "{name}: {place} has properties, and no name");
                });
            }
        }
    }
}

#[test]
fn both_say_what_linters_ask_for() {
    for document in [admin(), partner_webhooks::document()] {
        let info = &document["info"];
        assert!(info["license"]["identifier"].is_string() && info["contact"]["url"].is_string(), "{info}");
        assert!(info["description"].as_str().unwrap().contains("Stability:"), "{info}");
        let servers = document["servers"].as_array().unwrap();
        assert!(
            !servers.is_empty()
                && servers.iter().all(|server| !server["url"].to_string().contains("localhost"))
        );
        let tags: BTreeSet<_> = document["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tag| &tag["name"])
            .map(Value::to_string)
            .collect();
        for operation in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            for text in ["summary", "description"] {
                assert!(operation[text].as_str().is_some_and(|text| !text.is_empty()), "{id}: {text}");
            }
            assert!(tags.contains(&operation["tags"][0].to_string()), "{id}");
        }
        walk("", &document, &mut |place, value| {
            for link in value["links"].as_object().into_iter().flatten() {
                assert!(
                    link.1["requestBody"].is_null(),
                    "{place}: openapi-generator takes no body in a link"
                );
            }
        });
    }
}

#[test]
fn every_component_is_used() {
    for document in [admin(), partner_webhooks::document()] {
        let mut used = BTreeSet::new();
        for operation in operations(&document) {
            follow(&document, "", operation, &mut |_, value| {
                used.extend(value["$ref"].as_str().map(str::to_owned));
            });
        }
        for section in ["schemas", "responses", "parameters"] {
            for name in document["components"][section].as_object().unwrap().keys() {
                assert!(used.contains(&format!("#/components/{section}/{name}")), "{section} {name}");
            }
        }
    }
}

#[test]
fn the_union_of_events_has_every_type_that_is_delivered() {
    let document = partner_webhooks::document();
    let union = &document["components"]["schemas"]["Event"]["discriminator"]["mapping"];
    let mut types: BTreeSet<_> = union.as_object().unwrap().keys().cloned().collect();
    assert!(types.remove("Webhook Verification"));
    let catalogue = event_catalogue::document();
    let delivered =
        catalogue["eventTypes"].as_array().unwrap().iter().filter(|entry| entry["republished"] == true);
    assert_eq!(types, delivered.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect());
    for entry in catalogue["eventTypes"].as_array().unwrap() {
        let example = &entry["example"];
        assert_eq!(example["detail-type"], entry["name"]);
        if entry["schema"].is_object() {
            let validator = jsonschema::draft202012::options().build(&entry["schema"]).unwrap();
            let faults: Vec<_> =
                validator.iter_errors(&example["detail"]["data"]).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:?}", entry["name"]);
        }
    }
}
