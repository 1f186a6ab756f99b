//! Takes a request to the handler of its route.
//!
//! axum has a router of its own. Here is less, since every isolate compiles and builds its router before the first answer:
//! patterns of paths are compared one after the other, by segments that are cut once, and no service stands between a route and
//! its handler.

use std::str::Utf8Error;
use std::sync::Arc;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, header};
use percent_encoding::percent_decode_str;

use crate::problem::Problem;
use crate::routes::Handling;

/// The handlers of a Worker's routes, with the state that they share.
pub struct Router<S>(Arc<Table<S>>);

struct Table<S> {
    patterns: Vec<Pattern<S>>,
    state: S,
}

/// The path of one route or several, with its `{parameters}`.
struct Pattern<S> {
    path: &'static str,
    segments: Vec<Segment>,
    /// The handlers of the path's methods.
    handled: Vec<Handling<S>>,
}

enum Segment {
    Literal(&'static str),
    Parameter(&'static str),
}

impl<S> Clone for Router<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The route that a request was taken to; an extension of the request.
#[derive(Clone, Debug)]
pub struct MatchedRoute {
    /// The path of the route, with its `{parameters}`.
    pub path: &'static str,
    /// The parameters in the request's path, decoded; or the first fault in them.
    parameters: Result<Vec<(&'static str, String)>, Utf8Error>,
}

impl MatchedRoute {
    fn new(path: &'static str, encoded: &[(&'static str, &str)]) -> Self {
        let decoded = encoded.iter().map(|(name, value)| {
            percent_decode_str(value).decode_utf8().map(|text| (*name, text.into_owned()))
        });
        Self { path, parameters: decoded.collect() }
    }

    /// The parameter of this name. `None` if the route has no such parameter.
    ///
    /// # Errors
    /// If any parameter of the path is not valid UTF-8.
    pub fn parameter(&self, name: &str) -> Result<Option<&str>, Utf8Error> {
        let parameters = self.parameters.as_ref().map_err(|error| *error)?;
        Ok(parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str()))
    }
}

/// A request that has no handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unrouted {
    /// No route has the path.
    Path,
    /// Routes have the path, and no route the method. With the value of the header `Allow`.
    Method(String),
}

impl Unrouted {
    /// Tells the caller what is wrong: `not_found` for the path, 405 for the method.
    pub fn told_as(self, not_found: Problem) -> Response {
        match self {
            Self::Path => not_found.into_response(),
            Self::Method(allowed) => {
                let mut response = Problem::method_not_allowed().into_response();
                if let Ok(allowed) = HeaderValue::try_from(allowed) {
                    response.headers_mut().insert(header::ALLOW, allowed);
                }
                response
            }
        }
    }
}

impl<S: Clone + 'static> Router<S> {
    pub(crate) fn new(handled: Vec<Handling<S>>, state: S) -> Self {
        let mut patterns: Vec<Pattern<S>> = Vec::new();
        for handling in handled {
            match patterns.iter_mut().find(|pattern| pattern.path == handling.path) {
                Some(pattern) => pattern.handled.push(handling),
                None => patterns.push(Pattern::new(handling)),
            }
        }
        Self(Arc::new(Table { patterns, state }))
    }

    /// Answers a request by the handler of its route; where there is none, by what `unrouted` makes of the request.
    pub async fn answer(
        &self,
        mut request: Request,
        unrouted: impl AsyncFnOnce(Request, Unrouted) -> Response,
    ) -> Response {
        let Some((pattern, matched)) = self.matched(request.uri().path()) else {
            return unrouted(request, Unrouted::Path).await;
        };
        let is_head = request.method() == Method::HEAD;
        let takes =
            |handled: &&Handling<S>| request.method() == handled.method || (is_head && handled.answers_head);
        let Some(handled) = pattern.handled.iter().find(takes) else {
            let names_its_methods = pattern.handled.iter().any(|handled| handled.names_its_methods);
            let missing = Unrouted::Method(allowed(&pattern.handled));
            if names_its_methods {
                return missing.told_as(Problem::not_found());
            }
            return unrouted(request, missing).await;
        };
        request.extensions_mut().insert(matched);
        let response = handled.handler.call(request, self.0.state.clone()).await;
        if is_head { without_body(response) } else { response }
    }

    /// The route of this path: of several the one with the fewest parameters.
    fn matched(&self, path: &str) -> Option<(&Pattern<S>, MatchedRoute)> {
        let given: Vec<&str> = path.split('/').collect();
        let matches =
            self.0.patterns.iter().filter_map(|pattern| Some((pattern, pattern.parameters(&given)?)));
        let (pattern, parameters) = matches.min_by_key(|(_, parameters)| parameters.len())?;
        Some((pattern, MatchedRoute::new(pattern.path, &parameters)))
    }
}

impl<S> Pattern<S> {
    /// The pattern of a route's path, with this route alone.
    fn new(handling: Handling<S>) -> Self {
        let segment =
            |text: &'static str| match text.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => Segment::Parameter(name),
                None => Segment::Literal(text),
            };
        let segments = handling.path.split('/').map(segment).collect();
        Self { path: handling.path, segments, handled: vec![handling] }
    }

    /// The parameters of a path with these segments, percent-encoded, if the path is of this pattern.
    fn parameters<'a>(&self, given: &[&'a str]) -> Option<Vec<(&'static str, &'a str)>> {
        if self.segments.len() != given.len() {
            return None;
        }
        let mut parameters = Vec::new();
        for (segment, given) in self.segments.iter().zip(given) {
            match segment {
                Segment::Literal(wanted) if wanted == given => {}
                Segment::Parameter(name) if !given.is_empty() => parameters.push((*name, *given)),
                Segment::Literal(_) | Segment::Parameter(_) => return None,
            }
        }
        Some(parameters)
    }
}

/// The value of the header `Allow`.
fn allowed<S>(of_path: &[Handling<S>]) -> String {
    let mut allowed = Vec::new();
    for handled in of_path {
        allowed.push(handled.method);
        if handled.answers_head {
            allowed.push("HEAD");
        }
    }
    allowed.join(",")
}

/// The answer to `HEAD`: that to `GET` without its body.
fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = Body::empty();
    response
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use http::StatusCode;

    use super::*;
    use crate::parameters::IdPath;
    use crate::routes::{Routes, get, open, patch, post};

    fn router() -> Router<()> {
        let routes = Routes::default()
            .route(get("/", open(async || "root")))
            .route(get("/letters/{id}", open(async |IdPath(id): IdPath| id)))
            .route(patch("/letters/{id}", open(async || "changed")))
            .route(post("/letters/all", open(async || "all")))
            .route(get("/letters/{id}/pages/{page}", open(async || "page")))
            .route(get("/used-up", open(async || "used up")).without_head())
            .route(get("/health", open(async || "well")).naming_its_methods());
        routes.build(()).0
    }

    /// Status, the header `Allow` and body of an answer; what has no route has the status 418.
    fn answer(method: &str, target: &str) -> (u16, String, String) {
        let request = http::Request::builder().method(method).uri(target).body(Body::empty()).unwrap();
        let unrouted = async |_, unrouted| match unrouted {
            Unrouted::Path => StatusCode::IM_A_TEAPOT.into_response(),
            Unrouted::Method(allowed) => {
                (StatusCode::IM_A_TEAPOT, [(header::ALLOW, allowed)]).into_response()
            }
        };
        let response = router().answer(request, unrouted).now_or_never().unwrap();
        let text = |value: Option<&HeaderValue>| value.map_or("", |value| value.to_str().unwrap()).to_owned();
        let allowed = text(response.headers().get(header::ALLOW));
        let status = response.status().as_u16();
        let body = crate::json::collect(response.into_body(), 1000).now_or_never().unwrap().unwrap();
        (status, allowed, String::from_utf8(body).unwrap())
    }

    #[test]
    fn a_request_comes_to_the_route_of_its_path_and_method() {
        for (method, target, body) in [
            ("GET", "/", "root"),
            ("GET", "/?a=b", "root"),
            ("GET", "/letters/7", "7"),
            ("GET", "/letters/a%2Fb%20%C3%A9", "a/b é"),
            ("PATCH", "/letters/7", "changed"),
            ("POST", "/letters/all", "all"),
            ("GET", "/letters/7/pages/8", "page"),
            ("HEAD", "/letters/7", ""),
        ] {
            assert_eq!(answer(method, target), (200, String::new(), body.to_owned()), "{method} {target}");
        }
    }

    #[test]
    fn a_path_without_a_route_and_a_method_without_a_route_are_told_apart() {
        for target in [
            "/letters",
            "/letters/",
            "/letters/7/",
            "//letters/7",
            "/letters//7",
            "/Letters/7",
            "/letters/7/pages/",
        ] {
            assert_eq!(answer("GET", target), (418, String::new(), String::new()), "{target}");
        }
        for (method, target, allowed) in [
            ("DELETE", "/letters/7", "GET,HEAD,PATCH"),
            ("GET", "/letters/all", "POST"),
            ("HEAD", "/used-up", "GET"),
            ("get", "/", "GET,HEAD"),
        ] {
            assert_eq!(answer(method, target), (418, allowed.to_owned(), String::new()), "{method} {target}");
        }
    }

    #[test]
    fn a_route_may_name_its_methods_to_everybody() {
        assert_eq!(answer("POST", "/health"), (405, "GET,HEAD".to_owned(), String::new()));
    }

    #[test]
    fn head_is_told_the_length_of_the_body_that_is_left_out() {
        let request = http::Request::builder().method("HEAD").uri("/").body(Body::empty()).unwrap();
        let response = router().answer(request, async |_, _| Response::default()).now_or_never().unwrap();
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "4");
    }

    #[test]
    fn a_segment_that_is_no_utf_8_is_refused() {
        assert_eq!(answer("GET", "/letters/%FF").0, 400);
    }
}
