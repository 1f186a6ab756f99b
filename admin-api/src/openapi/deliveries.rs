//! The delivery log, redelivery, and what is in trouble.

use serde_json::{Value, json};
use shared::app::delivery_summary::DeliverySummary;
use shared::error::Error::{
    BodyNotKept, DeadLetterNotFound, DeliveryNotFound, DeliveryPending, TenantNotRegistered, WebhookNotFound,
};

use super::operation::{Needs, Operation};
use super::tenants::SAME_TENANT;
use super::{AT, EVENT, WEBHOOK};
use crate::routes::dead_letters::{DeadLettersBody, RequeuedBody};
use crate::routes::deliveries::{DeliveryBody, LogBody, RedeliveredBody};
use crate::routes::webhook_actions::{RedeliverAnswer, RedeliverBody};
use crate::routes::webhook_health::HealthBody;

const LOGGED: [(&str, &str); 3] = [
    SAME_TENANT,
    ("webhookId", "$request.path.webhookId"),
    ("eventId", "$response.body#/deliveries/0/eventId"),
];

pub(super) fn deliveries() -> Vec<Operation> {
    let log = "/tenants/{orgId}/webhooks/{webhookId}/deliveries";
    let mut kept = delivery();
    kept["body"] = json!("{\"version\":\"0\",\"id\":\"…\"}");
    let gone = [TenantNotRegistered, WebhookNotFound];
    vec![
        Operation::new("GET", log, "listDeliveries", "Read a webhook's delivery log")
            .details("With a filter a page may be short and still not the last: `nextCursor` tells.")
            .query(&["state", "eventType", "since", "until"])
            .pages((1_775_124_000_000_i64, EVENT))
            .answers::<LogBody>(
                200,
                "Deliveries with their attempts, newest first.",
                json!({"deliveries": [delivery()], "nextCursor": null}),
            )
            .fails(&gone)
            .leads_to("getDelivery", &LOGGED)
            .leads_to("redeliver", &LOGGED),
        Operation::new(
            "GET",
            "/tenants/{orgId}/webhooks/{webhookId}/delivery-summary",
            "summarizeDeliveries",
            "Sum up a webhook's last 24 hours",
        )
        .answers::<DeliverySummary>(
            200,
            "Counts by the hour, and the 20 newest deliveries.",
            json!({
                "hours": [{"hour": AT, "delivered": 12, "retrying": 1, "failed": 0}], "counted": 13,
                "truncated": false, "latest": [delivery()],
            }),
        )
        .fails(&gone),
        Operation::new(
            "GET",
            "/tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}",
            "getDelivery",
            "Get one delivery",
        )
        .answers::<DeliveryBody>(200, "The delivery, and its body where kept.", kept)
        .fails(&gone)
        .fails(&[DeliveryNotFound]),
        Operation::new(
            "POST",
            "/tenants/{orgId}/webhooks/{webhookId}/deliveries/{eventId}/redeliver",
            "redeliver",
            "Send one event again",
        )
        .answers::<RedeliveredBody>(202, "Pending again.", json!({"success": true, "eventId": EVENT}))
        .fails(&gone)
        .fails(&[DeliveryNotFound, DeliveryPending, BodyNotKept]),
        Operation::new(
            "POST",
            "/tenants/{orgId}/webhooks/{webhookId}/redeliver",
            "redeliverRange",
            "Send many events again",
        )
        .details(
            "Those created from `since` (all that is kept where absent) to before `until` (now where absent; after \
             `since`), in one of `states`, in batches.",
        )
        .takes::<RedeliverBody>(Needs::Nothing, json!({"since": AT, "states": ["failed", "dead"]}))
        .answers::<RedeliverAnswer>(202, "How many become pending again.", json!({"count": 17, "more": false}))
        .fails(&gone),
    ]
}

pub(super) fn operations() -> Vec<Operation> {
    let troubled = json!({
        "orgId": "acme-corp", "webhookId": WEBHOOK, "url": "https://hooks.acme-corp.com/in", "trouble": "circuit_open",
        "status": "active", "since": AT, "reason": null, "consecutiveFailures": 5, "lastErrorAt": AT,
        "lastErrorStatus": 503, "lastErrorMessage": "answered 503", "oldestUndeliveredAt": AT,
    });
    let letter = json!({
        "id": 1, "queue": "webhook-events", "body": "nonsense", "reason": "undecodable message", "receivedAt": AT,
        "envelope": null, "requeuedAt": null,
    });
    vec![
        Operation::new("GET", "/webhook-health", "listTroubledWebhooks", "List webhooks in trouble")
            .pages((3_u8, 17_i64))
            .answers::<HealthBody>(
                200,
                "Worst first: disabled, pending, circuit open, failing.",
                json!({"webhooks": [troubled], "nextCursor": null}),
            ),
        Operation::new(
            "GET",
            "/dead-letters",
            "listDeadLetters",
            "List messages that no consumer could handle",
        )
        .pages((17_i64,))
        .answers::<DeadLettersBody>(
            200,
            "With the reason, newest first.",
            json!({"deadLetters": [letter], "nextCursor": null}),
        )
        .leads_to("requeueDeadLetter", &[("id", "$response.body#/deadLetters/0/id")]),
        Operation::new(
            "POST",
            "/dead-letters/{id}/requeue",
            "requeueDeadLetter",
            "Put a dead letter on its queue again",
        )
        .answers::<RequeuedBody>(202, "On its queue again.", json!({"success": true, "id": 1}))
        .fails(&[DeadLetterNotFound]),
    ]
}

fn delivery() -> Value {
    json!({
        "eventId": EVENT, "eventType": "KeyAdded", "state": "dead", "createdAt": AT, "nextAttemptAt": null,
        "endedAt": "2026-04-05T10:00:00.000Z", "reason": "the retries are spent", "held": false,
        "attempts": [{"at": AT, "status": 503, "durationMilliseconds": 41, "error": "answered 503", "excerpt": "Busy"}],
    })
}
