//! `GET /dead-letters` and `POST /dead-letters/{id}/requeue`

use edge::json::Answer;
use edge::parameters::{IdPath, NoQuery, Query};
use edge::problem::Problem;
use edge::routes::{get, post};
use http::StatusCode;
use serde::Serialize;
use shared::app::dead_letters::DeadLetterCursor;
use shared::dead_letter::DeadLetter;
use shared::error::Error;

use super::{CursorQuery, JsonResult, Routes, ok};
use crate::auth::{Admin, MeteredApp};
#[cfg(feature = "openapi")]
use crate::openapi::prelude::*;

pub(super) fn routes() -> Routes {
    Routes::default()
        .route(described!(
            get("/dead-letters", list),
            Operation::new("listDeadLetters", "List messages that no consumer could handle")
                .pages((17_i64,))
                .answers::<DeadLetterPage>(
                    200,
                    "With the reason, newest first.",
                    json!({"deadLetters": [{
                        "id": 1, "queue": "webhook-events", "body": "nonsense", "reason": "undecodable message",
                        "receivedAt": AT, "envelope": null, "requeuedAt": null,
                    }], "nextCursor": null}),
                )
                .leads_to("requeueDeadLetter", &[("id", "$response.body#/deadLetters/0/id")]),
        ))
        .route(described!(
            post("/dead-letters/{id}/requeue", requeue),
            Operation::new("requeueDeadLetter", "Put a dead letter on its queue again")
                .answers::<DeadLetterRequeued>(202, "On its queue again.", json!({"success": true, "id": 1}))
                .fails(&[DeadLetterNotFound]),
        ))
}

/// Messages that no consumer could handle.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
struct DeadLetterPage {
    /// Newest first.
    dead_letters: Vec<DeadLetter>,
    /// Give it as `cursor` for the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    next_cursor: Option<DeadLetterCursor>,
}

async fn list(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    Query(CursorQuery { limit, cursor }): Query<CursorQuery<(i64,)>>,
) -> JsonResult<DeadLetterPage> {
    let (dead_letters, next_cursor) = app.list_dead_letters(cursor, limit.unwrap_or_default().0).await?;
    ok(DeadLetterPage { dead_letters, next_cursor })
}

/// The message is on its queue again.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
struct DeadLetterRequeued {
    success: bool,
    id: i64,
}

async fn requeue(
    _admin: Admin,
    MeteredApp(app): MeteredApp,
    NoQuery: NoQuery,
    IdPath(text): IdPath,
) -> JsonResult<DeadLetterRequeued> {
    let id = text.parse::<i64>().ok().filter(|id| (0..1 << 53).contains(id));
    let id = id.ok_or(Problem::from(Error::DeadLetterNotFound))?;
    app.requeue_dead_letter(id).await?;
    Ok(Answer(StatusCode::ACCEPTED, DeadLetterRequeued { success: true, id }))
}
