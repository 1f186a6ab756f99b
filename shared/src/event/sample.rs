//! Sample events, for partners who want to see that theirs arrive.

use serde_json::{Map, Value, json};

use super::catalogue::{EventType, find};
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// Nested schemas are followed this deep.
const DEEPEST: u32 = 8;

/// An envelope of this type for this tenant, its payload made after the type's schema, marked `detail.test: true`.
pub fn sample(id: &str, event_type: &EventType, org_id: &OrgId, now: Timestamp) -> String {
    let entry = find(event_type.as_str());
    let source = entry.map_or("spk.api", |entry| entry.source);
    let schema = entry.and_then(|entry| entry.schema());
    let schema = schema.and_then(|schema| serde_json::from_str::<Value>(schema.get()).ok());
    let data = schema.map_or_else(|| json!({}), |schema| value_for(&schema, "data", now, 0));
    json!({
        "version": "0", "id": id, "detail-type": event_type.as_str(), "source": source, "time": now.to_string(),
        "resources": [], "detail": {"partnerId": org_id.as_str(), "test": true, "data": data},
    })
    .to_string()
}

/// A value that a schema of the kinds in the catalogue allows: the first of an enumeration or of alternatives, the
/// least number, every required property.
fn value_for(schema: &Value, name: &str, now: Timestamp, depth: u32) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    if let Some(fixed) = schema.get("const").or_else(|| schema.get("enum").and_then(|values| values.get(0))) {
        return fixed.clone();
    }
    for alternatives in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(alternatives).and_then(|values| values.get(0)) {
            return value_for(first, name, now, depth + 1);
        }
    }
    let kind = schema.get("type");
    let kind = kind.and_then(|kind| kind.as_str().or_else(|| kind.get(0).and_then(Value::as_str)));
    match kind {
        Some("object") => Value::Object(object_for(schema, now, depth)),
        Some("array") => {
            let item = schema.get("items").map(|items| value_for(items, name, now, depth + 1));
            Value::Array(item.into_iter().collect())
        }
        Some("integer" | "number") => {
            let least = schema.get("minimum").filter(|least| least.as_f64().is_some_and(|least| least > 1.0));
            least.cloned().unwrap_or_else(|| json!(1))
        }
        Some("boolean") => Value::Bool(true),
        Some("null") => Value::Null,
        _ => text_for(schema, name, now),
    }
}

fn object_for(schema: &Value, now: Timestamp, depth: u32) -> Map<String, Value> {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let names = required.iter().filter_map(Value::as_str);
    names
        .map(|name| {
            let property = schema.get("properties").and_then(|properties| properties.get(name));
            (
                name.to_owned(),
                property.map_or(Value::Null, |property| value_for(property, name, now, depth + 1)),
            )
        })
        .collect()
}

fn text_for(schema: &Value, name: &str, now: Timestamp) -> Value {
    match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => Value::String(now.to_string()),
        Some("date") => Value::String(now.to_string().chars().take(10).collect()),
        Some("uuid") => json!("00000000-0000-4000-8000-000000000000"),
        Some("email") => json!("resident@example.com"),
        Some("uri") => json!("https://example.com"),
        _ if schema.get("pattern").is_some() => json!("00000000-0000-4000-8000-000000000000"),
        _ => json!(format!("sample {name}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::catalogue::catalogue;
    use crate::event::envelope::Event;

    #[test]
    fn every_type_has_a_sample_that_is_an_envelope_with_its_required_properties() {
        let org_id = OrgId::parse("acme-corp").unwrap();
        for entry in catalogue() {
            let event_type = EventType::parse(entry.name).unwrap();
            let text = sample("e-1", &event_type, &org_id, Timestamp::from_milliseconds(0));
            let event = Event::parse(&text).unwrap();
            assert_eq!((event.partner_id.as_str(), event.event_type.as_str()), ("acme-corp", entry.name));
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["detail"]["test"], true);
            let Some(schema) = entry.schema() else { continue };
            let schema: Value = serde_json::from_str(schema.get()).unwrap();
            for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert!(value["detail"]["data"].get(required).is_some(), "{} lacks {required}", entry.name);
            }
        }
    }
}
