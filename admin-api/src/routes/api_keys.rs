//! API keys: issue, rotate, revoke, list, and a partner's own.

use std::time::Duration;

use axum::extract::State;
use edge::fields::{Given, seconds_of_a_week};
use edge::json::{Json, JsonAnswer, OptionalJson};
use edge::parameters::{NoQuery, OrgPath, Query};
use edge::problem::Problem;
use edge::routes::{delete, get, post};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::api_key::IssuedApiKey;
use shared::app::App;
use shared::app::issue_api_key::FreshApiKey;
use shared::error::Faults;
use shared::page::{Limit, Offset, Page};
use shared::tenant::{OrgId, OrgName};
use shared::time::Timestamp;

use super::{JsonResult, ListBody, Routes, TransitionedBody, ok};
use crate::auth::{Admin, MeteredApp, MeteredApps, PartnerCaller};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;
use crate::service::AdminApi;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(described!(
            post("/api-keys", issue),
            Operation::new("issueApiKey", "Issue an API key")
                .details("The answer is the only one that ever holds the key. `expiresAt` has to be in the future.")
                .takes::<IssueBody>(Needs::All(&["orgId"]), json!({"orgId": "acme-corp"}))
                .answers::<ApiKeyIssued>(201, "Issued; the key is shown this once.", fresh())
                .fails(&[TenantNotRegistered, ActiveKeyExists])
                .leads_to("rotateApiKey", &[("orgId", "$response.body#/orgId")])
                .leads_to("revokeApiKey", &[("orgId", "$response.body#/orgId")])
                .leads_to("listApiKeys", &[("orgId", "$response.body#/orgId")]),
        ))
        .route(described!(
            get("/api-keys", list),
            Operation::new("listApiKeys", "List every key of a tenant, masked")
                .query(&["keysOf"])
                .lists::<IssuedApiKey>("apiKeys", &issued())
                .fails(&[TenantNotRegistered]),
        ))
        .route(described!(
            get("/api-keys/self", own),
            Operation::new("getOwnApiKey", "Ask whose key this is").answers::<OwnApiKey>(
                200,
                "The key works.",
                json!({"orgId": "acme-corp", "orgName": "ACME Corporation", "prefix": "3f9a1b2c", "expiresAt": null}),
            ),
        ))
        .route(described!(
            post("/api-keys/{orgId}/rotate", rotate),
            Operation::new("rotateApiKey", "Rotate an API key")
                .details(
                    "The old key gets 401 from now on or, with `graceSeconds`, from the grace's end. Works without an \
                     active key too.",
                )
                .takes::<RotateBody>(Needs::NoBody, json!({"graceSeconds": 3600}))
                .answers::<ApiKeyIssued>(201, "Rotated; the new key is shown this once.", fresh())
                .fails(&[TenantNotRegistered])
                .leads_to("revokeApiKey", &[SAME_TENANT]),
        ))
        .route(described!(
            delete("/api-keys/{orgId}", revoke),
            Operation::new("revokeApiKey", "Revoke the active key and any in grace")
                .answers::<TransitionedBody>(200, "Revoked: it gets 401 at once.", transitioned(2))
                .fails(&[NoActiveKey]),
        ))
}

/// The one response that shows a key.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct ApiKeyIssued {
    #[cfg_attr(feature = "openapi", schema(pattern = "^[A-Za-z0-9]{40}$"))]
    api_key: String,
    org_id: OrgId,
    org_name: String,
    created_at: Timestamp,
    created_by: String,
    expires_at: Option<Timestamp>,
}

impl From<FreshApiKey> for ApiKeyIssued {
    fn from(fresh: FreshApiKey) -> Self {
        Self {
            api_key: fresh.key.reveal().to_owned(),
            org_id: fresh.org_id,
            org_name: fresh.org_name,
            created_at: fresh.created_at,
            created_by: fresh.created_by,
            expires_at: fresh.expires_at,
        }
    }
}

/// Notes a fault if a key would end before it begins. The time of a request that was answered before is long over.
fn check_expiry(expires_at: Option<Timestamp>, app: &App, faults: &mut Faults) {
    if !app.was_answered_before() && expires_at.is_some_and(|end| end <= app.clock.now()) {
        faults.add("expiresAt", "must be in the future");
    }
}

/// The body of `POST /api-keys`.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IssueBody {
    org_id: Option<OrgId>,
    org_name: Option<OrgName>,
    expires_at: Option<Timestamp>,
}

async fn issue(
    admin: Admin,
    MeteredApps(apps): MeteredApps,
    State(service): State<AdminApi>,
    NoQuery: NoQuery,
    Json(body): Json<Given<IssueBody>>,
) -> JsonResult<ApiKeyIssued> {
    let (org_id, org_name, expires_at) =
        body.check(|IssueBody { org_id, org_name, expires_at }, faults| {
            if org_id.is_none() {
                faults.add("orgId", "is required");
            }
            check_expiry(expires_at, &apps.all()[0], faults);
            Some((org_id?, org_name, expires_at))
        })?;
    let fresh =
        apps.of(&org_id).issue_api_key(&admin.of(org_id.clone()), org_name.as_ref(), expires_at).await?;
    service.issued_keys.note(&fresh.key, &fresh.org_id).await;
    Ok(JsonAnswer(StatusCode::CREATED, fresh.into()))
}

/// The body of `POST /api-keys/{orgId}/rotate`; may be absent.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RotateBody {
    expires_at: Option<Timestamp>,
    #[cfg_attr(feature = "openapi", schema(minimum = 0, maximum = 604800, default = 0))]
    #[serde(deserialize_with = "seconds_of_a_week")]
    grace_seconds: Option<u64>,
}

async fn rotate(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    State(service): State<AdminApi>,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    OptionalJson(body): OptionalJson<Given<RotateBody>>,
) -> JsonResult<ApiKeyIssued> {
    let RotateBody { expires_at, grace_seconds } = body.check(|body, faults| {
        check_expiry(body.expires_at, &app, faults);
        Some(body)
    })?;
    let grace = Duration::from_secs(grace_seconds.unwrap_or(0));
    let fresh = app.rotate_api_key(&admin.of(org_id), expires_at, grace).await?;
    service.issued_keys.note(&fresh.key, &fresh.org_id).await;
    Ok(JsonAnswer(StatusCode::CREATED, fresh.into()))
}

async fn revoke(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
) -> JsonResult<TransitionedBody> {
    ok(app.revoke_api_key(&admin.of(org_id)).await?.into())
}

/// The query of `GET /api-keys`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeysQuery {
    org_id: OrgId,
    limit: Option<Limit>,
    offset: Option<Offset>,
}

async fn list(
    admin: Admin,
    MeteredApps(apps): MeteredApps,
    Query(KeysQuery { org_id, limit, offset }): Query<KeysQuery>,
) -> Result<ListBody<IssuedApiKey>, Problem> {
    let page = Page::of(limit, offset);
    Ok(ListBody::new("apiKeys", apps.of(&org_id).list_api_keys(&admin.of(org_id.clone()), page).await?, page))
}

/// What a partner's key says of itself.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct OwnApiKey {
    org_id: OrgId,
    org_name: String,
    prefix: String,
    expires_at: Option<Timestamp>,
}

async fn own(PartnerCaller(partner): PartnerCaller, NoQuery: NoQuery) -> JsonResult<OwnApiKey> {
    ok(OwnApiKey {
        org_id: partner.org_id,
        org_name: partner.org_name,
        prefix: partner.prefix,
        expires_at: partner.expires_at,
    })
}

/// An example of a key that was just issued.
#[cfg(feature = "openapi")]
fn fresh() -> Value {
    json!({
        "apiKey": "3f9a1b2cQwErTyUiOpAsDfGhJkLzXcVbNm127d4e", "orgId": "acme-corp", "orgName": "ACME Corporation",
        "createdAt": AT, "createdBy": PERSON, "expiresAt": null,
    })
}

/// An example of a key in the list.
#[cfg(feature = "openapi")]
fn issued() -> Value {
    let mut issued = summary();
    issued["orgName"] = json!("ACME Corporation");
    issued["state"] = json!("active");
    issued["revokedAt"] = Value::Null;
    issued
}

/// An example of a key as its tenant shows it.
#[cfg(feature = "openapi")]
pub(super) fn summary() -> Value {
    json!({"prefix": "3f9a1b2c", "masked": "3f9a1b2c…7d4e", "createdAt": AT, "createdBy": PERSON, "expiresAt": null})
}
