//! `GET /health`

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use edge::json::JsonAnswer;
use http::StatusCode;
use serde::Serialize;
use shared::ports::Statement;

use crate::visit::Visit;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PortalHealth {
    status: &'static str,
    environment: String,
    version: Option<String>,
    sessions: bool,
    admin_api: bool,
}

/// Answers 200 if both bindings answer, otherwise 503. The configuration was checked before any route. Like the other Workers,
/// an isolate asks the bindings every three seconds at most.
pub async fn health(visit: Visit) -> Response<Body> {
    let asking = async {
        let asked =
            visit.sessions.database().batch(vec![Statement::new("SELECT 1 AS one FROM sessions LIMIT 1")]);
        let (sessions, admin_api) = futures_util::join!(asked, visit.service.admin.is_healthy());
        (sessions.is_ok(), admin_api)
    };
    let (sessions, admin_api) = visit.service.last_health.or(visit.now, asking).await;
    let good = sessions && admin_api;
    let (status, word) =
        if good { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "unavailable") };
    let environment = visit.service.config.environment.to_string();
    let version = visit.service.version.clone();
    JsonAnswer(status, PortalHealth { status: word, environment, version, sessions, admin_api })
        .into_response()
}
