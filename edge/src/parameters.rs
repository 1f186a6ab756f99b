//! Paths and queries.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Deserialize;
use serde_json::map::Entry;
use serde_json::{Map, Value};
use shared::error::Error;
use shared::event::id::EventId;
use shared::tenant::{EmailAddress, OrgId};
use shared::webhook::id::WebhookId;

use crate::fields::{Fields, Kind};
use crate::problem::Problem;
use crate::router::MatchedRoute;

/// The `{orgId}` of the path, in any case.
pub struct OrgPath(pub OrgId);

impl<S: Send + Sync> FromRequestParts<S> for OrgPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = segment(parts, "orgId")?.to_ascii_lowercase();
        OrgId::parse(&text).map(Self).map_err(|fault| Problem::invalid_field("orgId", fault))
    }
}

/// The `{orgId}` of the path as it is spelt: for the route where the ID is chosen, so that nobody takes an ID in capitals for
/// another.
pub struct NewOrgPath(pub OrgId);

impl<S: Send + Sync> FromRequestParts<S> for NewOrgPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = segment(parts, "orgId")?;
        OrgId::parse(&text).map(Self).map_err(|fault| Problem::invalid_field("orgId", fault))
    }
}

/// The `{email}` of the path.
pub struct EmailPath(pub EmailAddress);

impl<S: Send + Sync> FromRequestParts<S> for EmailPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = segment(parts, "email")?;
        EmailAddress::parse(&text).map(Self).map_err(|fault| Problem::invalid_field("email", fault))
    }
}

/// The `{webhookId}` of the path, in any case. A text that is no UUID is the id of no webhook.
pub struct WebhookPath(pub WebhookId);

impl<S: Send + Sync> FromRequestParts<S> for WebhookPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = segment(parts, "webhookId")?;
        WebhookId::parse(&text).map(Self).map_err(|_| Error::WebhookNotFound.into())
    }
}

/// The `{eventId}` of the path. A text that is no event's id is the id of no delivery.
pub struct EventPath(pub EventId);

impl<S: Send + Sync> FromRequestParts<S> for EventPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let text = segment(parts, "eventId")?;
        EventId::parse(&text).map(Self).map_err(|_| Error::DeliveryNotFound.into())
    }
}

/// The `{id}` of the path.
pub struct IdPath(pub String);

impl<S: Send + Sync> FromRequestParts<S> for IdPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        segment(parts, "id").map(Self)
    }
}

/// The `{name}` of the path.
pub struct NamePath(pub String);

impl<S: Send + Sync> FromRequestParts<S> for NamePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        segment(parts, "name").map(Self)
    }
}

fn segment(parts: &Parts, name: &str) -> Result<String, Problem> {
    let matched = parts.extensions.get::<MatchedRoute>().ok_or_else(Problem::not_found)?;
    let malformed = |_| Problem::invalid_request("The path is not valid percent-encoded UTF-8.");
    matched.parameter(name).map_err(malformed)?.map(str::to_owned).ok_or_else(Problem::not_found)
}

/// The query: the parameters that `T` has, each once at most, unless the parameter is a list.
///
/// # Errors
/// 400 naming each parameter that is wrong.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: Fields> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(parts.uri.query().unwrap_or_default())
            .map_err(|_| Problem::invalid_field("query", "is not valid"))?;
        let mut object = Map::new();
        for (name, value) in pairs {
            let value = Value::String(value);
            match object.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(value);
                }
                Entry::Occupied(mut entry) => match entry.get_mut() {
                    Value::Array(values) => values.push(value),
                    once => *once = Value::Array(vec![once.take(), value]),
                },
            }
        }
        Ok(Self(T::read(&Value::Object(object), Kind::Parameter).map_err(Error::Invalid)?))
    }
}

/// Refuses every query parameter, for routes that take none.
pub struct NoQuery;

#[derive(Deserialize)]
struct NoParameters {}

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Query::<NoParameters>::from_request_parts(parts, state).await.map(|_| Self)
    }
}
