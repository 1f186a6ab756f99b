//! Sample events, for partners who want to see that theirs arrive.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::catalogue::{EventType, find};
use crate::tenant::OrgId;
use crate::time::Timestamp;

/// Nested schemas are followed this deep.
const DEEPEST: u32 = 8;

/// An envelope of this type for this tenant, its payload as it usually looks, marked `detail.test: true`.
pub fn sample(id: &str, event_type: &EventType, org_id: &OrgId, now: Timestamp) -> String {
    let entry = find(event_type.as_str());
    let source = entry.map_or("spk.api", |entry| entry.source);
    let schema = entry.and_then(|entry| entry.schema());
    let schema = schema.and_then(|schema| serde_json::from_str::<Value>(schema.get()).ok());
    let data = schema.map_or_else(|| json!({}), |schema| value_for(&schema, "data", now, 0));
    let detail = SampleDetail { partner_id: org_id.as_str(), version: 1, test: true, data };
    let resources = [];
    let time = now.to_string();
    let envelope = SampleEnvelope {
        version: "0",
        id,
        detail_type: event_type.as_str(),
        source,
        time,
        resources,
        detail,
    };
    serde_json::to_string(&envelope).unwrap_or_default()
}

/// The envelope of a sample, its members in the order in which EventBridge writes them.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct SampleEnvelope<'a> {
    version: &'a str,
    id: &'a str,
    detail_type: &'a str,
    source: &'a str,
    time: String,
    resources: [&'a str; 0],
    detail: SampleDetail<'a>,
}

/// The detail of a sample.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SampleDetail<'a> {
    partner_id: &'a str,
    version: u64,
    test: bool,
    data: Value,
}

/// A value that a schema of the kinds in the catalogue allows: the first of an enumeration or of alternatives, every
/// property, and otherwise what is usual for a property of that name.
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
            let one = name.strip_suffix('s').unwrap_or(name);
            let item = schema.get("items").map(|items| value_for(items, one, now, depth + 1));
            Value::Array(item.into_iter().collect())
        }
        Some("integer" | "number") => number_for(name, now),
        Some("boolean") => Value::Bool(true),
        Some("null") => Value::Null,
        _ => Value::String(text_for(name, now)),
    }
}

fn object_for(schema: &Value, now: Timestamp, depth: u32) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    properties.map(|(name, property)| (name.clone(), value_for(property, name, now, depth + 1))).collect()
}

fn is_time(name: &str) -> bool {
    name == "timestamp" || name.ends_with("At") || name.starts_with("valid")
}

fn number_for(name: &str, now: Timestamp) -> Value {
    match name {
        _ if is_time(name) => json!(now.milliseconds()),
        "lockId" => json!(4711),
        "maxUses" => json!(5),
        "deviceTypeId" => json!(21),
        "number" | "keyIndex" | "keyIndexNumber" | "indexNumber" => json!(3),
        _ => json!(1),
    }
}

fn text_for(name: &str, now: Timestamp) -> String {
    let text = match name {
        _ if is_time(name) => return now.to_string(),
        "uuid" | "lockUuid" | "newUuid" => "5a0f1c7e-2f1b-4f0e-9c55-8d1f6f3b7a10",
        "previousUuid" => "1d6f3a52-7c44-4b0b-8a3e-0c9d2e5f4b61",
        "keyUuid" | "tempKeyUuid" | "keyId" | "preparedKeyId" => "c2b7e9d4-6a18-4e57-b3f2-91d0a4c86e35",
        "lockId" => "4711",
        "lockName" => "Front door",
        "userId" | "ownerId" | "allowedUserId" => "auth0|65f1c0ffee15600dd00dfeed",
        _ if name.ends_with("By") => "auth0|65f1c0ffee15600dd00dbeef",
        "orgId" | "newOrgId" => "acme-corp",
        "previousOrgId" => "example-homes",
        "orgName" => "ACME Corporation",
        "siteId" | "newSiteId" => "site-12",
        "previousSiteId" => "site-7",
        "hubId" | "sourceHubId" => "hub-00412",
        "targetHubId" => "hub-00977",
        "thingName" => "lock-4711",
        "targetThingName" => "hub-00977",
        "thingArn" => "arn:aws:iot:eu-central-1:123456789012:thing/lock-4711",
        "deviceId" => "dev-83ab10",
        "cameraId" | "threeDeyeCameraId" => "cam-2207",
        "roleId" | "threeDeyeRoleId" => "role-31",
        "threeDeyeUserId" => "user-508",
        "streamId" => "stream-2207",
        "migrationId" => "migration-19",
        "workerId" => "worker-3",
        "requestId" => "9b1f7c1e-4d1a-4c55-8a3b-6f2a0e7d5c92",
        "passId" => "pass-77120",
        "passUrl" => "https://wallet.example.com/passes/77120",
        "serial" | "serialNumber" => "SPK-24-004711",
        "registrationCode" => "K7QF-2M9D",
        "model" => "Hub 2",
        "vendorName" => "Example Devices",
        "deviceType" => "door-sensor",
        "matterPath" => "1/69/0",
        "email" => "resident@example.com",
        "maskedEmail" => "r***@example.com",
        "maskedPhoneNumber" => "***4567",
        "firstName" => "Robin",
        "lastName" => "Example",
        "old" => "Robin",
        "new" => "Robyn",
        "username" => "viewer",
        "password" => "not-a-real-password",
        "rtspUrl" => "rtsp://camera.example.com/stream",
        "httpUrl" | "httpSnapshotUrl" => "https://camera.example.com/snapshot.jpg",
        "rtspHash" => "b1946ac92492d2347c6235b4d2611184",
        "plate" => "AB-CD 123",
        "permission" => "view",
        "name" => "Entrance",
        "label" => "Company car",
        "note" => "Handed over at the desk",
        "description" => "Cameras of the entrance",
        "reason" => "Requested by the owner",
        "error" => "The device did not answer",
        _ => return format!("sample {name}"),
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::catalogue::catalogue;
    use crate::event::envelope::Event;

    #[test]
    fn every_type_has_a_sample_that_is_an_envelope_with_all_its_properties() {
        let org_id = OrgId::parse("acme-corp").unwrap();
        for entry in catalogue() {
            let event_type = EventType::parse(entry.name).unwrap();
            let text = sample("e-1", &event_type, &org_id, Timestamp::from_milliseconds(0));
            let event = Event::parse(&text).unwrap();
            assert_eq!((event.partner_id.as_str(), event.event_type.as_str()), ("acme-corp", entry.name));
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["detail"]["test"], true);
            // The members come as in EventBridge's envelopes, which begin with the version and end with the detail.
            assert!(text.starts_with(r#"{"version":"0","id":"e-1","detail-type":"#), "{text}");
            assert!(text.find("\"detail\":") > text.find("\"resources\":"), "{text}");
            assert!(
                !text.contains("\"sample "),
                "{}: a property's usual value is missing: {text}",
                entry.name
            );
            let Some(schema) = entry.schema() else { continue };
            let schema: Value = serde_json::from_str(schema.get()).unwrap();
            for name in schema["properties"].as_object().unwrap().keys() {
                assert!(value["detail"]["data"].get(name).is_some(), "{} lacks {name}", entry.name);
            }
        }
    }
}
