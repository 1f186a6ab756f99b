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
use crate::notice::PageNotice;
use crate::oidc::{TRANSACTION_LIFE, Transaction, failed};
use crate::paths::{RETURN_FIELD, local_path, with_return};
use crate::respond::{PageResult, page, see_other, see_other_with, with_cookies};
use crate::session::ABSOLUTE;
use crate::visit::{SignedIn, Submitted, Visit};

/// The longest reason of the provider's that a page shows, in characters.
const LONGEST_REASON: usize = 200;

#[derive(Template)]
#[template(path = "landing.html")]
struct LandingPage {
    frame: Frame,
}

/// `GET /`
pub async fn landing(visit: Visit) -> PageResult {
    if visit.session().await?.is_some() {
        return Ok(see_other("/dashboard"));
    }
    let notice = PageNotice::read(&visit.headers);
    let frame = Frame { notice, ..Frame::new("Partner Portal", &visit.nonce.0) };
    page(StatusCode::OK, notice, &LandingPage { frame })
}

/// `GET /login`: goes to the provider. `return_to` says where to go afterwards; `switch` asks for another account.
pub async fn login(visit: Visit, RawQuery(query): RawQuery) -> PageResult {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let return_to = query.get(RETURN_FIELD).map_or("/dashboard", |path| local_path(path));
    let transaction = Transaction::begin(&*visit.service.random, return_to, visit.now);
    let provider = &visit.service.provider;
    let url = provider.sign_in_url(&transaction, query.contains_key("switch"), visit.now).await?;
    let sealed = transaction.seal(visit.sessions.sealer()).await;
    let cookie = sealed.and_then(|sealed| cookies::set(cookies::TRANSACTION, &sealed, TRANSACTION_LIFE));
    Ok(with_cookies(see_other(&url), [cookie]))
}

/// `GET /callback`: comes back from the provider.
pub async fn callback(visit: Visit, RawQuery(query): RawQuery) -> PageResult {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let parameter = |name: &str| query.get(name).map(String::as_str);
    // A callback without this browser's state changes nothing, not even the cookie of the sign-in under way.
    let cookie = cookies::read(&visit.headers, cookies::TRANSACTION);
    let Some((cookie, state)) = cookie.zip(parameter("state")) else {
        return Err(failed("no state, or no transaction cookie".to_owned()).into());
    };
    let transaction = Transaction::open(cookie, state, visit.sessions.sealer(), visit.now).await;
    let transaction =
        transaction.ok_or_else(|| failed("the state is not this browser's, or too old".to_owned()))?;
    if !visit.sessions.spend(&transaction.digest(), transaction.expires_at).await? {
        return Err(failed("the state was used before".to_owned()).into());
    }
    let finished = match (parameter("error"), parameter("code")) {
        (Some(error), _) => Err(sign_in_refused(parameter("error_description").unwrap_or(error))),
        (None, _) if !visit.service.provider.is_issuer(parameter("iss")) => {
            Err(failed("the answer is of another issuer".to_owned()))
        }
        (None, None) => Err(failed("no code".to_owned())),
        (None, Some(code)) => begin_session(&visit, &transaction, code).await,
    };
    let answer = finished.unwrap_or_else(|problem| {
        let mut response = problem.into_response();
        response.extensions_mut().insert(SignInAt(with_return("/login", &transaction.return_to)));
        response
    });
    Ok(with_cookies(answer, [cookies::clear(cookies::TRANSACTION)]))
}

async fn begin_session(visit: &Visit, transaction: &Transaction, code: &str) -> Result<Response, Problem> {
    let person = visit.service.provider.finish(transaction, code, visit.now).await?;
    let before = visit.session().await?;
    let cookie = visit.sessions.begin(&person, before.as_ref(), visit.now).await?;
    let cookies = [cookies::set(cookies::SESSION, &cookie, ABSOLUTE), cookies::clear(cookies::UNREAD_KEY)];
    Ok(with_cookies(see_other(&transaction.return_to), cookies))
}

/// `POST /logout`: ends the session here, then at the provider.
pub async fn logout(submitted: Submitted) -> PageResult {
    let SignedIn { visit, session } = &*submitted;
    let id_token = visit.sessions.id_token(session).await;
    visit.sessions.end(session).await?;
    // The person is signed out here even if the provider does not answer.
    let url = visit.service.provider.sign_out_url(id_token.as_deref(), visit.now).await;
    let response = see_other_with(url.as_deref().unwrap_or("/"), PageNotice::SignedOut);
    Ok(with_cookies(response, [cookies::clear(cookies::SESSION), cookies::clear(cookies::UNREAD_KEY)]))
}

fn sign_in_refused(reason: &str) -> Problem {
    let reason: String = reason.chars().take(LONGEST_REASON).collect();
    let problem =
        Problem::new(StatusCode::BAD_REQUEST, ErrorCode::SignInRefused, format!("It says: {reason}"));
    Problem { detail: Some(reason), ..problem }
}
