//! A request to a page, as its handler receives it.
//!
//! The handler's first argument says whom it admits: [`SignedIn`] a person with a session, [`Submitted`] a person with a
//! session who sends a form of the portal. A handler that takes a plain [`Visit`] is open.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Deref;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use edge::cost::Cost;
use edge::form::read_form;
use edge::problem::Problem;
use edge::rate_limit::client;
use edge::routes::{Access, Caller};
use http::request::Parts;
use http::{HeaderMap, Method};
use shared::time::Timestamp;

use crate::admin_client::PersonClient;
use crate::csrf;
use crate::draft::Draft;
use crate::headers::Nonce;
use crate::known_browser;
use crate::notice::PageNotice;
use crate::oidc::TRANSACTION_LIFE;
use crate::paths::{page_of_form, to_confirm, with_return};
use crate::respond::{Instead, see_other, with_cookies};
use crate::service::Portal;
use crate::session::{Session, Sessions};
use crate::unread_key::UnreadKeys;

/// The field of every form with the token that ties the form to its session.
pub const CSRF_FIELD: &str = "csrf";

/// A request from anybody.
pub struct Visit {
    /// The parts of the Worker.
    pub service: Portal,
    /// Sessions, over a database that counts what this request costs.
    pub sessions: Sessions,
    /// The time of the request.
    pub now: Timestamp,
    /// The nonce for the page's script.
    pub nonce: Nonce,
    /// `GET`, `POST`, …
    pub method: Method,
    /// The headers named in [`crate::router::HEADERS`].
    pub headers: HeaderMap,
    /// Path and query.
    pub target: String,
}

impl FromRequestParts<Portal> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, service: &Portal) -> Result<Self, Infallible> {
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
    /// Returns the live session of this browser, if there is one.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn session(&self) -> Result<Option<Session>, Problem> {
        self.sessions.find(&self.headers, self.now).await
    }

    /// Counts one more request to `route` that may be a stranger's: of a browser with a session's cookie under the session, of one
    /// in which somebody has signed in before under that person, of any other under the client's address. No stranger can name
    /// the first two.
    ///
    /// # Errors
    /// 429 if that is one too many.
    pub async fn count_stranger(&self, route: &str) -> Result<(), Problem> {
        let who = match self.sessions.named_by(&self.headers) {
            Some(session) => Some(session),
            None => known_browser::person(&self.headers, self.sessions.sealer(), self.now).await,
        };
        let who = who.unwrap_or_else(|| client(&self.headers));
        self.service.strangers.count(&format!("{route} {who}")).await
    }

    /// Returns what the person typed into the form of this page before they had to sign in, if anything.
    pub async fn draft(&self, page: &str) -> Option<Draft> {
        Draft::read(&self.headers, page, self.sessions.sealer(), self.now).await
    }

    /// Has the person sign in at `login`, and come back to the form of this request with what they typed.
    async fn sign_in_first(
        &self,
        login: &str,
        fields: &BTreeMap<String, String>,
        notice: PageNotice,
    ) -> Response {
        let draft = Draft::new(page_of_form(&self.target), fields, self.now);
        let cookies = [draft.cookie(self.sessions.sealer()).await, notice.cookie_for(TRANSACTION_LIFE)];
        with_cookies(see_other(login), cookies)
    }

    /// Returns the store of API keys that wait for their one reading.
    pub fn unread_keys(&self) -> UnreadKeys {
        UnreadKeys {
            database: self.sessions.database().clone(),
            random: self.service.random.clone(),
            aead: self.service.aead.clone(),
        }
    }
}

/// A request with a live session. Without a session, the person signs in and comes back.
pub struct SignedIn {
    /// The request.
    pub visit: Visit,
    /// The session.
    pub session: Session,
}

impl SignedIn {
    /// Returns the Admin API on behalf of the session's person.
    pub fn admin(&self) -> PersonClient<'_> {
        self.visit.service.admin.on_behalf_of(&self.session.email, self.visit.now)
    }
}

impl Caller for SignedIn {
    const ACCESS: Access = Access::Person;
}

impl FromRequestParts<Portal> for SignedIn {
    type Rejection = Instead;

    async fn from_request_parts(parts: &mut Parts, service: &Portal) -> Result<Self, Instead> {
        let Ok(visit) = Visit::from_request_parts(parts, service).await;
        match visit.session().await? {
            Some(session) => Ok(Self { visit, session }),
            None => Err(see_other(&with_return("/login", &visit.target)).into()),
        }
    }
}

/// A form of the portal, sent with a live session.
pub struct Submitted {
    signed_in: SignedIn,
    fields: BTreeMap<String, String>,
}

impl Deref for Submitted {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.signed_in
    }
}

impl Submitted {
    /// Returns what the person typed in a field; an absent field is empty.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map(String::as_str).unwrap_or_default()
    }
}

impl Caller for Submitted {
    const ACCESS: Access = Access::Person;
}

impl FromRequest<Portal> for Submitted {
    type Rejection = Instead;

    async fn from_request(request: Request, service: &Portal) -> Result<Self, Instead> {
        let (mut parts, body) = request.into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, service).await;
        csrf::check_site(&visit.headers, &service.config.origin)?;
        let fields = read_form(Request::from_parts(parts, body)).await?;
        let token = fields.get(CSRF_FIELD).ok_or_else(|| csrf::refused("no token"))?;
        let Some(session) = visit.session().await? else {
            return Err(after_session(&visit, &fields).await.into());
        };
        if !visit.sessions.is_csrf_token(&session, token) {
            return Err(csrf::refused("another session's token").into());
        }
        Ok(Self { signed_in: SignedIn { visit, session }, fields })
    }
}

/// A form that does something dangerous, sent by a person whose sign-in is recent. Anybody else signs in again and comes
/// back to the form.
pub struct Confirmed(pub Submitted);

impl Caller for Confirmed {
    const ACCESS: Access = Submitted::ACCESS;
}

impl FromRequest<Portal> for Confirmed {
    type Rejection = Instead;

    async fn from_request(request: Request, service: &Portal) -> Result<Self, Instead> {
        let submitted = Submitted::from_request(request, service).await?;
        let SignedIn { visit, session } = &*submitted;
        if session.is_recent(visit.now) {
            return Ok(Self(submitted));
        }
        let login = to_confirm(page_of_form(&visit.target));
        Err(visit.sign_in_first(&login, &submitted.fields, PageNotice::SignedInAgain).await.into())
    }
}

/// A form of the portal, sent with a live session to a path with a parameter.
pub struct SubmittedTo<P>(pub Submitted, pub P);

impl<P> Caller for SubmittedTo<P> {
    const ACCESS: Access = Submitted::ACCESS;
}

impl<P: FromRequestParts<Portal, Rejection = Problem> + Send> FromRequest<Portal> for SubmittedTo<P> {
    type Rejection = Instead;

    async fn from_request(request: Request, service: &Portal) -> Result<Self, Instead> {
        let (mut parts, body) = request.into_parts();
        let path = P::from_request_parts(&mut parts, service).await?;
        Ok(Self(Submitted::from_request(Request::from_parts(parts, body), service).await?, path))
    }
}

/// Answers a form that came after its session had ended: the person signs in and comes back to the form's page, which
/// says that nothing was changed. Signing out needs no session.
async fn after_session(visit: &Visit, fields: &BTreeMap<String, String>) -> Response {
    if visit.target == "/logout" {
        return see_other("/");
    }
    let login = with_return("/login", page_of_form(&visit.target));
    visit.sign_in_first(&login, fields, PageNotice::SessionEnded).await
}
