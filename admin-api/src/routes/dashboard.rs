//! What the portal's dashboard shows of a tenant.

use edge::parameters::{NoQuery, OrgPath};
use edge::routes::get;
use shared::app::dashboard::Dashboard;

use super::{JsonResult, Routes, ok};
use crate::auth::{Admin, MeteredApps};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default().route(described!(
        get("/tenants/{orgId}/dashboard", show),
        Operation::new("getDashboard", "Get what the portal's dashboard shows of a tenant")
            .details("Everything in one call: the tenant and its key, its webhooks, and of the first webhook the last 24 hours \
                 by the hour and the 20 newest deliveries.")
            .answers::<Dashboard>(
                200,
                "The tenant, its webhooks, and the deliveries of the first.",
                json!({
                    "tenant": super::tenants::tenant(), "keyExpiredAt": null, "hasOtherTenants": false,
                    "webhooks": [super::webhooks::webhook()],
                    "deliveries": {
                        "hours": [{"hour": AT, "delivered": 12, "waiting": 0, "retrying": 1, "failed": 0}],
                        "counted": 13, "truncated": false, "latest": [super::deliveries::delivery()],
                    },
                }),
            )
            .fails(&[TenantNotRegistered]),
    ))
}

async fn show(
    admin: Admin,
    MeteredApps(apps): MeteredApps,
    NoQuery: NoQuery,
    OrgPath(org_id): OrgPath,
) -> JsonResult<Dashboard> {
    ok(apps.dashboard(&admin.of(org_id)).await?)
}
