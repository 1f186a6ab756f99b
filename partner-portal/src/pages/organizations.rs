//! Choosing among several organizations.

use askama::Template;
use http::StatusCode;

use super::Frame;
use super::respond::{Answered, noticed, page, see_other};
use crate::admin_client::Tenant;
use crate::visit::{SignedIn, Submitted};

#[derive(Template)]
#[template(path = "organizations.html")]
struct OrganizationsPage {
    frame: Frame,
    tenants: Vec<Tenant>,
    chosen: Option<String>,
}

/// `GET /organizations`
pub async fn show(SignedIn { visit, session }: SignedIn) -> Answered {
    let tenants = visit.admin(&session).tenants().await?;
    if tenants.len() < 2 {
        return Ok(see_other("/dashboard"));
    }
    let frame = Frame::of("Choose an organization", &visit, &session);
    let notice = frame.notice;
    let form = OrganizationsPage { frame, tenants, chosen: session.org_id };
    Ok(noticed(page(StatusCode::OK, &form)?, notice.as_ref()))
}

/// `POST /organizations`: another person's organization is no choice.
pub async fn choose(submitted: Submitted) -> Answered {
    let (visit, session) = (&submitted.visit, &submitted.session);
    let org_id = submitted.field("orgId");
    let owned = visit.admin(session).tenants().await?.into_iter().any(|tenant| tenant.org_id == org_id);
    if !owned {
        return Ok(see_other("/organizations"));
    }
    visit.sessions.choose(session, Some(org_id)).await?;
    Ok(see_other("/dashboard"))
}
