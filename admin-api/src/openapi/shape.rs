//! Brings schemas into the form that generators of clients read alike: objects without `allOf`, alternatives that have names
//! and a discriminator, and answers that may grow.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// Schemas by the names of their components.
pub(super) type Schemas = BTreeMap<String, Value>;

/// Properties of answers that may be absent. All others are always there; some may be null.
const MAY_BE_ABSENT: [&str; 8] =
    ["disabledReason", "warnings", "auth", "secret", "token", "error", "excerpt", "fields"];

/// What the description of a text says if later versions may give the text further values.
pub(super) const OPEN: &str = "Open: further values may be added.";

/// The reference to a component.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": path_of(name)})
}

fn path_of(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

/// The component's name in a reference to a schema.
pub(super) fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

/// Shapes what callers send: what is not described is refused.
pub(super) fn of_requests(schemas: Schemas) -> Schemas {
    named_alternatives(merged(schemas))
}

/// Shapes what the service sends: every property is there, and later versions may add properties and values.
pub(super) fn of_answers(schemas: Schemas) -> Schemas {
    let mut schemas = merged(schemas);
    for schema in schemas.values_mut() {
        open(schema);
        always_there(schema);
    }
    named_alternatives(schemas)
}

/// Lets later versions add properties to the schema's objects, and values to its lists of texts. A single value is a tag, and
/// stays.
pub(super) fn open(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("additionalProperties") == Some(&json!(false)) {
                members.remove("additionalProperties");
            }
            if members.get("type").is_some_and(|kind| *kind == "object" || *kind == json!(["object", "null"]))
                && !members.contains_key("properties")
            {
                // Some generators know an object of any content by this alone.
                members.entry("additionalProperties").or_insert(json!(true));
            }
            if members.get("enum").and_then(Value::as_array).is_some_and(|values| values.len() > 1)
                && let Some(values) = members.remove("enum")
            {
                members.insert("x-extensible-enum".to_owned(), values);
                let about = members.get("description").and_then(Value::as_str).unwrap_or_default();
                members.insert("description".to_owned(), json!(format!("{about} {OPEN}").trim_start()));
            }
            if members.get("const").is_some_and(|value| !value.is_string()) {
                // Some generators compare the value with its text, and then refuse it.
                members.remove("const");
            }
            members.values_mut().for_each(open);
        }
        Value::Array(entries) => entries.iter_mut().for_each(open),
        _ => {}
    }
}

fn always_there(schema: &mut Value) {
    if let Some(alternatives) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        alternatives.iter_mut().for_each(always_there);
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let always = properties.keys().filter(|name| !MAY_BE_ABSENT.contains(&name.as_str()));
        let listed = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let listed = listed.filter(|name| *name != "warnings");
        let mut required: Vec<_> = always.map(String::as_str).chain(listed).map(str::to_owned).collect();
        required.sort_unstable();
        required.dedup();
        schema["required"] = json!(required);
    }
}

/// Makes one object of each `allOf`, as flattened fields have it.
fn merged(schemas: Schemas) -> Schemas {
    schemas.iter().map(|(name, schema)| (name.clone(), merge(schema, &schemas))).collect()
}

fn merge(schema: &Value, schemas: &Schemas) -> Value {
    let Some(parts) = schema.get("allOf").and_then(Value::as_array) else { return schema.clone() };
    let mut whole = json!({"type": "object"});
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts {
        let part = referred(part).and_then(|name| schemas.get(name)).unwrap_or(part);
        let part = merge(part, schemas);
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
        if part["additionalProperties"] == false {
            whole["additionalProperties"] = json!(false);
        }
    }
    whole["properties"] = Value::Object(properties);
    whole["required"] = Value::Array(required);
    if let Some(about) = schema.get("description") {
        whole["description"] = about.clone();
    }
    whole
}

/// Gives each alternative of a `oneOf` that is told apart by `type` a name, and the `oneOf` a discriminator.
fn named_alternatives(schemas: Schemas) -> Schemas {
    let mut named = Schemas::new();
    for (name, mut schema) in schemas {
        let tags: Option<Vec<_>> = schema["oneOf"].as_array().and_then(|all| all.iter().map(tag).collect());
        if let Some(tags) = tags {
            let mut mapping = Map::new();
            let alternatives = schema["oneOf"].as_array_mut().map(std::mem::take).unwrap_or_default();
            let references = tags.iter().zip(alternatives).map(|(tag, mut alternative)| {
                alternative["properties"]["type"] = json!({"type": "string", "const": tag});
                let alternative_name = format!("{}{name}", pascal(tag));
                mapping.insert(tag.clone(), json!(path_of(&alternative_name)));
                let reference = reference(&alternative_name);
                named.insert(alternative_name, alternative);
                reference
            });
            schema["oneOf"] = references.collect();
            schema["discriminator"] = json!({"propertyName": "type", "mapping": mapping});
        }
        named.insert(name, schema);
    }
    named
}

/// The only value that an alternative's `type` may have.
fn tag(alternative: &Value) -> Option<String> {
    let values = alternative["properties"]["type"]["enum"].as_array()?;
    values.first().filter(|_| values.len() == 1)?.as_str().map(str::to_owned)
}

/// `issueApiKey` as a type's name: `IssueApiKey`.
pub(super) fn pascal(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(characters).collect()
}

/// The schema without the alternative of null.
pub(super) fn not_null(schema: &Value) -> Value {
    if schema["type"].as_array().is_some_and(|types| types.contains(&json!("null"))) {
        let mut schema = schema.clone();
        schema["type"] =
            schema["type"].as_array().and_then(|types| types.first()).cloned().unwrap_or_default();
        return schema;
    }
    let alternatives = schema["oneOf"].as_array().into_iter().flatten();
    let null = json!({"type": "null"});
    alternatives.into_iter().find(|alternative| **alternative != null).unwrap_or(schema).clone()
}

/// Leads the references below to the schemas' other names.
pub(super) fn rename(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            let renamed = text.strip_prefix("#/components/schemas/").and_then(|name| names.get(name));
            if let Some(renamed) = renamed {
                *text = path_of(renamed);
            }
        }
        Value::Object(members) => members.values_mut().for_each(|member| rename(member, names)),
        Value::Array(entries) => entries.iter_mut().for_each(|entry| rename(entry, names)),
        _ => {}
    }
}
