//! The start page, signing in, signing out.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use edge::form::fields;
use edge::problem::Problem;
use http::StatusCode;
use shared::code::ErrorCode;

use super::frame::Frame;
use super::problem::SignInAt;
use crate::cookies;
use crate::known_browser;
use crate::notice::PageNotice;
use crate::oidc::{Purpose, Transaction, failed};
use crate::paths::{CONFIRM_FIELD, RETURN_FIELD, local_path};
use crate::respond::{Instead, PageResult, page, see_other, see_other_with, with_cookies};
use crate::session::ABSOLUTE;
use crate::visit::{SignedIn, Submitted, Visit};

/// The route under which failed callbacks are counted.
const CALLBACK: &str = "/callback";
/// The longest code that the portal sends on.
const LONGEST_CODE: usize = 2_048;
/// The longest reason of the provider's that a page shows, in characters.
const LONGEST_REASON: usize = 200;

#[derive(Template)]
#[template(path = "landing.html")]
struct LandingPage {
    frame: Frame,
}

impl LandingPage {
    /// Returns a request as an endpoint gets it.
    fn request(&self) -> &'static str {
        r#"POST /webhooks HTTP/1.1
content-type: application/json
webhook-id: 7bf73129-1428-4cd3-a780-95db273d1602
webhook-timestamp: 1775124000
webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=

{
  "version": "0",
  "id": "7bf73129-1428-4cd3-a780-95db273d1602",
  "detail-type": "KeyAdded",
  "source": "spk.api",
  "time": "2026-04-02T10:00:00Z",
  "resources": [],
  "detail": {
    "partnerId": "acme-corp",
    "version": 3,
    "data": { "lockId": 4711, … }
  }
}"#
    }

    /// Returns the code that verifies the request.
    fn code(&self) -> &'static str {
        r#"import { verify } from "./verify.mjs";

app.post("/webhooks",
  express.raw({ type: "*/*" }),
  (request, response) => {
    const { headers, body } = request;
    try {
      verify(SECRET, headers, body);
    } catch {
      return response.sendStatus(401);
    }
    queue(JSON.parse(body));
    response.sendStatus(204);
  });"#
    }
}

/// `GET /`
pub async fn landing(visit: Visit) -> PageResult {
    if visit.session().await?.is_some() {
        return Ok(see_other("/dashboard"));
    }
    let notice = PageNotice::read(&visit.headers);
    let frame = Frame { notice, ..Frame::for_anybody("Partner Portal", &visit) };
    page(StatusCode::OK, notice, &LandingPage { frame })
}

/// `GET /login`: goes to the provider. `return_to` says where to go afterwards; `switch` asks for another account, and
/// `confirm` for a recent sign-in.
pub async fn login(visit: Visit, RawQuery(query): RawQuery) -> PageResult {
    visit.count_stranger("/login").await?;
    let query = fields(query.as_deref().unwrap_or_default())?;
    let return_to = query.get(RETURN_FIELD).map_or("/dashboard", |path| local_path(path));
    let confirms = query.contains_key(CONFIRM_FIELD);
    let purpose = if confirms { Purpose::Confirmation } else { Purpose::Session };
    let transaction = Transaction::begin(&*visit.service.random, return_to, purpose, visit.now);
    let provider = &visit.service.provider;
    let url = provider.sign_in_url(&transaction, query.contains_key("switch"), visit.now).await?;
    let cookies = transaction.cookies(&visit.headers, visit.sessions.sealer(), visit.now).await;
    Ok(with_cookies(see_other(&url), cookies.unwrap_or_default().into_iter().map(Some)))
}

/// `GET /callback`: comes back from the provider. Only what fails is counted, so that nobody keeps those at the same address
/// from finishing their sign-ins.
pub async fn callback(visit: Visit, RawQuery(query): RawQuery) -> PageResult {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let parameter = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let Some(state) = parameter("state") else { return Err(not_ours(&visit, "no state").await) };
    // A callback without a state of this browser's changes nothing, not even the cookie of a sign-in under way.
    let transaction = Transaction::of_state(&visit.headers, state, visit.sessions.sealer(), visit.now).await;
    let Some(transaction) = transaction else {
        return Err(not_ours(&visit, "the state is not this browser's, or too old").await);
    };
    if !visit.sessions.spend(&transaction.digest(), transaction.expires_at()).await? {
        return Err(not_ours(&visit, "the state was used before").await);
    }
    let answer = match finish(&visit, &transaction, parameter).await {
        Ok(response) => response,
        Err(problem) => {
            let counted = visit.count_stranger(CALLBACK).await;
            let mut response = counted.err().unwrap_or(problem).into_response();
            response.extensions_mut().insert(SignInAt(transaction.sign_in_path()));
            response
        }
    };
    Ok(with_cookies(answer, [transaction.clear()]))
}

/// The answer to a callback that belongs to no sign-in under way in this browser. Most often a person has loaded the page
/// again, so whoever is signed in is told that.
async fn not_ours(visit: &Visit, detail: &str) -> Instead {
    // Before the database is asked.
    if let Err(too_many) = visit.count_stranger(CALLBACK).await {
        return too_many.into();
    }
    match visit.session().await {
        Ok(Some(_)) => signed_in_already(detail).into(),
        Ok(None) => failed(detail.to_owned()).into(),
        Err(problem) => problem.into(),
    }
}

async fn finish<'a>(
    visit: &Visit,
    transaction: &Transaction,
    parameter: impl Fn(&str) -> Option<&'a str>,
) -> Result<Response, Problem> {
    if !visit.service.provider.is_issuer(parameter("iss"), visit.now).await? {
        return Err(failed("the answer names another issuer, or none".to_owned()));
    }
    if let Some(error) = parameter("error") {
        return Err(sign_in_refused(parameter("error_description").unwrap_or(error)));
    }
    let code = parameter("code").filter(|code| is_code(code));
    let code = code.ok_or_else(|| failed("no code, or a malformed one".to_owned()))?;
    let person = visit.service.provider.finish(transaction, code, visit.now).await?;
    let before = visit.session().await?;
    let cookie = visit.sessions.begin(&person, before.as_ref(), &visit.headers, visit.now).await?;
    let known = known_browser::cookie(person.email.as_str(), visit.sessions.sealer(), visit.now).await;
    let cookies = [cookies::set(cookies::SESSION, &cookie, ABSOLUTE), known];
    Ok(with_cookies(see_other(&transaction.return_to), cookies))
}

/// Returns whether a text can be an authorization code: printable ASCII (RFC 6749, appendix A.11), of a length that any
/// provider's codes have.
fn is_code(text: &str) -> bool {
    text.len() <= LONGEST_CODE && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

/// `POST /logout`: ends the session here, then at the provider.
pub async fn logout(submitted: Submitted) -> PageResult {
    let SignedIn { visit, session } = &*submitted;
    let id_token = visit.sessions.id_token(session).await;
    visit.sessions.end(session).await?;
    // The person is signed out here even if the provider does not answer.
    let url = visit.service.provider.sign_out_url(id_token.as_deref(), visit.now).await;
    let response = see_other_with(url.as_deref().unwrap_or("/"), PageNotice::SignedOut);
    Ok(with_cookies(response, [cookies::clear(cookies::SESSION)]))
}

/// The person has signed in, and has loaded the end of the sign-in again.
fn signed_in_already(detail: &str) -> Problem {
    let message = "This sign-in was finished before, and you are signed in. Go on to the dashboard.";
    let problem = Problem::new(StatusCode::BAD_REQUEST, ErrorCode::SignedInAlready, message);
    Problem { detail: Some(detail.to_owned()), ..problem }
}

fn sign_in_refused(reason: &str) -> Problem {
    let reason: String = reason.chars().take(LONGEST_REASON).collect();
    let problem =
        Problem::new(StatusCode::BAD_REQUEST, ErrorCode::SignInRefused, format!("It says: {reason}"));
    Problem { detail: Some(reason), ..problem }
}
