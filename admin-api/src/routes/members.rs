//! Members: the people who may sign in for a tenant.

use edge::json::JsonAnswer;
use edge::parameters::{EmailPath, NoQuery, OrgPath};
use edge::routes::{delete, get, put};
use http::StatusCode;
use serde::Serialize;
use shared::app::members::AddedMember;
use shared::member::Member;

use super::{JsonResult, Routes, TransitionedBody, ok};
use crate::auth::{Admin, MeteredApp};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(described!(
            get("/tenants/{orgId}/members", list),
            Operation::new("listMembers", "List the people who may sign in for a tenant")
                .answers::<TenantMembers>(
                    200,
                    "The owner, then the others in the order in which they were added.",
                    json!({"members": [
                        {"email": "owner@acme-corp.com", "role": "owner", "addedAt": AT, "addedBy": PERSON},
                        {"email": COLLEAGUE, "role": "member", "addedAt": AT, "addedBy": "owner@acme-corp.com"},
                    ]}),
                )
                .fails(&[TenantNotRegistered])
                .leads_to("removeMember", &[SAME_TENANT, ("email", "$response.body#/members/1/email")]),
        ))
        .route(described!(
            put("/tenants/{orgId}/members/{email}", add),
            Operation::new("addMember", "Let a person sign in for a tenant")
                .details("A tenant has its owner and up to 50 more members.")
                .answers::<TransitionedBody>(201, "A member since now.", transitioned(2))
                .also_answers(200, "A member before: nothing changes. The version is the tenant's.")
                .fails(&[TenantNotRegistered, MemberLimitReached])
                .leads_to("listMembers", &[SAME_TENANT])
                .leads_to("removeMember", &[SAME_TENANT, ("email", "$request.path.email")]),
        ))
        .route(described!(
            delete("/tenants/{orgId}/members/{email}", remove),
            Operation::new("removeMember", "Remove a person from a tenant")
                .details("The person can sign in for the tenant no longer. The owner stays.")
                .answers::<TransitionedBody>(200, "No member any more.", transitioned(3))
                .fails(&[TenantNotRegistered, MemberNotFound, MemberIsOwner])
                .leads_to("listMembers", &[SAME_TENANT]),
        ))
}

#[cfg(feature = "openapi")]
const COLLEAGUE: &str = "colleague@acme-corp.com";

/// A tenant's members.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct TenantMembers {
    /// The owner first.
    members: Vec<Member>,
}

async fn list(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
) -> JsonResult<TenantMembers> {
    ok(TenantMembers { members: app.list_members(&admin.of(org_id)).await? })
}

async fn add(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    EmailPath(email): EmailPath,
) -> JsonResult<TransitionedBody> {
    match app.add_member(&admin.of(org_id), &email).await? {
        AddedMember::Added(transitioned) => Ok(JsonAnswer(StatusCode::CREATED, transitioned.into())),
        AddedMember::Before(transitioned) => ok(transitioned.into()),
    }
}

async fn remove(
    admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
    EmailPath(email): EmailPath,
) -> JsonResult<TransitionedBody> {
    ok(app.remove_member(&admin.of(org_id), &email).await?.into())
}
