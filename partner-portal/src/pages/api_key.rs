//! Issuing and rotating the API key, up to the page that shows it.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::problem::Problem;
use http::StatusCode;
use secrecy::ExposeSecret;
use shared::code::ErrorCode;

use super::selection::tenant_of_form;
use crate::admin_client::FreshKey;
use crate::cookies;
use crate::notice::PageNotice;
use crate::respond::{PageResult, see_other_with, with_cookies};
use crate::unread_key::{LIFE, Reader};
use crate::visit::{SignedIn, Submitted, Visit};

/// Enough time for the page that asks for the cookie.
const SHOWN_LIFE: Duration = Duration::from_secs(60);

/// `POST /api-key/rotate`: issues a new key. The old key, if there is one, ends at once.
pub async fn rotate(submitted: Submitted) -> PageResult {
    let tenant = tenant_of_form(&submitted).await?;
    let fresh = submitted.admin().rotate_key(&tenant.org_id).await;
    let fresh = fresh.map_err(|fault| perhaps_rotated(fault.to_string()))?;
    let kept = to_unread_key(&submitted, &tenant.org_id, &fresh, PageNotice::KeyIssued).await;
    kept.map_err(|fault| perhaps_rotated(fault.detail.unwrap_or_default()).into())
}

/// The Admin API did not answer, or the portal could not store the new key: if there is a new key, it is lost.
fn perhaps_rotated(detail: String) -> Problem {
    let message = "We could not finish rotating your API key. The old key may have ended already: open the dashboard and \
                   rotate it again.";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::KeyPerhapsRotated, message);
    Problem { detail: Some(detail), ..problem }
}

/// Stores a key that was just issued, and redirects to the dashboard, which shows the key once.
///
/// # Errors
/// 503 if the database does not answer.
pub async fn to_unread_key(
    signed_in: &SignedIn,
    org_id: &str,
    fresh: &FreshKey,
    notice: PageNotice,
) -> Result<Response, Problem> {
    let SignedIn { visit, session } = signed_in;
    let reader = Reader { session_digest: &session.digest, org_id };
    let cookie = visit.unread_keys().put(reader, fresh.api_key.expose_secret(), visit.now).await?;
    Ok(with_cookies(see_other_with("/dashboard", notice), [cookies::set(cookies::UNREAD_KEY, &cookie, LIFE)]))
}

/// `GET /api-key/shown`: an empty image on the page that shows a key. Chromium keeps a page for its back button in spite
/// of `no-store`, unless a cookie that scripts cannot read changes while the page is open. The page's script wipes the key
/// as well; this is for browsers that run no script.
pub async fn shown(visit: Visit) -> Response {
    let mut value = [0_u8; 16];
    visit.service.random.fill(&mut value);
    let cookie = cookies::set(cookies::SHOWN, &URL_SAFE_NO_PAD.encode(value), SHOWN_LIFE);
    with_cookies(StatusCode::NO_CONTENT.into_response(), [cookie])
}
