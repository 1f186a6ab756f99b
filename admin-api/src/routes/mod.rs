//! One file per resource: its routes, each with its method, path, handler and description, then the handlers.

/// A route with the operation that the OpenAPI document shows for it. Without the feature `openapi`, as in the Worker, the
/// operation is not even compiled.
#[cfg(feature = "openapi")]
macro_rules! described {
    ($endpoint:expr, $operation:expr $(,)?) => {
        $endpoint.described((|| $operation) as crate::routes::Description)
    };
}
#[cfg(not(feature = "openapi"))]
macro_rules! described {
    ($endpoint:expr, $operation:expr $(,)?) => {
        $endpoint
    };
}

mod api_keys;
mod dashboard;
mod dead_letters;
mod deliveries;
mod documents;
mod event_types;
mod health;
mod members;
mod tenants;
mod webhook_actions;
mod webhook_bodies;
mod webhook_health;
mod webhooks;

use axum::response::{IntoResponse, Response};
use edge::json::JsonAnswer;
use edge::problem::Problem;
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::app::{Listed, Transitioned};
use shared::cursor::Cursor;
use shared::error::Faults;
use shared::page::{Limit, Offset, Page};
use shared::tenant::OrgId;
use shared::time::Timestamp;

#[cfg(feature = "openapi")]
pub use crate::openapi::Description;
use crate::service::AdminApi;

/// Makes the description of a route: nothing at all in the Worker.
#[cfg(not(feature = "openapi"))]
pub type Description = ();

/// The Worker's routes, or some of them.
pub type Routes = edge::routes::Routes<AdminApi, Description>;

/// Every route.
pub fn all() -> Routes {
    Routes::default()
        .merge(health::routes())
        .merge(documents::routes())
        .merge(event_types::routes())
        .merge(tenants::routes())
        .merge(dashboard::routes())
        .merge(members::routes())
        .merge(api_keys::routes())
        .merge(webhooks::routes())
        .merge(webhook_actions::routes())
        .merge(deliveries::routes())
        .merge(webhook_health::routes())
        .merge(dead_letters::routes())
}

/// What handlers return: an answer in JSON, or a problem.
pub type JsonResult<T> = Result<JsonAnswer<T>, Problem>;

/// 200 with this body.
pub fn ok<T: Serialize>(body: T) -> JsonResult<T> {
    Ok(JsonAnswer(StatusCode::OK, body))
}

/// `{"success": true, "aggregateId": …, "version": …}`
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Transitioned))]
#[serde(rename_all = "camelCase")]
pub struct TransitionedBody {
    success: bool,
    aggregate_id: OrgId,
    version: u32,
}

impl From<Transitioned> for TransitionedBody {
    fn from(transitioned: Transitioned) -> Self {
        Self { success: true, aggregate_id: transitioned.org_id, version: transitioned.version }
    }
}

/// `limit` and `offset`.
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    limit: Option<Limit>,
    offset: Option<Offset>,
}

impl PageQuery {
    /// The page that the query asks for.
    pub fn page(self) -> Page {
        Page::of(self.limit, self.offset)
    }
}

/// `limit`, and the `cursor` of a list that goes on at a `T`.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
pub struct CursorQuery<T> {
    limit: Option<Limit>,
    cursor: Option<Cursor<T>>,
}

/// Notes a fault if a period ends before it begins.
fn check_order(since: Option<Timestamp>, until: Option<Timestamp>, faults: &mut Faults) {
    if since.zip(until).is_some_and(|(since, until)| until <= since) {
        faults.add("until", "must be after since");
    }
}

/// A list's answer: `{<name>: […], total, limit, offset}`.
pub struct ListBody<T> {
    name: &'static str,
    listed: Listed<T>,
    page: Page,
}

impl<T> ListBody<T> {
    /// The list under its name.
    pub fn new(name: &'static str, listed: Listed<T>, page: Page) -> Self {
        Self { name, listed, page }
    }
}

impl<T: Serialize> Serialize for ListBody<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry(self.name, &self.listed.entries)?;
        map.serialize_entry("total", &self.listed.total)?;
        map.serialize_entry("limit", &self.page.limit)?;
        map.serialize_entry("offset", &self.page.offset)?;
        map.end()
    }
}

impl<T: Serialize> IntoResponse for ListBody<T> {
    fn into_response(self) -> Response {
        JsonAnswer(StatusCode::OK, self).into_response()
    }
}
