//! Webhooks: an admin's, of any tenant; a partner's own.

use edge::json::{Answer, Json, OptionalJson};
use edge::parameters::{NoQuery, OrgPath, Query, WebhookPath};
use edge::problem::Problem;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde::Deserialize;
use shared::app::change_webhook::RequestedChange;
use shared::error::Faults;
use shared::webhook::Webhook;
use shared::webhook::filter::EventFilter;
use shared::webhook::url::WebhookUrl;

use super::webhook_bodies::{ChangedBody, CreatedBody, RotateSecretBody, RotatedBody, WebhookBody};
use super::{Answered, ListBody, PageQuery, TransitionedBody, ok};
use crate::auth::{Admin, MeteredApp, PartnerCaller};

/// `POST /tenants/{orgId}/webhooks`
pub async fn create(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    Json(body): Json<WebhookBody>,
) -> Answered<CreatedBody> {
    let requested = body.into_new(&app.url_rules)?;
    let warnings = requested.events.warnings();
    let created = app.create_webhook(&admin.actor, &org_id, requested).await?;
    let body = CreatedBody {
        transitioned: created.transitioned.into(),
        webhook_id: created.webhook_id,
        // The portal never sees it (spec: Partner Portal): an admin hands it over.
        secret: (!admin.actor.is_at_portal()).then(|| created.secret.expose().expose_secret().to_owned()),
        auth: created.auth.into(),
        warnings,
    };
    Ok(Answer(StatusCode::CREATED, body))
}

/// `GET /tenants/{orgId}/webhooks`
pub async fn list(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    OrgPath(org_id): OrgPath,
    Query(query): Query<PageQuery>,
) -> Result<ListBody<Webhook>, Problem> {
    let page = query.page()?;
    Ok(ListBody::new("webhooks", app.list_webhooks(&org_id, page).await?, page))
}

/// `GET /tenants/{orgId}/webhooks/{webhookId}`
pub async fn get(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
) -> Answered<Webhook> {
    ok(app.get_webhook(&org_id, &id).await?)
}

/// `PUT /tenants/{orgId}/webhooks/{webhookId}`
pub async fn change(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
    Json(body): Json<WebhookBody>,
) -> Answered<ChangedBody> {
    let requested = body.into_change(&app.url_rules)?;
    let warnings = requested.events.as_ref().map(EventFilter::warnings).unwrap_or_default();
    let (transitioned, auth) = app.change_webhook(&admin.actor, &org_id, &id, requested).await?;
    ok(ChangedBody { transitioned: transitioned.into(), auth: auth.map(Into::into), warnings })
}

/// `DELETE /tenants/{orgId}/webhooks/{webhookId}`
pub async fn delete(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
) -> Answered<TransitionedBody> {
    ok(app.delete_webhook(&admin.actor, &org_id, &id).await?.into())
}

/// `POST /tenants/{orgId}/webhooks/{webhookId}/rotate-secret`
pub async fn rotate_secret(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    WebhookPath(id): WebhookPath,
    OptionalJson(body): OptionalJson<RotateSecretBody>,
) -> Answered<RotatedBody> {
    let (secret, overlap) = body.check()?;
    let (transitioned, secret) =
        app.rotate_webhook_secret(&admin.actor, &org_id, &id, secret, overlap).await?;
    ok(RotatedBody { transitioned: transitioned.into(), secret: secret.expose().expose_secret().to_owned() })
}

/// `GET /webhooks`: the partner's own.
pub async fn list_own(
    PartnerCaller(partner): PartnerCaller,
    MeteredApp(app): MeteredApp,
    Query(query): Query<PageQuery>,
) -> Result<ListBody<Webhook>, Problem> {
    let page = query.page()?;
    Ok(ListBody::new("webhooks", app.list_webhooks(&partner.org_id, page).await?, page))
}

/// The body of `PATCH /webhooks/{webhookId}`: the URL and nothing else.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct UrlBody {
    #[cfg_attr(feature = "openapi", schema(value_type = Option<WebhookUrl>))]
    url: Option<String>,
}

/// `PATCH /webhooks/{webhookId}`: another tenant's webhook is answered as if there were none.
pub async fn change_own_url(
    PartnerCaller(partner): PartnerCaller,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    WebhookPath(id): WebhookPath,
    Json(body): Json<UrlBody>,
) -> Answered<TransitionedBody> {
    let mut faults = Faults::default();
    let url = faults.required("url", body.url.as_deref(), |text| WebhookUrl::parse(text, &app.url_rules));
    let change = RequestedChange::url(faults.finish(url)?);
    let (transitioned, _) = app.change_webhook(&partner.actor(), &partner.org_id, &id, change).await?;
    ok(transitioned.into())
}
