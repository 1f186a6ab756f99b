//! The person's own sessions.

use askama::Template;
use http::StatusCode;

use super::frame::Frame;
use super::moment::Moment;
use crate::cookies;
use crate::notice::PageNotice;
use crate::respond::{PageResult, page, see_other_with, with_cookies};
use crate::visit::{SignedIn, Submitted};

/// The field with the digest of the session to end.
const SESSION_FIELD: &str = "session";
/// In place of a digest: every session but this one.
const OTHERS: &str = "others";

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    email: String,
    sessions: Vec<SessionRow>,
}

struct SessionRow {
    digest: String,
    browser: String,
    began: Moment,
    seen: Moment,
    is_this: bool,
}

/// `GET /account`: lists the live sessions of the person.
pub async fn show(signed_in: SignedIn) -> PageResult {
    let SignedIn { visit, session } = &signed_in;
    let listed = visit.sessions.of_person(&session.email, visit.now).await?;
    let sessions = listed.into_iter().map(|listed| SessionRow {
        began: Moment::new(listed.began_at(), visit.now),
        seen: Moment::new(listed.last_seen_at(), visit.now),
        is_this: listed.digest == session.digest,
        browser: listed.browser,
        digest: listed.digest,
    });
    let frame = Frame::of("Your account", &signed_in);
    let shown = AccountPage { email: session.email.clone(), sessions: sessions.collect(), frame };
    page(StatusCode::OK, shown.frame.notice, &shown)
}

/// `POST /account`: ends a session of the person, or all but this one.
pub async fn end_sessions(submitted: Submitted) -> PageResult {
    let SignedIn { visit, session } = &*submitted;
    match submitted.field(SESSION_FIELD) {
        OTHERS => {
            visit.sessions.end_others(session).await?;
            Ok(see_other_with("/account", PageNotice::OtherSessionsEnded))
        }
        digest if digest == session.digest => {
            visit.sessions.end(session).await?;
            let response = see_other_with("/", PageNotice::SignedOut);
            Ok(with_cookies(response, [cookies::clear(cookies::SESSION)]))
        }
        digest => {
            visit.sessions.end_own(session, digest).await?;
            Ok(see_other_with("/account", PageNotice::OneSessionEnded))
        }
    }
}

impl AccountPage {
    fn others(&self) -> &'static str {
        OTHERS
    }

    fn has_others(&self) -> bool {
        self.sessions.iter().any(|session| !session.is_this)
    }
}
