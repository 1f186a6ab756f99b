//! The JSON Schema of an event's payload as a table of its properties.

use serde_json::{Map, Value};

/// Nested schemas are followed this deep.
const DEEPEST: usize = 8;

/// A property.
#[derive(Debug, PartialEq, Eq)]
pub struct Property {
    /// The path from the payload: `keys[].uuid`.
    pub path: String,
    /// The kind of value in words: `text`, `list of numbers`.
    pub kind: String,
    /// Whether the property is always there.
    pub required: bool,
    /// The values that are allowed, as JSON; empty if any of the kind is.
    pub values: Vec<String>,
    /// What else the schema says.
    pub remark: String,
}

/// Lists the properties of `schema`, each followed by those within it.
pub fn properties(schema: &Value) -> Vec<Property> {
    let mut rows = Vec::new();
    add(&mut rows, schema, "", 0);
    rows
}

fn add(rows: &mut Vec<Property>, schema: &Value, path: &str, depth: usize) {
    let (Some(named), true) = (schema.get("properties").and_then(Value::as_object), depth < DEEPEST) else {
        return;
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    // Those that are always there come first; each half is in the schema's order.
    let (always, sometimes): (Map<_, _>, Map<_, _>) =
        named.clone().into_iter().partition(|(name, _)| required.contains(&name.as_str()));
    for (name, property) in always.iter().chain(&sometimes) {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        rows.push(Property {
            kind: kind(property),
            required: required.contains(&name.as_str()),
            values: values(property),
            remark: remark(property),
            path: path.clone(),
        });
        add(rows, property, &path, depth + 1);
        if let Some(items) = property.get("items") {
            add(rows, items, &format!("{path}[]"), depth + 1);
        }
    }
}

fn kind(schema: &Value) -> String {
    if let Some(alternatives) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
    {
        return alternatives.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    match schema.get("type").and_then(Value::as_str).unwrap_or_default() {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => format!("list of {}", schema.get("items").map_or_else(|| "anything".to_owned(), kind)),
        "" => "anything".to_owned(),
        other => other.to_owned(),
    }
}

fn values(schema: &Value) -> Vec<String> {
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    listed.chain(schema.get("const")).map(Value::to_string).collect()
}

/// The largest whole number that a double holds exactly, by which schemas say "any whole number".
const LARGEST_WHOLE: i64 = 9_007_199_254_740_991;

fn remark(schema: &Value) -> String {
    let number =
        |name: &str| schema.get(name).and_then(Value::as_i64).filter(|number| number.abs() != LARGEST_WHOLE);
    let mut remarks: Vec<String> =
        schema.get("description").and_then(Value::as_str).map(str::to_owned).into_iter().collect();
    remarks.extend(number("minimum").map(|least| format!("at least {least}")));
    remarks.extend(number("exclusiveMinimum").map(|below| format!("more than {below}")));
    remarks.extend(number("maximum").map(|most| format!("at most {most}")));
    remarks.extend(number("minLength").filter(|least| *least > 0).map(|_| "not empty".to_owned()));
    remarks.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::event::catalogue::catalogue;

    use super::*;

    #[test]
    fn nested_properties_follow_the_one_they_are_in() {
        let schema = json!({"type": "object", "required": ["id", "keys"], "properties": {
            "extra": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "id": {"type": "integer", "minimum": -LARGEST_WHOLE, "exclusiveMinimum": 0},
            "keys": {"type": "array", "items": {"type": "object", "required": ["uuid"], "properties": {
                "uuid": {"type": "string", "enum": ["a", "b"], "description": "One of two"},
            }}},
        }});
        let rows: Vec<_> = properties(&schema)
            .into_iter()
            .map(|row| (row.path, row.kind, row.required, row.values.join(" "), row.remark))
            .collect();
        let row = |path: &str, kind: &str, required, values: &str, remark: &str| {
            (path.to_owned(), kind.to_owned(), required, values.to_owned(), remark.to_owned())
        };
        assert_eq!(
            rows,
            [
                row("id", "whole number", true, "", "more than 0"),
                row("keys", "list of object", true, "", ""),
                row("keys[].uuid", "text", true, "\"a\" \"b\"", "One of two"),
                row("extra", "number or null", false, "", ""),
            ]
        );
    }

    #[test]
    fn every_property_of_the_catalogue_has_a_kind() {
        for entry in catalogue() {
            let Some(schema) = entry.schema() else { continue };
            let rows = properties(&serde_json::from_str(schema.get()).unwrap());
            assert!(!rows.is_empty(), "{}", entry.name);
            for row in rows {
                assert!(!row.kind.contains("anything"), "{} {row:?}", entry.name);
            }
        }
    }
}
