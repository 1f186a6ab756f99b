//! Routes that say who may call them, so that a test can ask each one without credentials.

use axum::Router;
use axum::routing::MethodRouter;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Open,
    /// Admins, and the portal on behalf of a person.
    Admin,
    /// A partner's backend with its own key.
    Partner,
    /// A person signed in at the portal.
    Person,
    /// EventBridge with the connection's key.
    EventSource,
}

/// One route.
#[derive(Clone, Debug)]
pub struct Route {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// With axum's `{parameters}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

/// A router being built, and the list of what is in it.
pub struct Routes<S> {
    router: Router<S>,
    listed: Vec<Route>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), listed: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Adds a route.
    #[must_use]
    pub fn add(
        mut self,
        access: Access,
        method: &'static str,
        path: &'static str,
        handler: MethodRouter<S>,
    ) -> Self {
        self.router = self.router.route(path, handler);
        self.listed.push(Route { method, path, access });
        self
    }

    /// The router, and its routes.
    pub fn build(self, state: S) -> (Router, Vec<Route>) {
        (self.router.with_state(state), self.listed)
    }
}
