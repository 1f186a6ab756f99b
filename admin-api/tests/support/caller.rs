//! Who calls, and with what.

use edge::testing::Request;
use serde_json::Value;

use super::{ADMIN_KEY, Answer, SERVICE_SECRET, TestApp, token_of_admin, token_of_portal};

/// Somebody with credentials, or without.
pub(crate) struct Caller<'a> {
    app: &'a TestApp,
    credentials: Vec<(String, Vec<u8>)>,
}

impl TestApp {
    /// Somebody without credentials.
    pub(crate) fn anybody(&self) -> Caller<'_> {
        Caller { app: self, credentials: Vec::new() }
    }

    /// An admin with both credentials.
    pub(crate) fn admin(&self) -> Caller<'_> {
        self.bearer(&token_of_admin(&self.clock).signed())
    }

    /// Somebody with the admin key and this token.
    pub(crate) fn bearer(&self, token: &str) -> Caller<'_> {
        self.anybody().with("x-admin-api-key", ADMIN_KEY).with("authorization", format!("Bearer {token}"))
    }

    /// The portal, on behalf of this person.
    pub(crate) fn portal(&self, person: &str) -> Caller<'_> {
        self.bearer(&token_of_portal(&self.clock, person).signed_hs256(SERVICE_SECRET))
    }

    /// A partner's backend with its key.
    pub(crate) fn partner(&self, key: &str) -> Caller<'_> {
        self.anybody().with("x-api-key", key)
    }
}

impl<'a> Caller<'a> {
    /// Adds a header to every request.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.credentials.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> Request<'a, TestApp> {
        let request = Request::new(self.app, method, path);
        self.credentials.iter().fold(request, |request, (name, value)| request.header(name, value))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.request("POST", path).json(&body).send().await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.request("PUT", path).json(&body).send().await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.request("PATCH", path).json(&body).send().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path).send().await
    }
}
