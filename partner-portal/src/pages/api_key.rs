//! Rotating the API key, and keeping the page that shows it out of reach of the browser's buttons.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;

use super::notice::Notice;
use super::onboarding::to_unread_key;
use super::respond::{Answered, see_other, with_cookies};
use super::standing::{Standing, standing};
use crate::cookies;
use crate::visit::{Submitted, Visit};

/// Long enough for the page that asks.
const LIFE: Duration = Duration::from_secs(60);

/// `POST /api-key/rotate`: issues a new key; the old one, if there is one, ends at once.
pub async fn rotate(submitted: Submitted) -> Answered {
    let (visit, session) = (&submitted.visit, &submitted.session);
    let admin = visit.admin(session);
    let tenant = match standing(visit, session, admin.tenants().await?).await? {
        Standing::Chosen { tenant, .. } => tenant,
        Standing::Elsewhere(page) => return Ok(see_other(page)),
    };
    let fresh = admin.rotate_key(&tenant.org_id).await?;
    to_unread_key(visit, session, &tenant.org_id, &fresh, Notice::KeyIssued).await
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
