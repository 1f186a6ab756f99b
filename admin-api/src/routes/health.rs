//! `GET /health`

use axum::extract::State;
use edge::health::answers;
use edge::parameters::NoQuery;
use edge::routes::{get, open};
use serde::Serialize;

use super::{JsonResult, Routes, ok};
use crate::auth::MeteredApps;
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;
use crate::service::AdminApi;

pub(super) fn routes() -> Routes {
    Routes::default().route(described!(
        get("/health", open(health)).naming_its_methods(),
        Operation::new("getHealth", "Ask whether the service works").answers::<HealthBody>(
            200,
            "Configuration and database are sound.",
            json!({"status": "ok", "environment": "prod", "version": "7f3d0c52-9a8e-4c1b-8f60-2b5d1e94a7c3"}),
        ),
    ))
}

/// What is up.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Health))]
struct HealthBody {
    status: &'static str,
    environment: String,
    /// Which version of the Worker answers: Cloudflare's id of the upload.
    version: Option<String>,
}

/// Answers 200 once the configuration is sound (checked before any route) and the database answers.
async fn health(
    State(service): State<AdminApi>,
    MeteredApps(apps): MeteredApps,
    NoQuery: NoQuery,
) -> JsonResult<HealthBody> {
    let now = apps.of_group(0, apps.count()).clock.now();
    service.last_health.or(now, answers(&apps.map(|app| app.database.clone()))).await?;
    let environment = service.config.environment.to_string();
    ok(HealthBody { status: "ok", environment, version: service.version.clone() })
}
