//! Issuing and rotating the API key, and the page that shows the key once.

use std::time::Duration;

use askama::Template;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::problem::Problem;
use http::StatusCode;
use secrecy::ExposeSecret;
use shared::api_key::{ApiKey, masked};
use shared::code::ErrorCode;
use shared::tenant::Tenant;

use super::frame::Frame;
use super::selection::tenant_of_form;
use crate::admin_client::FreshKey;
use crate::cookies;
use crate::notice::PageNotice;
use crate::respond::{PageResult, page, see_other_with, with_cookies};
use crate::unread_key::{LIFE, Reader, cookie_name};
use crate::visit::{Confirmed, SignedIn, Visit};

/// Enough time for the page that asks for the cookie.
const SHOWN_LIFE: Duration = Duration::from_secs(60);

#[derive(Template)]
#[template(path = "key.html")]
struct KeyPage {
    frame: Frame,
    tenant: Tenant,
    key: ApiKey,
}

/// `POST /api-key/rotate`: issues a new key. The old key, if there is one, ends at once.
pub async fn rotate(Confirmed(submitted): Confirmed) -> PageResult {
    let tenant = tenant_of_form(&submitted).await?;
    let fresh = submitted.admin().rotate_key(&tenant.org_id).await;
    let fresh = fresh.map_err(|fault| perhaps_rotated(fault.to_string()))?;
    let kept = to_unread_key(&submitted, &tenant.org_id, &fresh, PageNotice::KeyIssued).await;
    kept.map_err(|fault| perhaps_rotated(fault.detail.unwrap_or_default()).into())
}

/// `POST /api-key/reveal`: shows the unread key, once.
pub async fn reveal(Confirmed(submitted): Confirmed) -> PageResult {
    let SignedIn { visit, session } = &*submitted;
    let tenant = tenant_of_form(&submitted).await?;
    let frame = Frame { notice: None, ..Frame::of("Your API key", &submitted) };
    let name = cookie_name(&tenant.org_id);
    // From here on only the database can fail, so a key that is taken is also shown.
    let taken = match cookies::read(&visit.headers, &name) {
        Some(cookie) => {
            let reader = Reader { email: &session.email, org_id: &tenant.org_id };
            visit.unread_keys().take(reader, cookie, visit.now).await?
        }
        None => None,
    };
    let active = tenant.api_key.as_ref().map(|key| key.masked.clone());
    let response = match taken {
        None => see_other_with("/dashboard", PageNotice::KeyGone),
        Some(key) if active != Some(masked(key.prefix(), key.suffix())) => {
            see_other_with("/dashboard", PageNotice::KeyReplaced)
        }
        Some(key) => page(StatusCode::OK, None, &KeyPage { frame, tenant, key })?,
    };
    Ok(with_cookies(response, [cookies::clear(&name)]))
}

/// The Admin API did not answer, or the portal could not store the new key: if there is a new key, it is lost.
fn perhaps_rotated(detail: String) -> Problem {
    let message = "We could not finish rotating your API key. The old key may have ended already: open the dashboard and \
                   rotate it again.";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::KeyPerhapsRotated, message);
    Problem { detail: Some(detail), ..problem }
}

/// Stores a key that was just issued, and redirects to the dashboard, where the person can reveal the key once.
///
/// # Errors
/// 503 if the database does not answer, or the answer holds no key.
pub async fn to_unread_key(
    signed_in: &SignedIn,
    org_id: &str,
    fresh: &FreshKey,
    notice: PageNotice,
) -> Result<Response, Problem> {
    let SignedIn { visit, session } = signed_in;
    let key = ApiKey::parse(fresh.api_key.expose_secret());
    let key = key.ok_or_else(|| Problem::unavailable("admin-api: the answer holds no API key"))?;
    let reader = Reader { email: &session.email, org_id };
    let cookie = visit.unread_keys().put(reader, &key, visit.now).await?;
    let cookie = cookies::set(&cookie_name(org_id), &cookie, LIFE);
    Ok(with_cookies(see_other_with("/dashboard", notice), [cookie]))
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
