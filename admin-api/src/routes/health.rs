//! `GET /health`

use axum::extract::State;
use edge::health::{Health, answers};
use edge::parameters::NoQuery;
use edge::routes::{get, open};

use super::{JsonResult, Routes, ok};
use crate::auth::MeteredApps;
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;
use crate::service::AdminApi;

pub(super) fn routes() -> Routes {
    Routes::default().route(described!(
        get("/health", open(health)).naming_its_methods(),
        Operation::new("getHealth", "Ask whether the service works").answers::<Health>(
            200,
            "Configuration and database are sound.",
            json!({"status": "ok", "environment": "prod", "version": "7f3d0c52-9a8e-4c1b-8f60-2b5d1e94a7c3"}),
        ),
    ))
}

/// Answers 200 once the configuration is sound (checked before any route) and the database answers.
async fn health(
    State(service): State<AdminApi>,
    MeteredApps(apps): MeteredApps,
    NoQuery: NoQuery,
) -> JsonResult<Health> {
    let now = apps.of_group(0, apps.count()).clock.now();
    service.last_health.or(now, answers(&apps.map(|app| app.database.clone()))).await?;
    ok(Health::good(service.config.environment, service.version.clone()))
}
