//! The bar with the person's address and the button to sign out, which stays on the page of a problem.

use std::sync::{Arc, OnceLock};

use http::HeaderMap;

use crate::service::Portal;
use crate::session::{Session, Sessions};

/// The person who is signed in.
#[derive(Clone)]
pub struct Person {
    /// The e-mail address.
    pub email: String,
    /// The token for the forms of the page.
    pub csrf: String,
}

impl Person {
    /// The person of a session.
    pub fn of(session: &Session, sessions: &Sessions) -> Self {
        Self { email: session.email.clone(), csrf: sessions.csrf_token(session) }
    }
}

/// The person of one request, who is looked up once the answer turns out to be a problem.
#[derive(Clone, Default)]
pub struct AccountBar(Arc<OnceLock<Person>>);

impl AccountBar {
    /// Returns the person, if one was found.
    pub fn person(&self) -> Option<&Person> {
        self.0.get()
    }

    /// Looks the person up. Without an answer of the database there is no bar.
    pub async fn look_up(&self, service: &Portal, headers: &HeaderMap) {
        let found = service.sessions.find(headers, service.clock.now()).await;
        if let Ok(Some(session)) = found {
            // Only one of several would be kept, and all are the same.
            self.0.get_or_init(|| Person::of(&session, &service.sessions));
        }
    }
}
