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
        ("state=failed,delivered&limit=3", vec!["e-6", "e-5", "e-4"]),
        ("state=failed&state=dead", vec!["e-6", "e-3", "e-0"]),
        ("state=pending,dead,dead", vec![]),
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
        ("state=failed,", "state"),
        ("state=failed,FAILED", "state"),
        ("since=2026-04-02T10:00:00Z&since=2026-04-02T10:00:00Z", "since"),
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
        ("state=failed&state=lost", "state"),
    ] {
        app.admin().get(&format!("{log}?{query}")).await.names_field(field);
    }
    let all = app.admin().get(&format!("{log}?limit=0&limit=1&x=1&y=2&since=soon&state=lost")).await;
    for field in ["limit", "x", "y", "since", "state"] {
        all.names_field(field);
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
        .keep_dead_letters(&crate::support::delivery::messages(&app.clock, &["x".into(), "y".into()]))
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

#[tokio::test]
async fn one_call_tells_what_became_of_an_event_at_each_webhook() {
    let (app, first) = given_log().await;
    let second = app.given_webhook("acme-corp").await;
    app.given_tenant("other").await;
    app.delivery().event("acme-corp", "e-7", "KeyAdded").await;
    app.delivery().event("acme-corp", "7BF73129-1428-4CD3-A780-95DB273D1602", "KeyAdded").await;
    app.delivery().event("acme-corp", "7bf73129-1428-4cd3-a780-95db273d1603", "KeyAdded").await;
    let id = |path: &str| path.trim_end_matches("/deliveries").rsplit('/').next().unwrap().to_owned();
    let found = async |of: &str| {
        let answer = app.admin().get(&format!("/tenants/{of}")).await;
        let deliveries = answer.is(200).body["deliveries"].as_array().unwrap().clone();
        let part = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let parts =
            deliveries.iter().map(|one| (part(one, "webhookId"), part(one, "state"), part(one, "eventId")));
        parts.collect::<Vec<_>>()
    };
    let at = |path: &str, state: &str, event: &str| (id(path), state.to_owned(), event.to_owned());
    assert_eq!(found("acme-corp/deliveries?eventId=e-0").await, [at(&first, "failed", "e-0")]);
    let both = [at(&first, "delivered", "e-7"), at(&second, "delivered", "e-7")];
    assert_eq!(found("acme-corp/deliveries?eventId=e-7").await, both);
    assert_eq!(found("ACME-Corp/deliveries?eventId=E-7").await, both, "ids are taken in any case");
    let capital = "7BF73129-1428-4CD3-A780-95DB273D1602";
    assert_eq!(
        found(&format!("acme-corp/deliveries?eventId={capital}")).await[0],
        at(&first, "delivered", capital)
    );
    let small = "7bf73129-1428-4cd3-a780-95db273d1603";
    let upper = small.to_uppercase();
    assert_eq!(
        found(&format!("acme-corp/deliveries?eventId={upper}")).await[0],
        at(&first, "delivered", small)
    );
    assert!(found("acme-corp/deliveries?eventId=e-99").await.is_empty());
    assert!(found("other/deliveries?eventId=e-7").await.is_empty());
    let answer = app.admin().get("/tenants/acme-corp/deliveries?eventId=e-0").await;
    assert_eq!(answer.body["deliveries"][0]["attempts"][0]["status"], 404);

    app.admin().request("DELETE", &second).send().await.is(200);
    assert_eq!(
        found("acme-corp/deliveries?eventId=e-7").await,
        both,
        "a deleted webhook's log stays a while"
    );
    app.admin().get("/tenants/nobody/deliveries?eventId=e-7").await.is_problem(404, "tenant_not_registered");
    for query in ["", "?eventId=", "?eventId=a%20b", "?eventId=e-1&eventId=e-2"] {
        app.admin().get(&format!("/tenants/acme-corp/deliveries{query}")).await.names_field("eventId");
    }
}

#[tokio::test]
async fn ids_in_paths_are_taken_in_any_case() {
    let (app, log) = given_log().await;
    let upper = log.replace("acme-corp", "Acme-CORP");
    let webhook = log.trim_end_matches("/deliveries").rsplit('/').next().unwrap();
    let upper = upper.replace(webhook, &webhook.to_uppercase());
    assert_eq!(app.admin().get(&format!("{upper}/E-6")).await.is(200).text_at("eventId"), "e-6");
    let again = app.admin().request("POST", &format!("{upper}/E-6/redeliver")).send().await;
    assert_eq!(again.is(202).text_at("eventId"), "e-6");
    app.admin().get(&format!("{upper}/E-99")).await.is_problem(404, "delivery_not_found");
}
