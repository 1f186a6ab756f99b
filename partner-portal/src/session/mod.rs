//! Sign-in sessions: a signed cookie with a random id, and a row with the person.

mod browser;
mod keys;
mod store;
mod token;

use std::sync::Arc;

use edge::problem::Problem;
use http::HeaderMap;
use secrecy::ExposeSecret;
use serde::Deserialize;
use shared::error::Error;
use shared::ports::{Aead, Database, DatabaseError, Random, Statement};
use shared::sealer::Sealer;
use shared::time::Timestamp;

pub use keys::KeyRing;
pub(crate) use store::{ABSOLUTE, RECENT};
pub use token::SessionId;

use self::store::NewSession;
use crate::cookies;
use crate::oidc::Person;

/// Begins, finds and ends sessions.
#[derive(Clone)]
pub struct Sessions {
    database: Arc<dyn Database>,
    random: Arc<dyn Random>,
    ring: KeyRing,
    sealer: Sealer,
}

/// A live session.
#[derive(Clone, Debug, Deserialize)]
pub struct Session {
    /// The SHA-256 of the session's id.
    pub digest: String,
    /// The person's verified e-mail address.
    pub email: String,
    /// The time when the person signed in at the provider, in milliseconds, if the provider said so.
    authenticated_at: Option<i64>,
    /// The organization that the person looks at.
    pub org_id: Option<String>,
    /// The ID token of the sign-in, encrypted.
    sealed_id_token: String,
}

impl Session {
    /// Returns whether the person signed in at the provider so lately that they may do what is dangerous.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        self.authenticated_at.is_some_and(|at| now <= Timestamp::from_milliseconds(at).plus(RECENT))
    }
}

/// A live session, as its person's list of sessions shows it.
#[derive(Debug, Deserialize)]
pub struct ListedSession {
    /// The SHA-256 of the session's id.
    pub digest: String,
    /// The browser and its operating system, in words.
    pub browser: String,
    created_at: i64,
    last_seen_at: i64,
}

impl ListedSession {
    /// Returns the time when the session began.
    pub fn began_at(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.created_at)
    }

    /// Returns the time when the session was last used, to the minute.
    pub fn last_seen_at(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.last_seen_at)
    }
}

impl Sessions {
    /// Sessions in `database`.
    pub fn new(
        database: Arc<dyn Database>,
        random: Arc<dyn Random>,
        aead: Arc<dyn Aead>,
        ring: KeyRing,
    ) -> Self {
        let current = ring.current().sealing.clone();
        let previous = ring.previous().map(|keys| keys.sealing.clone());
        let sealer = Sealer::new(current, previous, aead, random.clone());
        Self { database, random, ring, sealer }
    }

    /// The same sessions over `database`, which may count what a request costs.
    #[must_use]
    pub fn over(&self, database: Arc<dyn Database>) -> Self {
        Self { database, ..self.clone() }
    }

    /// The database.
    pub fn database(&self) -> &Arc<dyn Database> {
        &self.database
    }

    /// The sealer for values that belong to a browser and not to a session.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Returns the token for this session's forms.
    pub fn csrf_token(&self, session: &Session) -> String {
        self.ring.csrf_token(&session.digest)
    }

    /// Returns whether a form's token is for this session.
    pub fn is_csrf_token(&self, session: &Session, presented: &str) -> bool {
        self.ring.is_csrf_token(&session.digest, presented)
    }

    /// Returns the live session of this browser; `None` if there is none, or anything is wrong with the cookie.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn find(&self, headers: &HeaderMap, now: Timestamp) -> Result<Option<Session>, Problem> {
        let Some(id) = self.presented(headers) else { return Ok(None) };
        let mut batch = self.run(store::touch(&id.digest(), now).into()).await?;
        Ok(batch.first(1).map_err(Error::from)?)
    }

    /// Returns the digest of the session that the cookie names, live or not; `None` if the portal did not sign the cookie.
    pub fn named_by(&self, headers: &HeaderMap) -> Option<String> {
        self.presented(headers).map(|id| id.digest())
    }

    fn presented(&self, headers: &HeaderMap) -> Option<SessionId> {
        cookies::read(headers, cookies::SESSION).and_then(|text| SessionId::read(text, &self.ring))
    }

    /// Begins a session with a new id, ends the session before, if any, and returns the value of the cookie.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn begin(
        &self,
        person: &Person,
        before: Option<&Session>,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<String, Problem> {
        let id = SessionId::draw(&*self.random);
        let digest = id.digest();
        let sealed =
            self.sealer.seal(&id_token_context(&digest), &person.id_token).await.map_err(Error::from)?;
        let cookie = id.sign(&self.ring).ok_or_else(|| Error::Internal("no session cookie".into()))?;
        let session = NewSession {
            digest: &digest,
            email: person.email.as_str(),
            authenticated_at: person.authenticated_at,
            browser: &browser::describe(headers),
            sealed_id_token: &sealed,
        };
        let mut statements: Vec<Statement> = store::sweep(now).into();
        statements.extend(before.map(|before| store::delete(&before.digest)));
        statements.push(store::insert(&session, now));
        self.run(statements).await?;
        Ok(cookie)
    }

    /// Ends a session. Its cookie is worthless from then on.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn end(&self, session: &Session) -> Result<(), Problem> {
        self.run(vec![store::delete(&session.digest)]).await.map(drop)
    }

    /// Returns the live sessions of a person, the one used last first.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn of_person(&self, email: &str, now: Timestamp) -> Result<Vec<ListedSession>, Problem> {
        let mut batch = self.run(vec![store::of_person(email, now)]).await?;
        Ok(batch.take(0).map_err(Error::from)?)
    }

    /// Ends the session with this digest, if it is the same person's.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn end_own(&self, session: &Session, digest: &str) -> Result<(), Problem> {
        self.run(vec![store::delete_of_person(&session.email, digest)]).await.map(drop)
    }

    /// Ends all sessions of the session's person but this one.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn end_others(&self, session: &Session) -> Result<(), Problem> {
        self.run(vec![store::delete_others(&session.email, &session.digest)]).await.map(drop)
    }

    /// Ends the sessions in which the person with this address looks at this organization, or at none yet. The person may
    /// go on with other organizations: who adds and removes a stranger must not sign the stranger out of them.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn end_at(&self, email: &str, org_id: &str) -> Result<(), Problem> {
        self.run(vec![store::delete_at(email, org_id)]).await.map(drop)
    }

    /// Returns the ID token of the sign-in that began the session.
    pub async fn id_token(&self, session: &Session) -> Option<String> {
        let opened = self.sealer.open(&id_token_context(&session.digest), &session.sealed_id_token).await;
        opened.ok().map(|token| token.expose_secret().to_owned())
    }

    /// Remembers the organization that the person looks at.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn choose(&self, session: &Session, org_id: Option<&str>) -> Result<(), Problem> {
        self.run(vec![store::choose(&session.digest, org_id)]).await.map(drop)
    }

    /// Notes that a sign-in's state was used, and returns whether this was the first time.
    ///
    /// # Errors
    /// 503 if the database does not answer.
    pub async fn spend(&self, state_digest: &str, expires_at: Timestamp) -> Result<bool, Problem> {
        match self.database.batch(vec![store::spend(state_digest, expires_at)]).await {
            Ok(_) => Ok(true),
            Err(DatabaseError::Unique(_)) => Ok(false),
            Err(error) => Err(Error::from(error).into()),
        }
    }

    async fn run(&self, statements: Vec<Statement>) -> Result<shared::ports::Batch, Problem> {
        Ok(self.database.batch(statements).await.map_err(Error::from)?)
    }
}

fn id_token_context(digest: &str) -> String {
    format!("id token of session {digest}")
}
