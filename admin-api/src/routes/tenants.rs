//! Tenants: register, list, get, change, close, and their audit log.

use edge::json::{Answer, Json};
use edge::parameters::{NoQuery, OrgPath, Query};
use edge::problem::Problem;
use edge::routes::{delete, get, patch, post};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::app::register_tenant::NewTenant;
use shared::app::tenants::TenantChange;
use shared::cursor::Cursor;
use shared::error::Faults;
use shared::page::Page;
use shared::tenant::{EmailAddress, OrgName, Tenant};
use shared::transition::Transition;

use super::{Answered, CursorQuery, ListBody, Routes, TransitionedBody, ok};
use crate::auth::{Admin, MeteredApp};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default()
        .add(described!(
            get("/tenants", list),
            Operation::new("listTenants", "List tenants")
                .query(&["ownerEmail"])
                .lists::<Tenant>("tenants", &tenant())
                .leads_to("getTenant", &[("orgId", "$response.body#/tenants/0/orgId")]),
        ))
        .add(described!(
            post("/tenants/{orgId}/register", register),
            Operation::new("registerTenant", "Register a tenant")
                .details("The organization ID stays taken for good, also once the tenant is closed.")
                .takes_as::<TenantBody>(
                    "RegisterTenantBody",
                    Needs::All(&["orgName", "ownerEmail"]),
                    json!({"orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com"}),
                )
                .answers::<TransitionedBody>(201, "Registered.", transitioned(1))
                .fails(&[TenantAlreadyRegistered])
                .leads_to("getTenant", &[SAME_TENANT])
                .leads_to("changeTenant", &[SAME_TENANT])
                .leads_to("listTransitions", &[SAME_TENANT])
                .leads_to("closeTenant", &[SAME_TENANT])
                .leads_to_with("issueApiKey", &[SAME_TENANT])
                .leads_to("rotateApiKey", &[SAME_TENANT])
                .leads_to("createWebhook", &[SAME_TENANT]),
        ))
        .add(described!(
            get("/tenants/{orgId}", find),
            Operation::new("getTenant", "Get a tenant")
                .answers::<Tenant>(200, "The tenant, its key masked.", tenant())
                .fails(&[TenantNotRegistered])
                .leads_to("listWebhooks", &[SAME_TENANT]),
        ))
        .add(described!(
            patch("/tenants/{orgId}", change),
            Operation::new("changeTenant", "Change a tenant's name or owner")
                .takes_as::<TenantBody>(
                    "ChangeTenantBody",
                    Needs::OneOf(&["orgName", "ownerEmail"]),
                    json!({"orgName": "ACME Holding"}),
                )
                .answers::<TransitionedBody>(200, "Changed.", transitioned(2))
                .fails(&[TenantNotRegistered]),
        ))
        .add(described!(
            delete("/tenants/{orgId}", close),
            Operation::new("closeTenant", "Close a tenant")
                .details("Revokes its key and deletes its webhooks, all at once.")
                .answers::<TransitionedBody>(200, "Closed.", transitioned(3))
                .fails(&[TenantNotRegistered])
                .leads_to("getTenant", &[SAME_TENANT]),
        ))
        .add(described!(
            get("/tenants/{orgId}/transitions", transitions),
            Operation::new("listTransitions", "Read a tenant's audit log")
                .pages(17_i64)
                .answers::<TransitionsBody>(
                    200,
                    "Who did what and when, newest first.",
                    json!({"transitions": [{
                        "aggregate": "tenant", "version": 1, "kind": "TenantRegistered", "at": AT, "actor": PERSON,
                        "via": null, "details": {"orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com"},
                    }], "nextCursor": null}),
                )
                .fails(&[TenantNotRegistered]),
        ))
}

/// `orgName` and `ownerEmail`: both to register, at least one to change.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantBody {
    #[cfg_attr(feature = "openapi", schema(value_type = Option<OrgName>))]
    org_name: Option<String>,
    #[cfg_attr(feature = "openapi", schema(value_type = Option<EmailAddress>))]
    owner_email: Option<String>,
}

/// `POST /tenants/{orgId}/register`
pub async fn register(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    Json(body): Json<TenantBody>,
) -> Answered<TransitionedBody> {
    let mut faults = Faults::default();
    let org_name = faults.required("orgName", body.org_name.as_deref(), OrgName::parse);
    let owner_email = faults.required("ownerEmail", body.owner_email.as_deref(), EmailAddress::parse);
    let new = org_name.zip(owner_email).map(|(org_name, owner_email)| NewTenant { org_name, owner_email });
    let transitioned = app.register_tenant(&admin.actor, &org_id, faults.finish(new)?).await?;
    Ok(Answer(StatusCode::CREATED, transitioned.into()))
}

/// The query of `GET /tenants`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantsQuery {
    limit: Option<String>,
    offset: Option<String>,
    owner_email: Option<String>,
}

/// `GET /tenants`
pub async fn list(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    Query(query): Query<TenantsQuery>,
) -> Result<ListBody<Tenant>, Problem> {
    let page = Page::parse(query.limit.as_deref(), query.offset.as_deref())?;
    let mut faults = Faults::default();
    let owner = faults.optional("ownerEmail", query.owner_email.as_deref(), EmailAddress::parse);
    faults.into_result()?;
    let listed = app.list_tenants(owner.as_ref().map(EmailAddress::as_str), page).await?;
    Ok(ListBody::new("tenants", listed, page))
}

/// `GET /tenants/{orgId}`
pub async fn find(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
) -> Answered<Tenant> {
    ok(app.get_tenant(&org_id).await?)
}

/// `PATCH /tenants/{orgId}`
pub async fn change(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    Json(body): Json<TenantBody>,
) -> Answered<TransitionedBody> {
    let mut faults = Faults::default();
    let change = TenantChange {
        org_name: faults.optional("orgName", body.org_name.as_deref(), OrgName::parse),
        owner_email: faults.optional("ownerEmail", body.owner_email.as_deref(), EmailAddress::parse),
    };
    faults.into_result()?;
    if change.org_name.is_none() && change.owner_email.is_none() {
        return Err(Problem::invalid_field("body", "must have at least one of orgName and ownerEmail"));
    }
    ok(app.change_tenant(&admin.actor, &org_id, change).await?.into())
}

/// `DELETE /tenants/{orgId}`
pub async fn close(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
) -> Answered<TransitionedBody> {
    ok(app.close_tenant(&admin.actor, &org_id).await?.into())
}

/// A page of the audit log.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TransitionsBody {
    transitions: Vec<Transition>,
    /// Give it as `cursor` for the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    next_cursor: Option<Cursor<i64>>,
}

/// `GET /tenants/{orgId}/transitions`
pub async fn transitions(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    OrgPath(org_id): OrgPath,
    Query(query): Query<CursorQuery>,
) -> Answered<TransitionsBody> {
    let (cursor, limit) = query.check()?;
    let (transitions, next_cursor) = app.list_transitions(&org_id, cursor.as_ref(), limit).await?;
    ok(TransitionsBody { transitions, next_cursor })
}

/// An example.
#[cfg(feature = "openapi")]
fn tenant() -> Value {
    json!({
        "orgId": "acme-corp", "orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com", "createdAt": AT,
        "createdBy": PERSON, "apiKey": super::api_keys::summary(), "webhookCount": 1,
    })
}
