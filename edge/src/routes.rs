//! Routes whose access comes from their handlers' types, listed so that a test can ask each one without credentials.
//!
//! A handler says whom it lets in by its first argument, a [`Caller`]. A handler without a caller is open to everybody,
//! and a route has to say so:
//!
//! ```
//! # use edge::routes::{HandledRoute, get, open};
//! async fn health() -> &'static str { "ok" }
//! let _: HandledRoute<()> = get("/health", open(health));
//! ```
//!
//! Without `open(…)` the same route does not compile:
//!
//! ```compile_fail,E0277
//! # use edge::routes::{HandledRoute, get, open};
//! async fn health() -> &'static str { "ok" }
//! let _: HandledRoute<()> = get("/health", health);
//! ```
//!
//! Nor does a route whose handler takes the caller as a later argument:
//!
//! ```compile_fail,E0277
//! # use axum::extract::FromRequestParts;
//! # use edge::{parameters::IdPath, problem::Problem, routes::{Access, Caller, HandledRoute, get}};
//! # use http::request::Parts;
//! # struct Admin;
//! # impl Caller for Admin { const ACCESS: Access = Access::Admin; }
//! # impl FromRequestParts<()> for Admin {
//! #     type Rejection = Problem;
//! #     async fn from_request_parts(_: &mut Parts, _: &()) -> Result<Self, Problem> { Ok(Self) }
//! # }
//! async fn letter(_: IdPath, _: Admin) {}
//! let _: HandledRoute<()> = get("/letters/{id}", letter);
//! ```

use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::Response;

use crate::router::Router;

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

/// An extractor, first among a handler's arguments, that lets in whom it names and refuses everybody else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say who may call the handler",
    note = "take the caller as the first argument, or write `open(…)` if everybody may call the handler"
)]
pub trait Caller {
    /// Whom the extractor lets in.
    const ACCESS: Access;
}

/// The arguments of a handler, the first of which is a [`Caller`].
///
/// axum knows a handler by a tuple of a marker and the types of its arguments; this trait is implemented for such tuples.
#[diagnostic::on_unimplemented(
    message = "nothing says who may call this handler",
    note = "take the caller as the first argument, or write `open(…)` if everybody may call the handler"
)]
pub trait BeginsWithCaller {
    /// Whom the caller lets in.
    const ACCESS: Access;
}

macro_rules! begins_with_caller {
    ($($argument:ident)*) => {
        impl<M, C: Caller, $($argument),*> BeginsWithCaller for (M, C, $($argument,)*) {
            const ACCESS: Access = C::ACCESS;
        }
    };
}

begins_with_caller!();
begins_with_caller!(A1);
begins_with_caller!(A1 A2);
begins_with_caller!(A1 A2 A3);
begins_with_caller!(A1 A2 A3 A4);
begins_with_caller!(A1 A2 A3 A4 A5);
begins_with_caller!(A1 A2 A3 A4 A5 A6);

/// A handler that says who may call it: by a [`Caller`] as its first argument, or by being [`open`].
pub trait Guarded<T, S> {
    /// Who may call the handler.
    const ACCESS: Access;

    /// The handler, of the one type that all handlers have in a router.
    fn erased(self) -> ErasedHandler<S>;
}

type BoxedFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler whose own type is forgotten.
pub struct ErasedHandler<S>(Arc<dyn Fn(Request, S) -> BoxedFuture + Send + Sync>);

impl<S: 'static> ErasedHandler<S> {
    fn new<T: 'static>(handler: impl Handler<T, S>) -> Self {
        Self(Arc::new(move |request, state| Box::pin(handler.clone().call(request, state))))
    }

    /// Answers a request.
    pub(crate) fn call(&self, request: Request, state: S) -> BoxedFuture {
        (self.0)(request, state)
    }
}

impl<H, T, S> Guarded<T, S> for H
where
    H: Handler<T, S>,
    T: BeginsWithCaller + 'static,
    S: Clone + Send + Sync + 'static,
{
    const ACCESS: Access = T::ACCESS;

    fn erased(self) -> ErasedHandler<S> {
        ErasedHandler::new(self)
    }
}

/// A handler that everybody may call: see [`open`].
pub struct Open<H>(H);

/// Lets everybody call a handler.
pub fn open<H>(handler: H) -> Open<H> {
    Open(handler)
}

/// Tells the arguments of open handlers from those of guarded ones.
pub struct OpenTo<T>(PhantomData<T>);

impl<H, T, S> Guarded<OpenTo<T>, S> for Open<H>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    const ACCESS: Access = Access::Open;

    fn erased(self) -> ErasedHandler<S> {
        ErasedHandler::new(self.0)
    }
}

/// One route. A Worker that documents its routes keeps a description with each.
#[derive(Clone, Debug)]
pub struct Route<D = ()> {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// The path; `{name}` stands for one segment that is not empty.
    pub path: &'static str,
    /// Who may call the route.
    pub access: Access,
    /// What the documentation says of the route.
    pub description: D,
}

/// A route with its handler.
pub struct HandledRoute<S, D = ()> {
    route: Route<D>,
    pub(crate) handling: Handling<S>,
}

/// What a router knows of a route.
pub(crate) struct Handling<S> {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) handler: ErasedHandler<S>,
    /// A `GET` route answers `HEAD`, too.
    pub(crate) answers_head: bool,
    /// Whoever asks with another method is told which methods there are.
    pub(crate) names_its_methods: bool,
}

impl<S> HandledRoute<S> {
    fn new(method: &'static str, path: &'static str, access: Access, handler: ErasedHandler<S>) -> Self {
        let answers_head = method == "GET";
        Self {
            route: Route { method, path, access, description: () },
            handling: Handling { method, path, handler, answers_head, names_its_methods: false },
        }
    }

    /// The same with a description.
    pub fn described<D>(self, description: D) -> HandledRoute<S, D> {
        let Route { method, path, access, description: () } = self.route;
        HandledRoute { route: Route { method, path, access, description }, handling: self.handling }
    }
}

impl<S, D> HandledRoute<S, D> {
    /// Answers other methods of the path with 405 and the header `Allow`, whoever asks. Without it the Worker decides, so that
    /// strangers do not learn which paths there are.
    #[must_use]
    pub fn naming_its_methods(mut self) -> Self {
        self.handling.names_its_methods = true;
        self
    }

    /// Answers `HEAD` with 405: a route whose `GET` does more than to show something does nothing for a request that
    /// only asks about it. Without this, a `GET` route answers `HEAD`, too.
    #[must_use]
    pub fn without_head(mut self) -> Self {
        self.handling.answers_head = false;
        self
    }
}

macro_rules! methods {
    ($($function:ident $method:ident)*) => {$(
        #[doc = concat!("`", stringify!($method), "` of a path.")]
        pub fn $function<T, S, H>(path: &'static str, handler: H) -> HandledRoute<S>
        where
            H: Guarded<T, S>,
        {
            HandledRoute::new(stringify!($method), path, H::ACCESS, handler.erased())
        }
    )*};
}

methods! { get GET post POST put PUT patch PATCH delete DELETE }

/// A Worker's routes, or some of them.
pub struct Routes<S, D = ()>(Vec<HandledRoute<S, D>>);

impl<S, D> Default for Routes<S, D> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S: Clone + 'static, D> Routes<S, D> {
    /// Adds a route.
    #[must_use]
    pub fn route(mut self, endpoint: HandledRoute<S, D>) -> Self {
        self.0.push(endpoint);
        self
    }

    /// Adds all routes of another list.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The router, and the list of its routes.
    pub fn build(self, state: S) -> (Router<S>, Vec<Route<D>>) {
        let (routes, handled) = self.0.into_iter().map(|route| (route.route, route.handling)).unzip();
        (Router::new(handled, state), routes)
    }
}
