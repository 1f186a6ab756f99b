//! Tenants and API keys.

use serde_json::{Value, json};
use shared::api_key::IssuedApiKey;
use shared::error::Error::{ActiveKeyExists, NoActiveKey, TenantAlreadyRegistered, TenantNotRegistered};
use shared::tenant::Tenant;

use super::operation::{Needs, Operation};
use super::{AT, PERSON, transitioned};
use crate::routes::TransitionedBody;
use crate::routes::api_keys::{FreshApiKeyBody, IssueBody, RotateBody, SelfBody};
use crate::routes::tenants::{TenantBody, TransitionsBody};

/// The tenant of the path that was asked.
pub(super) const SAME_TENANT: (&str, &str) = ("orgId", "$request.path.orgId");

pub(super) fn tenants() -> Vec<Operation> {
    let body = json!({"orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com"});
    let entry = json!({
        "aggregate": "tenant", "version": 1, "kind": "TenantRegistered", "at": AT, "actor": PERSON, "via": null,
        "details": {"orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com"},
    });
    vec![
        Operation::new("GET", "/tenants", "listTenants", "List tenants")
            .query(&["ownerEmail"])
            .lists::<Tenant>("tenants", &tenant())
            .leads_to("getTenant", &[("orgId", "$response.body#/tenants/0/orgId")]),
        Operation::new("POST", "/tenants/{orgId}/register", "registerTenant", "Register a tenant")
            .details("The organization ID stays taken for good, also once the tenant is closed.")
            .takes_as::<TenantBody>("RegisterTenantBody", Needs::All(&["orgName", "ownerEmail"]), body)
            .answers::<TransitionedBody>(201, "Registered.", transitioned(1))
            .fails(&[TenantAlreadyRegistered])
            .leads_to("getTenant", &[SAME_TENANT])
            .leads_to("changeTenant", &[SAME_TENANT])
            .leads_to("listTransitions", &[SAME_TENANT])
            .leads_to("closeTenant", &[SAME_TENANT])
            .leads_to_with("issueApiKey", &[SAME_TENANT])
            .leads_to("rotateApiKey", &[SAME_TENANT])
            .leads_to("createWebhook", &[SAME_TENANT]),
        Operation::new("GET", "/tenants/{orgId}", "getTenant", "Get a tenant")
            .answers::<Tenant>(200, "The tenant, its key masked.", tenant())
            .fails(&[TenantNotRegistered])
            .leads_to("listWebhooks", &[SAME_TENANT]),
        Operation::new("PATCH", "/tenants/{orgId}", "changeTenant", "Change a tenant's name or owner")
            .takes_as::<TenantBody>(
                "ChangeTenantBody",
                Needs::OneOf(&["orgName", "ownerEmail"]),
                json!({"orgName": "ACME Holding"}),
            )
            .answers::<TransitionedBody>(200, "Changed.", transitioned(2))
            .fails(&[TenantNotRegistered]),
        Operation::new("DELETE", "/tenants/{orgId}", "closeTenant", "Close a tenant")
            .details("Revokes its key and deletes its webhooks, all at once.")
            .answers::<TransitionedBody>(200, "Closed.", transitioned(3))
            .fails(&[TenantNotRegistered])
            .leads_to("getTenant", &[SAME_TENANT]),
        Operation::new("GET", "/tenants/{orgId}/transitions", "listTransitions", "Read a tenant's audit log")
            .pages(17_i64)
            .answers::<TransitionsBody>(
                200,
                "Who did what and when, newest first.",
                json!({"transitions": [entry], "nextCursor": null}),
            )
            .fails(&[TenantNotRegistered]),
    ]
}

pub(super) fn api_keys() -> Vec<Operation> {
    let mut issued = summary();
    issued["orgName"] = json!("ACME Corporation");
    issued["state"] = json!("active");
    issued["revokedAt"] = Value::Null;
    let fresh = json!({
        "apiKey": "3f9a1b2cQwErTyUiOpAsDfGhJkLzXcVbNm127d4e", "orgId": "acme-corp", "orgName": "ACME Corporation",
        "createdAt": AT, "createdBy": PERSON, "expiresAt": null,
    });
    vec![
        Operation::new("POST", "/api-keys", "issueApiKey", "Issue an API key")
            .details("The answer is the only one that ever holds the key. `expiresAt` has to be in the future.")
            .takes::<IssueBody>(Needs::All(&["orgId"]), json!({"orgId": "acme-corp"}))
            .answers::<FreshApiKeyBody>(201, "Issued; the key is shown this once.", fresh.clone())
            .fails(&[TenantNotRegistered, ActiveKeyExists])
            .leads_to("rotateApiKey", &[("orgId", "$response.body#/orgId")])
            .leads_to("revokeApiKey", &[("orgId", "$response.body#/orgId")])
            .leads_to("listApiKeys", &[("orgId", "$response.body#/orgId")]),
        Operation::new("GET", "/api-keys", "listApiKeys", "List every key of a tenant, masked")
            .query(&["keysOf"])
            .lists::<IssuedApiKey>("apiKeys", &issued)
            .fails(&[TenantNotRegistered]),
        Operation::new("GET", "/api-keys/self", "getOwnApiKey", "Ask whose key this is")
            .answers::<SelfBody>(
                200,
                "The key works.",
                json!({"orgId": "acme-corp", "orgName": "ACME Corporation", "prefix": "3f9a1b2c", "expiresAt": null}),
            ),
        Operation::new("POST", "/api-keys/{orgId}/rotate", "rotateApiKey", "Rotate an API key")
            .details(
                "The old key gets 401 from now on or, with `graceSeconds`, from the grace's end. Works without an \
                 active key too.",
            )
            .takes::<RotateBody>(Needs::NoBody, json!({"graceSeconds": 3600}))
            .answers::<FreshApiKeyBody>(201, "Rotated; the new key is shown this once.", fresh)
            .fails(&[TenantNotRegistered])
            .leads_to("revokeApiKey", &[SAME_TENANT]),
        Operation::new("DELETE", "/api-keys/{orgId}", "revokeApiKey", "Revoke the active key and any in grace")
            .answers::<TransitionedBody>(200, "Revoked: it gets 401 at once.", transitioned(2))
            .fails(&[NoActiveKey]),
    ]
}

fn summary() -> Value {
    json!({"prefix": "3f9a1b2c", "masked": "3f9a1b2c…7d4e", "createdAt": AT, "createdBy": PERSON, "expiresAt": null})
}

fn tenant() -> Value {
    json!({
        "orgId": "acme-corp", "orgName": "ACME Corporation", "ownerEmail": "owner@acme-corp.com", "createdAt": AT,
        "createdBy": PERSON, "apiKey": summary(), "webhookCount": 1,
    })
}
