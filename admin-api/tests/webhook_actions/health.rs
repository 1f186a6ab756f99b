//! `GET /webhook-health`

use serde_json::{Value, json};
use shared::ports::Statement;

use crate::support::TestApp;

/// One webhook for each of these, in this order.
const TROUBLES: [(&str, &str); 7] = [
    ("well", "verified_at = 1"),
    ("failing", "consecutive_failures = 2, failing_since = 1775124000000"),
    ("circuit", "consecutive_failures = 9, strikes = 9, circuit_opened_at = 1775124060000"),
    ("pending", "status = 'pending', verifying_since = 1775124120000"),
    (
        "gone",
        "status = 'disabled', disabled_reason = 'the endpoint answered 410 Gone', last_error_at = 1775124180000",
    ),
    ("pending too", "status = 'pending', verifying_since = 1775124000000"),
    ("disabled too", "status = 'disabled', disabled_reason = 'nothing but failures for 5 days'"),
];

async fn given_troubles(app: &TestApp) -> Vec<String> {
    let mut ids = Vec::new();
    for (index, (_, columns)) in TROUBLES.iter().enumerate() {
        let org_id = format!("tenant-{index}");
        app.given_tenant(&org_id).await;
        let path = app.given_webhook(&org_id).await;
        let id = path.rsplit('/').next().unwrap().to_owned();
        app.database.query(
            Statement::new(format!("UPDATE webhooks SET created_at = {index}, {columns} WHERE id = ?1"))
                .bind(&id),
        );
        ids.push(id);
    }
    ids
}

#[tokio::test]
async fn the_worst_come_first_and_who_is_well_is_not_there() {
    let app = TestApp::default();
    assert_eq!(
        app.admin().get("/webhook-health").await.is(200).body,
        json!({"webhooks": [], "nextCursor": null})
    );
    let ids = given_troubles(&app).await;
    let delivery = app.delivery();
    delivery.event("tenant-3", "e-1", "KeyAdded").await;
    app.wait(60);
    delivery.event("tenant-3", "e-2", "KeyAdded").await;

    let answer = app.admin().get("/webhook-health").await;
    let listed = answer.is(200).body["webhooks"].as_array().unwrap();
    let order: Vec<_> = listed
        .iter()
        .map(|webhook| (webhook["trouble"].as_str().unwrap(), webhook["webhookId"].as_str().unwrap()))
        .collect();
    let expected = [
        ("disabled", 4),
        ("disabled", 6),
        ("pending", 3),
        ("pending", 5),
        ("circuit_open", 2),
        ("failing", 1),
    ];
    assert_eq!(order, expected.map(|(trouble, index)| (trouble, ids[index].as_str())));
    assert_eq!(
        (&listed[0]["orgId"], &listed[0]["reason"]),
        (&json!("tenant-4"), &json!("the endpoint answered 410 Gone"))
    );
    assert_eq!(listed[2]["oldestUndeliveredAt"], "2026-04-02T10:00:00.000Z");
    assert_eq!(listed[3]["oldestUndeliveredAt"], Value::Null);
    assert_eq!(listed[4]["since"], "2026-04-02T10:01:00.000Z");
    assert!(!answer.text.contains("secret"), "{}", answer.text);
}

#[tokio::test]
async fn pages_follow_each_other_and_a_query_must_make_sense() {
    let app = TestApp::default();
    given_troubles(&app).await;
    let all = app.admin().get("/webhook-health").await.body["webhooks"].clone();
    for limit in [1, 2, 5, 6, 200] {
        let mut seen = Vec::new();
        let mut query = format!("limit={limit}");
        loop {
            let page = app.admin().get(&format!("/webhook-health?{query}")).await;
            seen.extend(page.is(200).body["webhooks"].as_array().unwrap().clone());
            match page.body["nextCursor"].as_str() {
                Some(next) => query = format!("limit={limit}&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(json!(seen), all, "by {limit}");
    }
    for (query, field) in
        [("limit=0", "limit"), ("limit=201", "limit"), ("cursor=x", "cursor"), ("offset=1", "offset")]
    {
        app.admin().get(&format!("/webhook-health?{query}")).await.names_field(field);
    }
}
