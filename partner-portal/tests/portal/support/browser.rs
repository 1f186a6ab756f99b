//! A browser with cookies, links and forms.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use edge::router::Router;
use edge::serve::Surroundings;
use edge::testing::FakeProvider;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use partner_portal::router::answer;
use partner_portal::service::Portal;
use shared::text::redirects;

use super::ORIGIN;

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Browser {
    router: Router<Portal>,
    portal: Portal,
    surroundings: Surroundings,
    provider: Arc<FakeProvider>,
    /// Cookies by name.
    pub(crate) cookies: BTreeMap<String, String>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Page {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: String,
}

impl Page {
    /// Returns where a redirect leads; empty if the answer is no redirect.
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Returns the token of the page's forms.
    pub(crate) fn csrf(&self) -> &str {
        self.hidden("csrf").expect("the page has a form")
    }

    /// Returns the value of a hidden field of the page's forms.
    pub(crate) fn hidden(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("type=\"hidden\" name=\"{name}\" value=\""))?;
        rest.split('"').next()
    }

    /// Checks that the page contains `text`.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        assert!(self.unbroken().contains(text), "{} lacks {text:?}:\n{}", self.status, self.body);
    }

    /// Checks that the page does not contain `text`.
    #[track_caller]
    pub(crate) fn is_silent_about(&self, text: &str) {
        assert!(!self.unbroken().contains(text), "{} says {text:?}:\n{}", self.status, self.body);
    }

    /// Returns the body without the places where a long name or URL may break.
    fn unbroken(&self) -> String {
        self.body.replace("<wbr>", "")
    }

    /// Returns the API key that the page shows, if any.
    pub(crate) fn key(&self) -> Option<&str> {
        let (_, rest) = self.body.split_once("<code id=\"key\" class=\"break\">")?;
        rest.split('<').next()
    }
}

impl Browser {
    pub(crate) fn new(
        router: Router<Portal>,
        portal: Portal,
        surroundings: Surroundings,
        provider: Arc<FakeProvider>,
    ) -> Self {
        Self { router, portal, surroundings, provider, cookies: BTreeMap::new() }
    }

    /// The same browser, whose next requests reach the portal that this other browser reaches.
    pub(crate) fn at(&self, other: &Self) -> Self {
        Self { cookies: self.cookies.clone(), ..other.clone() }
    }

    /// Follows a link.
    pub(crate) async fn get(&mut self, path: &str) -> Page {
        self.send(Method::GET, path, &[], "").await
    }

    /// Sends a form as a browser does under `Referrer-Policy: no-referrer`.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
        self.send(Method::POST, path, &headers, &serde_urlencoded::to_string(fields).unwrap()).await
    }

    /// Sends a form of this page.
    pub(crate) async fn submit(&mut self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut all = vec![("csrf", page.csrf())];
        all.extend(page.hidden("orgId").map(|org_id| ("orgId", org_id)));
        all.extend(fields.iter().copied());
        self.post(path, &all).await
    }

    /// Sends any request, and keeps the cookies of the answer.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Page {
        let mut request = Request::builder().method(&method).uri(path);
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        if method == Method::POST && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = answer(&self.router, &self.portal, &self.surroundings, request).await;
        let (parts, body) = response.into_parts();
        assert!(parts.headers.contains_key(header::STRICT_TRANSPORT_SECURITY), "{method} {path}: no HSTS");
        for value in parts.headers.get_all(header::SET_COOKIE) {
            let text = value.to_str().unwrap();
            let (pair, attributes) = text.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(attributes.contains(attribute), "{text}");
            }
            assert!(name.starts_with("__Host-"), "{text}");
            if attributes.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let body = String::from_utf8(bytes).unwrap();
        // Whoever wrote the words on a page, none turns the text around.
        let odd = body.chars().find(|character| redirects(*character) && !matches!(character, '\n' | '\t'));
        assert_eq!(odd, None, "{method} {path}: {body:?}");
        Page { status: parts.status, headers: parts.headers, body }
    }

    /// Follows local redirects to a page.
    pub(crate) async fn arrive(&mut self, path: &str) -> Page {
        let mut page = self.get(path).await;
        for _ in 0..5 {
            if !page.location().starts_with('/') {
                break;
            }
            let next = page.location().to_owned();
            page = self.get(&next).await;
        }
        page
    }

    /// Presses **Reveal API key** on the dashboard, where it is offered. Returns the answer, or else the dashboard.
    pub(crate) async fn reveal(&mut self) -> Page {
        let page = self.arrive("/dashboard").await;
        if page.body.contains("action=\"/api-key/reveal\"") {
            return self.submit(&page, "/api-key/reveal", &[]).await;
        }
        page
    }

    /// Signs in at the provider, and returns the path of the callback.
    pub(crate) async fn visit_provider(&mut self, login: &str, email: &str, verified: bool) -> String {
        let page = self.get(login).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        let back = serde_urlencoded::to_string([("redirect_uri", format!("{ORIGIN}/callback"))]).unwrap();
        assert!(page.location().contains(&back), "{}", page.location());
        self.provider.sign_in(page.location(), email, verified)
    }

    /// Signs in with a verified address.
    pub(crate) async fn sign_in(&mut self, email: &str) -> Page {
        let callback = self.visit_provider("/login", email, true).await;
        let page = self.get(&callback).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER, "{}", page.body);
        page
    }

    /// The `Origin` header that some browsers send with the portal's own forms.
    pub(crate) fn own_origin() -> (&'static str, &'static str) {
        ("origin", ORIGIN)
    }
}
