//! The landing page, signing in, signing out.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use edge::form::fields;
use edge::problem::Problem;
use http::StatusCode;
use shared::code::ErrorCode;

use super::Frame;
use super::notice::Notice;
use super::problem::SignInAt;
use super::respond::{Answered, noticed, page, see_other, see_other_with, with_cookies};
use crate::cookies;
use crate::oidc::{TRANSACTION_LIFE, Transaction, failed};
use crate::paths::local_path;
use crate::session::ABSOLUTE;
use crate::visit::{Submitted, Visit, sign_in_path};

/// Of what the provider says, this much is shown.
const LONGEST_REASON: usize = 200;

#[derive(Template)]
#[template(path = "landing.html")]
struct LandingPage {
    frame: Frame,
}

/// `GET /`
pub async fn landing(visit: Visit) -> Answered {
    if visit.session().await?.is_some() {
        return Ok(see_other("/dashboard"));
    }
    let notice = Notice::read(&visit.headers);
    let frame = Frame { notice, ..Frame::new("Partner Portal", &visit.nonce.0) };
    Ok(noticed(page(StatusCode::OK, &LandingPage { frame })?, notice.as_ref()))
}

/// `GET /login`: off to the provider. `return_to` says where to go afterwards; `switch` asks for another account.
pub async fn login(visit: Visit, RawQuery(query): RawQuery) -> Answered {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let return_to = query.get("return_to").map_or("/dashboard", |path| local_path(path));
    let transaction = Transaction::begin(&*visit.service.random, return_to, visit.now);
    let provider = &visit.service.provider;
    let url = provider.sign_in_url(&transaction, query.contains_key("switch"), visit.now).await?;
    let sealed = transaction.seal(visit.sessions.sealer()).await;
    let cookie = sealed.and_then(|sealed| cookies::set(cookies::TRANSACTION, &sealed, TRANSACTION_LIFE));
    Ok(with_cookies(see_other(&url), [cookie]))
}

/// `GET /callback`: back from the provider.
pub async fn callback(visit: Visit, RawQuery(query): RawQuery) -> Answered {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let parameter = |name: &str| query.get(name).map(String::as_str);
    // What does not bring this browser's state changes nothing: not even the cookie of the sign-in that is under way.
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
    let spent = cookies::clear(cookies::TRANSACTION);
    let refused = parameter("error").map(|error| {
        let reason = parameter("error_description").unwrap_or(error);
        sign_in_refused(reason)
    });
    let finished = match (refused, parameter("code")) {
        (Some(refused), _) => Err(refused),
        (None, _) if !visit.service.provider.is_issuer(parameter("iss")) => {
            Err(failed("the answer is of another issuer".to_owned()))
        }
        (None, None) => Err(failed("no code".to_owned())),
        (None, Some(code)) => begin_session(&visit, &transaction, code).await,
    };
    let answer = finished.unwrap_or_else(|problem| {
        let mut response = problem.into_response();
        response.extensions_mut().insert(SignInAt(sign_in_path(&transaction.return_to)));
        response
    });
    Ok(with_cookies(answer, [spent]))
}

async fn begin_session(visit: &Visit, transaction: &Transaction, code: &str) -> Result<Response, Problem> {
    let person = visit.service.provider.finish(transaction, code, visit.now).await?;
    let before = visit.session().await?;
    let (_, cookie) = visit.sessions.begin(&person, before.as_ref(), visit.now).await?;
    let response = see_other(&transaction.return_to);
    Ok(with_cookies(
        response,
        [cookies::set(cookies::SESSION, &cookie, ABSOLUTE), cookies::clear(cookies::UNREAD_KEY)],
    ))
}

/// `POST /logout`: the session ends here, then at the provider.
pub async fn logout(submitted: Submitted) -> Result<Response, Problem> {
    let Submitted { visit, session, .. } = submitted;
    let id_token = visit.sessions.id_token(&session).await;
    visit.sessions.end(&session).await?;
    // Whether or not the provider can be reached: here, the person is signed out.
    let url = visit.service.provider.sign_out_url(id_token.as_deref(), visit.now).await;
    let response = see_other_with(url.as_deref().unwrap_or("/"), Notice::SignedOut);
    Ok(with_cookies(response, [cookies::clear(cookies::SESSION), cookies::clear(cookies::UNREAD_KEY)]))
}

fn sign_in_refused(reason: &str) -> Problem {
    let reason: String = reason.chars().take(LONGEST_REASON).collect();
    let message = format!("It says: {reason}");
    let problem = Problem::new(StatusCode::BAD_REQUEST, ErrorCode::SignInRefused, message);
    Problem { detail: Some(reason), ..problem }
}
