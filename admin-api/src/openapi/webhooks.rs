//! Webhooks: an admin's, and a partner's own.

use serde_json::{Value, json};
use shared::error::Error::{TenantNotRegistered, WebhookLimitReached, WebhookNotDisabled, WebhookNotFound};
use shared::webhook::Webhook;

use super::operation::{Needs, Operation};
use super::tenants::SAME_TENANT;
use super::{AT, WEBHOOK, transitioned};
use crate::routes::TransitionedBody;
use crate::routes::webhook_actions::{TestBody, TestedBody};
use crate::routes::webhook_bodies::{ChangedBody, CreatedBody, RotateSecretBody, RotatedBody, WebhookBody};
use crate::routes::webhooks::UrlBody;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
/// The webhook of the path that was asked.
const SAME: [(&str, &str); 2] = [SAME_TENANT, ("webhookId", "$request.path.webhookId")];
/// The webhook that was just created.
const CREATED: [(&str, &str); 2] = [SAME_TENANT, ("webhookId", "$response.body#/webhookId")];
/// The first of a list.
const LISTED: [(&str, &str); 2] = [SAME_TENANT, ("webhookId", "$response.body#/webhooks/0/id")];

pub(super) fn webhooks() -> Vec<Operation> {
    let fields = &["url", "events", "secret", "auth"];
    let wanted = json!({"url": "https://hooks.acme-corp.com/in", "events": ["LockCreated", "KeyAdded"]});
    let mut created = transitioned(1);
    created["webhookId"] = json!(WEBHOOK);
    created["secret"] = json!(SECRET);
    created["auth"] = json!({"type": "none"});
    let mut rotated = transitioned(3);
    rotated["secret"] = json!(SECRET);
    let gone = [TenantNotRegistered, WebhookNotFound];
    vec![
        Operation::new("POST", "/tenants/{orgId}/webhooks", "createWebhook", "Create a webhook")
            .details(
                "`events` is `[\"*\"]` where absent. Secret and token are drawn where absent, and shown in this answer \
                 only. At most 20 per tenant.",
            )
            .takes_as::<WebhookBody>("CreateWebhookBody", Needs::All(&["url"]), wanted)
            .answers::<CreatedBody>(201, "Created and active; secret and token are shown this once.", created)
            .fails(&[TenantNotRegistered, WebhookLimitReached])
            .leads_to("getWebhook", &CREATED)
            .leads_to("changeWebhook", &CREATED)
            .leads_to("rotateWebhookSecret", &CREATED)
            .leads_to("verifyWebhook", &CREATED)
            .leads_to("testWebhook", &CREATED)
            .leads_to("enableWebhook", &CREATED)
            .leads_to("listDeliveries", &CREATED)
            .leads_to("summarizeDeliveries", &CREATED)
            .leads_to("redeliverRange", &CREATED)
            .leads_to("deleteWebhook", &CREATED),
        Operation::new("GET", "/tenants/{orgId}/webhooks", "listWebhooks", "List a tenant's webhooks")
            .lists::<Webhook>("webhooks", &webhook())
            .fails(&[TenantNotRegistered])
            .leads_to("getWebhook", &LISTED),
        Operation::new("GET", "/tenants/{orgId}/webhooks/{webhookId}", "getWebhook", "Get a webhook")
            .answers::<Webhook>(200, "The webhook, without its secret and token.", webhook())
            .fails(&gone),
        Operation::new("PUT", "/tenants/{orgId}/webhooks/{webhookId}", "changeWebhook", "Change a webhook")
            .details("What is absent stays. A changed `url` makes the webhook pending until its endpoint is verified.")
            .takes_as::<WebhookBody>(
                "ChangeWebhookBody",
                Needs::OneOf(fields),
                json!({"events": ["*"], "auth": {"type": "apiKeyHeader", "headerName": "X-Acme-Token"}}),
            )
            .answers::<ChangedBody>(200, "Changed; a new token is shown this once.", transitioned(2))
            .fails(&gone)
            .leads_to("getWebhook", &SAME),
        Operation::new("DELETE", "/tenants/{orgId}/webhooks/{webhookId}", "deleteWebhook", "Delete a webhook")
            .details("What is pending for it ends failed.")
            .answers::<TransitionedBody>(200, "Deleted.", transitioned(4))
            .fails(&gone)
            .leads_to("getWebhook", &SAME),
        Operation::new(
            "POST",
            "/tenants/{orgId}/webhooks/{webhookId}/rotate-secret",
            "rotateWebhookSecret",
            "Rotate a webhook's signing secret",
        )
        .details("For `overlapSeconds` requests carry both signatures.")
        .takes::<RotateSecretBody>(Needs::NoBody, json!({"overlapSeconds": 86_400}))
        .answers::<RotatedBody>(200, "Rotated; the new secret is shown this once.", rotated)
        .fails(&gone),
        Operation::new(
            "POST",
            "/tenants/{orgId}/webhooks/{webhookId}/verify",
            "verifyWebhook",
            "Verify a webhook's endpoint",
        )
        .details("The webhook is pending until the endpoint answers a challenge with 2xx.")
        .answers::<TransitionedBody>(202, "Verification starts again.", transitioned(5))
        .fails(&gone),
        Operation::new(
            "POST",
            "/tenants/{orgId}/webhooks/{webhookId}/enable",
            "enableWebhook",
            "Enable a disabled webhook",
        )
        .answers::<TransitionedBody>(200, "Pending, and being verified.", transitioned(6))
        .fails(&gone)
        .fails(&[WebhookNotDisabled]),
        Operation::new("POST", "/tenants/{orgId}/webhooks/{webhookId}/test", "testWebhook", "Send a test event")
            .details("A sample of `eventType` (KeyAdded where absent), marked `detail.test: true`, to this webhook alone.")
            .takes::<TestBody>(Needs::NoBody, json!({"eventType": "LockCreated"}))
            .answers::<TestedBody>(202, "On its way.", json!({"eventId": super::EVENT}))
            .fails(&gone),
    ]
}

pub(super) fn own() -> Vec<Operation> {
    vec![
        Operation::new("GET", "/webhooks", "listOwnWebhooks", "List the webhooks of this key's tenant")
            .lists::<Webhook>("webhooks", &webhook())
            .leads_to("changeOwnWebhookUrl", &[("webhookId", "$response.body#/webhooks/0/id")]),
        Operation::new(
            "PATCH",
            "/webhooks/{webhookId}",
            "changeOwnWebhookUrl",
            "Change one's own webhook's URL",
        )
        .details("The webhook is pending until the new endpoint is verified.")
        .takes::<UrlBody>(Needs::All(&["url"]), json!({"url": "https://hooks.acme-corp.com/new"}))
        .answers::<TransitionedBody>(200, "Changed, and pending.", transitioned(7))
        .fails(&[WebhookNotFound]),
    ]
}

fn webhook() -> Value {
    json!({
        "id": WEBHOOK, "url": "https://hooks.acme-corp.com/in", "events": ["LockCreated", "KeyAdded"],
        "status": "active", "auth": {"type": "none"}, "createdAt": AT, "updatedAt": AT, "verifiedAt": null,
        "lastDeliveredAt": AT, "lastErrorAt": null, "lastErrorStatus": null, "lastErrorMessage": null,
        "consecutiveFailures": 0, "nextProbeAt": null, "heldCount": 0, "heldMore": false,
    })
}
