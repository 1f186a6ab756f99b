//! `GET …/deliveries`

use serde_json::{Value, json};
use shared::testing::Reply;

use super::{URL, given};
use crate::support::{Answer, TestApp};

/// Seven deliveries a minute apart from 10:00: every third fails, and the types alternate.
async fn given_log() -> (TestApp, String) {
    let (app, path) = given().await;
    let delivery = app.delivery();
    for index in 0..7 {
        delivery.endpoints.reply(URL, &[Reply::Status(if index % 3 == 0 { 404 } else { 200 })]);
        let event_type = if index % 2 == 0 { "KeyAdded" } else { "KeyRemoved" };
        delivery.event("acme-corp", &format!("e-{index}"), event_type).await;
        if index % 3 == 0 {
            delivery.give_up(&format!("e-{index}"), "failed");
        }
        app.wait(60);
    }
    (app, format!("{path}/deliveries"))
}

fn ids(answer: &Answer) -> Vec<String> {
    let deliveries = answer.is(200).body["deliveries"].as_array().unwrap();
    deliveries.iter().map(|delivery| delivery["eventId"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_newest_comes_first_with_its_attempts() {
    let (app, log) = given_log().await;
    let answer = app.admin().get(&log).await;
    assert_eq!(ids(&answer), ["e-6", "e-5", "e-4", "e-3", "e-2", "e-1", "e-0"]);
    assert_eq!(answer.body["nextCursor"], Value::Null);
    let oldest = &answer.body["deliveries"][6];
    assert_eq!((&oldest["state"], &oldest["eventType"]), (&json!("failed"), &json!("KeyAdded")));
    let attempt = &oldest["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["error"]), (&json!(404), &json!("answered 404")));
    assert_eq!(
        (&attempt["at"], &attempt["durationMilliseconds"]),
        (&json!("2026-04-02T10:00:00.000Z"), &json!(20))
    );
    assert!(oldest.get("body").is_none(), "bodies are shown one by one");
}

#[tokio::test]
async fn filters_are_all_that_match() {
    let (app, log) = given_log().await;
    for (query, expected) in [
        ("state=failed", vec!["e-6", "e-3", "e-0"]),
        ("state=delivered", vec!["e-5", "e-4", "e-2", "e-1"]),
        ("state=pending", vec![]),
        ("eventType=KeyRemoved", vec!["e-5", "e-3", "e-1"]),
        ("eventType=KeyRemoved&state=failed", vec!["e-3"]),
        ("eventType=Nobody%20Knows", vec![]),
        ("since=2026-04-02T10:05:00Z", vec!["e-6", "e-5"]),
        ("until=2026-04-02T10:01:00.000Z", vec!["e-0"]),
        ("since=2026-04-02T10:02:00Z&until=2026-04-02T10:04:00Z", vec!["e-3", "e-2"]),
        ("since=2026-04-02T10:02:00Z&state=failed&limit=1", vec!["e-6"]),
    ] {
        assert_eq!(ids(&app.admin().get(&format!("{log}?{query}")).await), expected, "{query}");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let (app, log) = given_log().await;
    for (query, expected) in
        [("", 7), ("&state=failed", 3), ("&eventType=KeyAdded", 4), ("&since=2026-04-02T10:01:00Z", 6)]
    {
        for limit in [1, 2, 3, 7, 200] {
            let mut seen = Vec::new();
            let mut cursor = String::new();
            loop {
                let page = app.admin().get(&format!("{log}?limit={limit}{query}{cursor}")).await;
                let found = ids(&page);
                assert!(found.len() <= limit);
                seen.extend(found);
                match page.body["nextCursor"].as_str() {
                    Some(next) => cursor = format!("&cursor={next}"),
                    None => break,
                }
            }
            let mut sorted = seen.clone();
            sorted.sort_by(|one, other| other.cmp(one));
            sorted.dedup();
            assert_eq!((seen.len(), &seen), (expected, &sorted), "{query} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_query_must_make_sense() {
    let (app, log) = given_log().await;
    for (query, field) in [
        ("state=lost", "state"),
        ("state=", "state"),
        ("state=FAILED", "state"),
        ("state=failed,dead", "state"),
        ("since=yesterday", "since"),
        ("since=", "since"),
        ("until=2026-04-02", "until"),
        ("since=2026-04-02T10:00:00Z&until=2026-04-02T10:00:00Z", "until"),
        ("since=2026-04-02T10:00:00Z&until=2026-04-02T09:59:59Z", "until"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("cursor=", "cursor"),
        ("cursor=x", "cursor"),
        ("cursor=AAAAAAAAAAAAAAAA", "cursor"),
        ("offset=1", "offset"),
        ("state=failed&state=dead", "state"),
    ] {
        app.admin().get(&format!("{log}?{query}")).await.names_field(field);
    }
}

#[tokio::test]
async fn a_cursor_that_was_tampered_with_is_none() {
    let (app, log) = given_log().await;
    let cursor = app.admin().get(&format!("{log}?limit=2")).await.text_at("nextCursor");
    assert_eq!(ids(&app.admin().get(&format!("{log}?limit=2&cursor={cursor}")).await), ["e-4", "e-3"]);
    for place in 0..cursor.len() {
        let mut bytes = cursor.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        app.admin().get(&format!("{log}?cursor={changed}")).await.names_field("cursor");
        app.admin().get(&format!("{log}?cursor={}", &cursor[..place])).await.names_field("cursor");
    }
    for changed in [format!("{cursor}A"), format!("{cursor}="), cursor.to_uppercase()] {
        app.admin().get(&format!("{log}?cursor={changed}")).await.names_field("cursor");
    }
}

#[tokio::test]
async fn a_cursor_of_another_list_is_none_of_this_one() {
    let (app, log) = given_log().await;
    app.given_tenant("other").await;
    for _ in 0..2 {
        let path = app.given_webhook("other").await;
        app.admin().request("POST", &format!("{path}/verify")).send().await.is(202);
    }
    app.delivery()
        .couriers()
        .keep_dead_letters(&crate::support::delivery::messages(&app.clock, &["x".to_owned(), "y".to_owned()]))
        .await;
    let lists = [&log, "/tenants/other/transitions", "/webhook-health", "/dead-letters"];
    let mut cursors = Vec::new();
    for list in lists {
        cursors.push(app.admin().get(&format!("{list}?limit=1")).await.is(200).text_at("nextCursor"));
    }
    for (index, list) in lists.iter().enumerate() {
        for (other, cursor) in cursors.iter().enumerate() {
            let answer = app.admin().get(&format!("{list}?cursor={cursor}")).await;
            if index == other {
                answer.is(200);
            } else {
                answer.names_field("cursor");
            }
        }
    }
}
