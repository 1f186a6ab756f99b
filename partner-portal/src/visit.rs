//! A request to a page: who asks, and what a handler needs to answer.
//!
//! A handler says by its argument whom it lets in: [`Visit`] anybody, [`SignedIn`] whoever has a session, [`Submitted`]
//! whoever has a session and sends a form of ours.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::{IntoResponse, Response};
use edge::cost::Cost;
use edge::form::read_form;
use edge::problem::Problem;
use http::request::Parts;
use http::{HeaderMap, Method};
use shared::time::Timestamp;

use crate::admin_client::PersonClient;
use crate::headers::Nonce;
use crate::oidc::TRANSACTION_LIFE;
use crate::pages::notice::Notice;
use crate::pages::respond::{see_other, with_cookies};
use crate::service::Service;
use crate::session::{Session, Sessions};
use crate::unread_key::UnreadKeys;
use crate::{csrf, pages};

/// The field of every form that ties it to its session.
pub const CSRF_FIELD: &str = "csrf";

/// The parameter and the field that say where to go afterwards: a local path.
pub const RETURN_FIELD: &str = "return_to";

/// Anybody's request.
pub struct Visit {
    /// The Worker's parts.
    pub service: Service,
    /// Sessions, counting what this request costs.
    pub sessions: Sessions,
    /// When it came.
    pub now: Timestamp,
    /// Of the page's script.
    pub nonce: Nonce,
    /// `GET`, `POST`, …
    pub method: Method,
    /// Those that [`crate::router::HEADERS`] names.
    pub headers: HeaderMap,
    /// Path and query.
    pub target: String,
}

impl FromRequestParts<Service> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Infallible> {
        let database = service.sessions.database().clone();
        let database = match parts.extensions.get::<Cost>() {
            Some(cost) => cost.meter(database),
            None => database,
        };
        let nonce = parts.extensions.get::<Nonce>().cloned();
        Ok(Self {
            service: service.clone(),
            sessions: service.sessions.over(database),
            now: service.clock.now(),
            nonce: nonce.unwrap_or_else(|| Nonce::draw(&*service.random)),
            method: parts.method.clone(),
            headers: parts.headers.clone(),
            target: parts.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        })
    }
}

impl Visit {
    /// The session of this browser, if it has a live one.
    ///
    /// # Errors
    /// 503 where the database does not answer.
    pub async fn session(&self) -> Result<Option<Session>, Problem> {
        self.sessions.find(&self.headers, self.now).await
    }

    /// The Admin API on behalf of the session's person.
    pub fn admin<'a>(&'a self, session: &'a Session) -> PersonClient<'a> {
        self.service.admin.on_behalf_of(&session.email, self.now)
    }

    /// API keys on their way to the page that shows them.
    pub fn unread_keys(&self) -> UnreadKeys {
        UnreadKeys {
            database: self.sessions.database().clone(),
            random: self.service.random.clone(),
            aead: self.service.aead.clone(),
        }
    }
}

/// A request with a live session. Without one: to sign-in, and back.
pub struct SignedIn {
    /// The request.
    pub visit: Visit,
    /// Whose.
    pub session: Session,
}

impl FromRequestParts<Service> for SignedIn {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Response> {
        let Ok(visit) = Visit::from_request_parts(parts, service).await;
        match visit.session().await {
            Ok(Some(session)) => Ok(Self { visit, session }),
            Ok(None) => Err(to_sign_in(&visit.target)),
            Err(problem) => Err(problem.into_response()),
        }
    }
}

/// A form of ours with a live session.
pub struct Submitted {
    /// The request.
    pub visit: Visit,
    /// Whose.
    pub session: Session,
    fields: BTreeMap<String, String>,
}

impl Submitted {
    /// What was typed in a field; nothing typed where the field is absent.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl FromRequest<Service> for Submitted {
    type Rejection = Response;

    async fn from_request(request: Request, service: &Service) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, service).await;
        csrf::check_site(&visit.headers, &service.config.origin).map_err(IntoResponse::into_response)?;
        let fields =
            read_form(Request::from_parts(parts, body)).await.map_err(IntoResponse::into_response)?;
        let Some(token) = fields.get(CSRF_FIELD) else {
            return Err(csrf::refused("no token").into_response());
        };
        let session = visit.session().await.map_err(IntoResponse::into_response)?;
        // A form of a session that has ended meanwhile.
        let Some(session) = session else { return Err(to_page_of(&visit.target)) };
        if !visit.sessions.is_csrf_token(&session, token) {
            return Err(csrf::refused("another session's token").into_response());
        }
        Ok(Self { visit, session, fields })
    }
}

fn to_sign_in(return_to: &str) -> Response {
    see_other(&sign_in_path(return_to))
}

/// Where to sign in and then go on to a local path.
pub fn sign_in_path(return_to: &str) -> String {
    let query = serde_urlencoded::to_string([(RETURN_FIELD, return_to)]).unwrap_or_default();
    format!("/login?{query}")
}

/// Signs in again, and goes to the page that the form was on, which says that it was not taken. Who wanted to sign out has
/// done so.
fn to_page_of(target: &str) -> Response {
    if target == "/logout" {
        return see_other("/");
    }
    let cookie = Notice::SessionEnded.cookie_for(TRANSACTION_LIFE);
    with_cookies(to_sign_in(pages::page_of_form(target)), [cookie])
}
