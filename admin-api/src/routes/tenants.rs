//! Tenants: register, list, get, change, close, and their audit log.

use edge::fields::Given;
use edge::json::{Json, JsonAnswer};
use edge::parameters::{NewOrgPath, NoQuery, OrgPath, Query};
use edge::routes::{delete, get, patch, post};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::app::register_tenant::NewTenant;
use shared::app::tenants::{FoundTenants, TenantChange, TenantFilter};
use shared::cursor::Cursor;
use shared::error::Faults;
use shared::page::Limit;
use shared::tenant::{EmailAddress, OrgName, Tenant};
use shared::transition::Transition;

use super::{CursorQuery, JsonResult, Routes, TransitionedBody, ok};
use crate::auth::{Admin, MeteredApp, MeteredApps};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(described!(
            get("/tenants", list),
            Operation::new("listTenants", "List tenants")
                .details(
                    "In the order of their registration; with `search`, those whose ID begins with the text, then those \
                     whose name does.",
                )
                .query(&["ownerEmail", "search"])
                .pages(("acme-corp", 1_775_124_000_000_i64))
                .answers::<TenantPage>(
                    200,
                    "A page of tenants.",
                    json!({"tenants": [tenant()], "total": 1, "limit": 50, "nextCursor": null}),
                )
                .refuses_portal_more()
                .leads_to("getTenant", &[("orgId", "$response.body#/tenants/0/orgId")]),
        ))
        .route(described!(
            post("/tenants/{orgId}/register", register),
            Operation::new("registerTenant", "Register a tenant")
                .details("The organization ID stays taken for good, also once the tenant is closed. Some are reserved: admins may register them, \
                     people at the portal may not.")
                .takes::<RegisterTenantBody>(
                    Needs::Body,
                    json!({"orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com"}),
                )
                .answers::<TransitionedBody>(201, "Registered.", transitioned(1))
                .fails(&[TenantAlreadyRegistered, OrgIdReserved])
                .leads_to("getTenant", &[SAME_TENANT])
                .leads_to("changeTenant", &[SAME_TENANT])
                .leads_to("listTransitions", &[SAME_TENANT])
                .leads_to("getDashboard", &[SAME_TENANT])
                .leads_to("closeTenant", &[SAME_TENANT])
                .leads_to("rotateApiKey", &[SAME_TENANT])
                .leads_to("createWebhook", &[SAME_TENANT]),
        ))
        .route(described!(
            get("/tenants/{orgId}", find),
            Operation::new("getTenant", "Get a tenant")
                .answers::<Tenant>(200, "The tenant, its key masked.", tenant())
                .fails(&[TenantNotRegistered])
                .leads_to("listWebhooks", &[SAME_TENANT]),
        ))
        .route(described!(
            patch("/tenants/{orgId}", change),
            Operation::new("changeTenant", "Change a tenant's name or owner")
                .takes::<ChangeTenantBody>(
                    Needs::OneOf(&["orgName", "ownerEmail"]),
                    json!({"orgName": "ACME Holding"}),
                )
                .answers::<TransitionedBody>(200, "Changed.", transitioned(2))
                .fails(&[TenantNotRegistered]),
        ))
        .route(described!(
            delete("/tenants/{orgId}", close),
            Operation::new("closeTenant", "Close a tenant")
                .details("Revokes its key and deletes its webhooks, all at once.")
                .answers::<TransitionedBody>(200, "Closed.", transitioned(3))
                .fails(&[TenantNotRegistered])
                .leads_to("getTenant", &[SAME_TENANT]),
        ))
        .route(described!(
            get("/tenants/{orgId}/transitions", transitions),
            Operation::new("listTransitions", "Read a tenant's audit log")
                .details("A closed tenant's, too: its closing is the newest entry.")
                .pages(17_i64)
                .answers::<TransitionPage>(
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

/// Who registers: the organization's name, and who owns it at the portal.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RegisterTenantBody {
    org_name: OrgName,
    owner_email: EmailAddress,
}

async fn register(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    NewOrgPath(org_id): NewOrgPath,
    Json(RegisterTenantBody { org_name, owner_email }): Json<RegisterTenantBody>,
) -> JsonResult<TransitionedBody> {
    let new = NewTenant { org_name, owner_email };
    let transitioned = app.register_tenant(&admin.of(org_id), new).await?;
    Ok(JsonAnswer(StatusCode::CREATED, transitioned.into()))
}

/// The query of `GET /tenants`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TenantsQuery {
    limit: Option<Limit>,
    cursor: Option<String>,
    owner_email: Option<EmailAddress>,
    search: Option<String>,
}

/// A page of tenants.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct TenantPage {
    tenants: Vec<Tenant>,
    /// Tenants in the whole list; null with `search`, where counting would read all that is found.
    total: Option<u32>,
    /// Tenants at most on this page.
    limit: u32,
    /// Give it as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
}

async fn list(
    admin: Admin,
    MeteredApps(apps): MeteredApps,
    Query(query): Query<Given<TenantsQuery>>,
) -> JsonResult<TenantPage> {
    let (filter, limit) = query.check(|query, faults| {
        let TenantsQuery { limit, cursor, owner_email, search } = query;
        if search.is_some() && owner_email.is_some() {
            faults.add("search", "must not come together with ownerEmail");
        }
        let filter = match search {
            Some(search) => {
                let (search, after) = (searched(search, faults), place(cursor.as_deref(), faults));
                TenantFilter::Search(search?, after?)
            }
            None => {
                let after = place(cursor.as_deref(), faults)?;
                TenantFilter::ByCreation(owner_email, after.map(|(org_id, at): (String, i64)| (at, org_id)))
            }
        };
        Some((filter, limit.unwrap_or_default().0))
    })?;
    admin.check_portal(matches!(filter, TenantFilter::Search(..)))?;
    let FoundTenants { tenants, total, next, next_match } =
        apps.list_tenants(&admin.actor, filter, limit).await?;
    let next = next.map(|cursor| cursor.to_string()).or(next_match.map(|cursor| cursor.to_string()));
    ok(TenantPage { tenants, total, limit, next_cursor: next })
}

/// The beginning of an ID or a name.
fn searched(text: String, faults: &mut Faults) -> Option<String> {
    let good = (1..=120).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    faults.check(
        "search",
        good.then_some(text).ok_or("must have 1 to 120 characters, and no control characters"),
    )
}

/// The place that a cursor of this kind of list names: `Some(None)` if there is no cursor, `None` if the cursor is wrong.
fn place<T: DeserializeOwned>(cursor: Option<&str>, faults: &mut Faults) -> Option<Option<T>> {
    let place = faults.check("cursor", cursor.map(Cursor::parse).transpose())?;
    Some(place.map(|Cursor(place)| place))
}

async fn find(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
) -> JsonResult<Tenant> {
    ok(app.get_tenant(&admin.of(org_id)).await?)
}

/// What changes of a tenant: at least one of its name and its owner.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChangeTenantBody {
    org_name: Option<OrgName>,
    owner_email: Option<EmailAddress>,
}

async fn change(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    Json(body): Json<Given<ChangeTenantBody>>,
) -> JsonResult<TransitionedBody> {
    let change = body.check(|ChangeTenantBody { org_name, owner_email }, faults| {
        if org_name.is_none() && owner_email.is_none() {
            faults.add("body", "must have at least one of orgName and ownerEmail");
        }
        Some(TenantChange { org_name, owner_email })
    })?;
    ok(app.change_tenant(&admin.of(org_id), change).await?.into())
}

async fn close(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
) -> JsonResult<TransitionedBody> {
    ok(app.close_tenant(&admin.of(org_id)).await?.into())
}

/// A page of the audit log.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct TransitionPage {
    transitions: Vec<Transition>,
    /// Give it as `cursor` for the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    next_cursor: Option<Cursor<i64>>,
}

async fn transitions(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    OrgPath(org_id): OrgPath,
    Query(CursorQuery { limit, cursor }): Query<CursorQuery<i64>>,
) -> JsonResult<TransitionPage> {
    let (transitions, next_cursor) =
        app.list_transitions(&admin.of(org_id), cursor.as_ref(), limit.unwrap_or_default().0).await?;
    ok(TransitionPage { transitions, next_cursor })
}

/// An example of a tenant.
#[cfg(feature = "openapi")]
pub(super) fn tenant() -> Value {
    json!({
        "orgId": "acme-corp", "orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com", "createdAt": AT,
        "createdBy": PERSON, "apiKey": super::api_keys::summary(), "webhookCount": 1,
    })
}
