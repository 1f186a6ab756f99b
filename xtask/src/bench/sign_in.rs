//! A person who is signed in at the portal of a stack.

use anyhow::{Context, Result, bail};
use http::{Method, header};
use local::client::{Client, HttpAnswer};
use local::cookies::Cookies;
use local::stack::Stack;

/// The most steps of one sign-in: redirects and the provider's form.
const MOST_STEPS: usize = 12;

/// Signs a person in, as a browser would. Returns the value of the header `Cookie` for the portal.
pub(super) fn sign_in(stack: &Stack, email: &str) -> Result<String> {
    let address = stack.address();
    let urls = address.urls();
    let mut portal = Visited::new(address.worker("partner-portal")?, &urls.portal_url);
    let provider = format!("http://localhost:{}", address.port + 1);
    let mut provider = Visited::new(address.provider()?, &provider);
    let form = format!("email={}", email.replace('@', "%40"));
    let mut url = format!("{}/login", urls.portal_url);
    for _ in 0..MOST_STEPS {
        let at_portal = url.starts_with(&portal.origin);
        if at_portal && url.ends_with("/dashboard") {
            return Ok(portal.cookies.header());
        }
        let site = if at_portal { &mut portal } else { &mut provider };
        let mut answer = site.get(&url)?;
        if answer.status == 200 && !at_portal {
            answer = site.submit(&url, &form)?;
        }
        url = site.next(&answer).with_context(|| format!("{url} leads nowhere: {}", answer.status))?;
    }
    bail!("the sign-in does not end")
}

/// A site with its cookies.
struct Visited {
    client: Client,
    origin: String,
    cookies: Cookies,
}

impl Visited {
    fn new(client: Client, origin: &str) -> Self {
        Self { client, origin: origin.to_owned(), cookies: Cookies::default() }
    }

    fn get(&mut self, url: &str) -> Result<HttpAnswer> {
        self.send(&self.client.clone(), Method::GET, url, None)
    }

    fn submit(&mut self, url: &str, form: &str) -> Result<HttpAnswer> {
        let client = self.client.clone().with("content-type", "application/x-www-form-urlencoded")?;
        self.send(&client, Method::POST, url, Some(form.into()))
    }

    fn send(
        &mut self,
        client: &Client,
        method: Method,
        url: &str,
        body: Option<Vec<u8>>,
    ) -> Result<HttpAnswer> {
        let path = url.strip_prefix(&self.origin).with_context(|| format!("{url} is another site's"))?;
        let answer = client.clone().with("cookie", &self.cookies.header())?.send(method, path, body)?;
        self.cookies.keep(&answer.headers);
        Ok(answer)
    }

    /// The URL that an answer leads to.
    fn next(&self, answer: &HttpAnswer) -> Option<String> {
        let location = answer.headers.get(header::LOCATION)?.to_str().ok()?;
        Some(if location.starts_with('/') {
            format!("{}{location}", self.origin)
        } else {
            location.to_owned()
        })
    }
}
