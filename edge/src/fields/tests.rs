use serde::Deserialize;
use serde_json::json;
use shared::tenant::OrgId;
use shared::time::Timestamp;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    org_id: OrgId,
    since: Option<Timestamp>,
    names: Option<Vec<String>>,
    inner: Option<Inner>,
    #[serde(deserialize_with = "whole_number")]
    seconds: Option<u64>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Inner {
    id: OrgId,
    at: Option<Timestamp>,
}

fn faults(body: Value) -> Vec<(String, String)> {
    Body::read(&body, Kind::Field).unwrap_err().into_iter().collect()
}

fn list(faults: &[(&str, &str)]) -> Vec<(String, String)> {
    faults.iter().map(|(path, fault)| ((*path).to_owned(), (*fault).to_owned())).collect()
}

const NO_ID: &str =
    "must be 3 to 63 characters of a-z, 0-9 and -, starting and ending with a letter or digit";
const NO_TIME: &str = "must be an ISO 8601 time with its offset, such as 2026-04-02T10:00:00.000Z";

#[test]
fn what_is_absent_or_null_is_none() {
    let body =
        Body::read(&json!({"orgId": "acme", "since": null, "inner": {"id": "abc"}}), Kind::Field).unwrap();
    assert_eq!((body.org_id.as_str(), body.since, body.names, body.seconds), ("acme", None, None, None));
    assert_eq!(body.inner.map(|inner| inner.id.to_string()).as_deref(), Some("abc"));
}

#[test]
fn every_fault_is_named_at_its_path() {
    let body = json!({"since": "soon", "names": ["a", 7], "inner": {"id": "", "at": 1}, "seconds": -1});
    assert_eq!(
        faults(body),
        list(&[
            ("inner.at", "must be a string"),
            ("inner.id", NO_ID),
            ("names[1]", "must be a string"),
            ("orgId", "is required"),
            ("seconds", "must be a whole number, not negative"),
            ("since", NO_TIME),
        ])
    );
}

#[test]
fn a_value_of_another_kind_is_never_repeated() {
    for wrong in [json!(7), json!(true), json!([1]), json!({"a": 1}), json!(1.5)] {
        assert_eq!(
            faults(json!({"orgId": wrong, "names": "secret", "inner": ["abc", null]})),
            list(&[
                ("inner", "must be an object"),
                ("names", "must be a list"),
                ("orgId", "must be a string"),
            ])
        );
    }
}

#[test]
fn fields_that_no_type_has_are_named_together_with_all_else() {
    assert_eq!(
        faults(json!({"orgid": "acme", "since": "soon", "x": 1, "inner": {"id": "", "y": 1, "z": {}}})),
        list(&[
            ("inner.id", NO_ID),
            ("inner.y", "is not a known field"),
            ("inner.z", "is not a known field"),
            ("orgId", "is required"),
            ("orgid", "is not a known field"),
            ("since", NO_TIME),
            ("x", "is not a known field"),
        ])
    );
    assert_eq!(
        faults(json!({"orgId": "acme", "inner": {"id": "abc", "x": 1}})),
        list(&[("inner.x", "is not a known field")])
    );
}

#[test]
fn a_parameter_is_given_once_unless_the_parameter_is_a_list() {
    let read = |query: Value| Body::read(&query, Kind::Parameter);
    for (names, expected) in [
        (json!("a"), vec!["a"]),
        (json!("a,b"), vec!["a", "b"]),
        (json!(["a", "b,c"]), vec!["a", "b", "c"]),
        (json!(""), vec![""]),
    ] {
        let read = read(json!({"orgId": "acme", "names": names})).unwrap();
        assert_eq!(read.names.unwrap(), expected);
    }
    let faults = read(json!({"orgId": ["acme", "acme"], "since": ["", ""], "x": ["1", "2"]})).unwrap_err();
    assert_eq!(
        faults.into_iter().collect::<Vec<_>>(),
        list(&[
            ("orgId", "must be given once"),
            ("since", "must be given once"),
            ("x", "is not a known parameter"),
        ])
    );
}

#[test]
fn rules_between_fields_add_to_the_faults_of_fields() {
    let given = |body: Value| Given::<Body>::read(&body, Kind::Field).unwrap();
    let rule = |body: Body, faults: &mut Faults| {
        faults.add("seconds", "are too many");
        Some(body.org_id)
    };
    let problem = given(json!({"orgId": "acme", "inner": {}})).check(rule).unwrap_err();
    assert_eq!(problem.fields.keys().collect::<Vec<_>>(), ["inner.id", "seconds"]);
    let problem = given(json!({"inner": {}})).check(rule).unwrap_err();
    assert_eq!(problem.fields.keys().collect::<Vec<_>>(), ["inner.id", "orgId"]);
    let problem = given(json!({"orgId": "acme", "x": 1})).check(rule).unwrap_err();
    assert_eq!(problem.fields.keys().collect::<Vec<_>>(), ["seconds", "x"]);
    let good = given(json!({"orgId": "acme"})).check(|body, _| Some(body.org_id.to_string()));
    assert_eq!(good.unwrap(), "acme");
}

#[test]
fn a_whole_number_may_be_spelt_in_any_way() {
    let read = |text: &str| {
        let body = format!("{{\"orgId\": \"acme\", \"seconds\": {text}}}");
        Body::read(&serde_json::from_str(&body).unwrap(), Kind::Field).map(|body| body.seconds)
    };
    for (text, number) in
        [("0", 0), ("-0", 0), ("60", 60), ("60.0", 60), ("6e1", 60), ("18446744073709551615", u64::MAX)]
    {
        assert_eq!(read(text), Ok(Some(number)), "{text}");
    }
    assert_eq!(read("null"), Ok(None));
    for text in ["-1", "1.5", "1e30", "\"1\"", "[1]", "true", "{}"] {
        assert_eq!(read(text).unwrap_err()["seconds"], "must be a whole number, not negative", "{text}");
    }
}
