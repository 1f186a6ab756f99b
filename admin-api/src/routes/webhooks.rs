//! Webhooks: an admin's, of any tenant; a partner's own.

use std::time::Duration;

use edge::fields::Given;
use edge::json::{Json, JsonAnswer, OptionalJson};
use edge::parameters::{NoQuery, OrgPath, Query, WebhookPath};
use edge::problem::Problem;
use edge::routes::{delete, get, patch, post, put};
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;
use shared::app::change_webhook::RequestedChange;
use shared::webhook::Webhook;
use shared::webhook::filter::EventFilter;
use shared::webhook::url::WebhookUrl;

use super::webhook_bodies::{
    DEFAULT_OVERLAP_SECONDS, RotateSecretBody, SecretRotated, WebhookBody, WebhookChanged, WebhookCreated,
    WebhookSecret,
};
use super::{JsonResult, ListBody, PageQuery, Routes, TransitionedBody, ok};
use crate::auth::{Admin, MeteredApp, MeteredApps, PartnerCaller};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(described!(
            post("/tenants/{orgId}/webhooks", create),
            Operation::new("createWebhook", "Create a webhook")
                .details(
                    "`events` is `[\"*\"]` where absent. Secret and token are drawn where absent, and shown in this \
                     answer only. At most 20 per tenant.",
                )
                .takes::<WebhookBody>(
                    Needs::All(&["url"]),
                    json!({"url": "https://hooks.acme-corp.com/in", "events": ["LockCreated", "KeyAdded"]}),
                )
                .answers::<WebhookCreated>(
                    201,
                    "Created and active; secret and token are shown this once.",
                    json!({
                        "success": true, "aggregateId": "acme-corp", "version": 1, "webhookId": WEBHOOK,
                        "secret": SECRET, "auth": {"type": "none"},
                    }),
                )
                .fails(&[TenantNotRegistered, WebhookLimitReached])
                .refuses_portal_more()
                .leads_to("getWebhook", &CREATED)
                .leads_to("changeWebhook", &CREATED)
                .leads_to("rotateWebhookSecret", &CREATED)
                .leads_to("verifyWebhook", &CREATED)
                .leads_to("testWebhook", &CREATED)
                .leads_to("enableWebhook", &CREATED)
                .leads_to("listDeliveries", &CREATED)
                .leads_to("redeliverRange", &CREATED)
                .leads_to("deleteWebhook", &CREATED),
        ))
        .route(described!(
            get("/tenants/{orgId}/webhooks", list),
            Operation::new("listWebhooks", "List a tenant's webhooks")
                .lists::<Webhook>("webhooks", &webhook())
                .fails(&[TenantNotRegistered])
                .leads_to(
                    "getWebhook",
                    &[SAME_TENANT, ("webhookId", "$response.body#/webhooks/0/id")],
                ),
        ))
        .route(described!(
            get("/tenants/{orgId}/webhooks/{webhookId}", find),
            Operation::new("getWebhook", "Get a webhook")
                .answers::<Webhook>(200, "The webhook, without its secret and token.", webhook())
                .fails(&[TenantNotRegistered, WebhookNotFound]),
        ))
        .route(described!(
            put("/tenants/{orgId}/webhooks/{webhookId}", change),
            Operation::new("changeWebhook", "Change a webhook")
                .details(
                    "What is absent stays. A changed `url` makes the webhook pending until its endpoint is verified.",
                )
                .takes::<WebhookBody>(
                    Needs::OneOf(&["url", "events", "secret", "auth"]),
                    json!({"events": ["*"], "auth": {"type": "apiKeyHeader", "headerName": "X-Acme-Token"}}),
                )
                .answers::<WebhookChanged>(200, "Changed; a new token is shown this once.", transitioned(2))
                .fails(&[TenantNotRegistered, WebhookNotFound])
                .refuses_portal_more()
                .leads_to("getWebhook", &SAME_WEBHOOK),
        ))
        .route(described!(
            delete("/tenants/{orgId}/webhooks/{webhookId}", remove),
            Operation::new("deleteWebhook", "Delete a webhook")
                .details("What is pending for it ends failed.")
                .answers::<TransitionedBody>(200, "Deleted.", transitioned(4))
                .fails(&[TenantNotRegistered, WebhookNotFound])
                .leads_to("getWebhook", &SAME_WEBHOOK),
        ))
        .route(described!(
            post("/tenants/{orgId}/webhooks/{webhookId}/rotate-secret", rotate_secret),
            Operation::new("rotateWebhookSecret", "Rotate a webhook's signing secret")
                .details(
                    "Each earlier secret signs as well until its own overlap ends; the one so far for `overlapSeconds`. At \
                     most 5 sign at once. To rotate to the current secret changes nothing.",
                )
                .takes::<RotateSecretBody>(Needs::NoBody, json!({"overlapSeconds": 86_400}))
                .answers::<SecretRotated>(
                    200,
                    "Rotated; the new secret is shown this once.",
                    json!({"success": true, "aggregateId": "acme-corp", "version": 3, "secret": SECRET}),
                )
                .fails(&[TenantNotRegistered, WebhookNotFound, TooManySecrets]),
        ))
        .route(described!(
            get("/tenants/{orgId}/webhooks/{webhookId}/secret", reveal_secret),
            Operation::new("revealWebhookSecret", "Show a webhook's signing secret")
                .details("The audit log says who saw it: `WebhookSecretRevealed`.")
                .answers::<WebhookSecret>(
                    200,
                    "The current secret, and how long earlier ones sign as well.",
                    json!({"secret": SECRET, "previous": [{"until": AT}]}),
                )
                .fails(&[TenantNotRegistered, WebhookNotFound]),
        ))
        .route(described!(
            get("/webhooks", list_own),
            Operation::new("listOwnWebhooks", "List the webhooks of this key's tenant")
                .lists::<Webhook>("webhooks", &webhook())
                .leads_to("changeOwnWebhookUrl", &[("webhookId", "$response.body#/webhooks/0/id")]),
        ))
        .route(described!(
            patch("/webhooks/{webhookId}", change_own_url),
            Operation::new("changeOwnWebhookUrl", "Change one's own webhook's URL")
                .details("The webhook is pending until the new endpoint is verified.")
                .takes::<UrlBody>(Needs::Body, json!({"url": "https://hooks.acme-corp.com/new"}))
                .answers::<TransitionedBody>(200, "Changed, and pending.", transitioned(7))
                .fails(&[WebhookNotFound]),
        ))
}

#[cfg(feature = "openapi")]
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
/// Links on to the webhook that was just created.
#[cfg(feature = "openapi")]
const CREATED: [(&str, &str); 2] = [SAME_TENANT, ("webhookId", "$response.body#/webhookId")];

async fn create(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    Json(body): Json<Given<WebhookBody>>,
) -> JsonResult<WebhookCreated> {
    let mut more_than_url = false;
    let requested = body.check(|body, faults| {
        more_than_url = body.has_more_than_url();
        body.into_new(&app.url_rules, faults)
    })?;
    admin.check_portal(more_than_url)?;
    let warnings = requested.events.warnings();
    let created = app.create_webhook(&admin.of(org_id), requested).await?;
    let body = WebhookCreated {
        transitioned: created.transitioned.into(),
        webhook_id: created.webhook_id,
        // The portal never sees the secret (spec: Partner Portal): an admin hands it over.
        secret: (!admin.actor.is_at_portal()).then(|| created.secret.expose().expose_secret().to_owned()),
        auth: created.auth.into(),
        warnings,
    };
    Ok(JsonAnswer(StatusCode::CREATED, body))
}

async fn list(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    OrgPath(org_id): OrgPath,
    Query(query): Query<PageQuery>,
) -> Result<ListBody<Webhook>, Problem> {
    let page = query.page();
    Ok(ListBody::new("webhooks", app.list_webhooks(&admin.of(org_id), page).await?, page))
}

async fn find(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
) -> JsonResult<Webhook> {
    ok(app.get_webhook(&admin.of(org_id), &id).await?)
}

async fn change(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
    Json(body): Json<Given<WebhookBody>>,
) -> JsonResult<WebhookChanged> {
    let mut more_than_url = false;
    let requested = body.check(|body, faults| {
        more_than_url = body.has_more_than_url();
        body.into_change(&app.url_rules, faults)
    })?;
    admin.check_portal(more_than_url)?;
    let warnings = requested.events.as_ref().map(EventFilter::warnings).unwrap_or_default();
    let (transitioned, auth) = app.change_webhook(&admin.of(org_id), &id, requested).await?;
    ok(WebhookChanged { transitioned: transitioned.into(), auth: auth.map(Into::into), warnings })
}

async fn remove(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
) -> JsonResult<TransitionedBody> {
    ok(app.delete_webhook(&admin.of(org_id), &id).await?.into())
}

async fn rotate_secret(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
    OptionalJson(body): OptionalJson<RotateSecretBody>,
) -> JsonResult<SecretRotated> {
    let overlap = Duration::from_secs(body.overlap_seconds.unwrap_or(DEFAULT_OVERLAP_SECONDS));
    let (transitioned, secret) =
        app.rotate_webhook_secret(&admin.of(org_id), &id, body.secret, overlap).await?;
    ok(SecretRotated {
        transitioned: transitioned.into(),
        secret: secret.expose().expose_secret().to_owned(),
    })
}

async fn reveal_secret(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
) -> JsonResult<WebhookSecret> {
    ok(app.reveal_webhook_secret(&admin.of(org_id), &id).await?.into())
}

async fn list_own(
    PartnerCaller(partner): PartnerCaller,
    MeteredApps(apps): MeteredApps,
    Query(query): Query<PageQuery>,
) -> Result<ListBody<Webhook>, Problem> {
    let page = query.page();
    let app = apps.of(&partner.org_id);
    Ok(ListBody::new("webhooks", app.list_webhooks(&partner.tenant(), page).await?, page))
}

/// The body of `PATCH /webhooks/{webhookId}`: the URL and nothing else.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
struct UrlBody {
    // Which URLs are allowed depends on the environment.
    #[cfg_attr(feature = "openapi", schema(value_type = WebhookUrl))]
    url: String,
}

/// Changes the URL of the partner's own webhook; another tenant's webhook is not found.
async fn change_own_url(
    PartnerCaller(partner): PartnerCaller,
    MeteredApps(apps): MeteredApps,
    NoQuery: NoQuery,
    WebhookPath(id): WebhookPath,
    Json(body): Json<Given<UrlBody>>,
) -> JsonResult<TransitionedBody> {
    let app = apps.of(&partner.org_id);
    let url = body.check(|body, faults| faults.check("url", WebhookUrl::parse(&body.url, &app.url_rules)))?;
    let change = RequestedChange::url(url);
    let (transitioned, _) = app.change_webhook(&partner.tenant(), &id, change).await?;
    ok(transitioned.into())
}

/// An example of a webhook.
#[cfg(feature = "openapi")]
pub(super) fn webhook() -> Value {
    json!({
        "id": WEBHOOK, "url": "https://hooks.acme-corp.com/in", "events": ["LockCreated", "KeyAdded"],
        "status": "active", "auth": {"type": "none"}, "createdAt": AT, "updatedAt": AT, "verifiedAt": null,
        "lastDeliveredAt": AT, "lastErrorAt": null, "lastErrorStatus": null, "lastErrorMessage": null,
        "consecutiveFailures": 0, "circuitOpenedAt": null, "nextProbeAt": null, "heldCount": 0, "heldMore": false,
    })
}
