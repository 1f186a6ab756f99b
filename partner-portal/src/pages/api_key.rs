//! Rotating the API key, and keeping the page that shows it out of reach of the browser's buttons.

use shared::code::ErrorCode;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::problem::Problem;
use http::StatusCode;

use super::notice::Notice;
use super::onboarding::to_unread_key;
use super::respond::{Answered, with_cookies};
use super::standing::standing_of_form;
use crate::cookies;
use crate::visit::{Submitted, Visit};

/// Long enough for the page that asks.
const LIFE: Duration = Duration::from_secs(60);

/// `POST /api-key/rotate`: issues a new key; the old one, if there is one, ends at once.
pub async fn rotate(submitted: Submitted) -> Answered {
    let (visit, session) = (&submitted.visit, &submitted.session);
    let tenant = standing_of_form(&submitted).await?;
    let fresh = visit.admin(session).rotate_key(&tenant.org_id).await;
    let fresh = fresh.map_err(|fault| perhaps_rotated(fault.to_string()))?;
    let kept = to_unread_key(visit, session, &tenant.org_id, &fresh, Notice::KeyIssued).await;
    kept.map_err(|fault| perhaps_rotated(fault.detail.unwrap_or_default()).into())
}

/// The Admin API gave no answer, or its answer cannot be shown: the new key is lost, if there is one.
fn perhaps_rotated(detail: String) -> Problem {
    let message = "We could not finish rotating your API key. The old key may have ended already: open the dashboard and \
                   rotate it again.";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::KeyPerhapsRotated, message);
    Problem { detail: Some(detail), ..problem }
}

/// `GET /api-key/shown`: a picture of nothing, on the page that shows a key. Chromium keeps pages for its back button
/// although they are not to be stored, unless a cookie that scripts do not see changes while they are open. The page's
/// script wipes the key as well; this is for browsers that run none.
pub async fn shown(visit: Visit) -> Response {
    let mut another = [0_u8; 16];
    visit.service.random.fill(&mut another);
    let cookie = cookies::set(cookies::SHOWN, &URL_SAFE_NO_PAD.encode(another), LIFE);
    with_cookies(StatusCode::NO_CONTENT.into_response(), [cookie])
}
