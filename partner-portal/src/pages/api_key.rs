//! Rotating the API key.

use super::notice::Notice;
use super::onboarding::to_unread_key;
use super::respond::{Answered, see_other};
use super::standing::{Standing, standing};
use crate::visit::Submitted;

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
