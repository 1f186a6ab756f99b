//! Choosing among several organizations.

use askama::Template;
use axum::extract::RawQuery;
use edge::form::fields;
use http::{Method, StatusCode};

use super::Frame;
use super::respond::{Answered, noticed, page, see_other};
use super::standing::ORGANIZATION_FIELD;
use crate::admin_client::Tenant;
use crate::paths::local_path;
use crate::visit::{RETURN_FIELD, SignedIn, Submitted, Visit};

#[derive(Template)]
#[template(path = "organizations.html")]
struct OrganizationsPage {
    frame: Frame,
    tenants: Vec<Tenant>,
    chosen: Option<String>,
    return_to: String,
}

/// Where to choose, and go on to the page that was asked for.
pub fn chooser(visit: &Visit) -> String {
    if visit.method != Method::GET || visit.target == "/dashboard" {
        return "/organizations".to_owned();
    }
    let query = serde_urlencoded::to_string([(RETURN_FIELD, &visit.target)]).unwrap_or_default();
    format!("/organizations?{query}")
}

/// Where a choice leads: to a page of ours.
fn after_choice(return_to: &str) -> &str {
    match local_path(return_to) {
        "/" => "/dashboard",
        path => path,
    }
}

/// `GET /organizations`
pub async fn show(SignedIn { visit, session }: SignedIn, RawQuery(query): RawQuery) -> Answered {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let return_to = after_choice(query.get(RETURN_FIELD).map_or("/", String::as_str)).to_owned();
    let tenants = visit.admin(&session).tenants().await?;
    if tenants.len() < 2 {
        return Ok(see_other(&return_to));
    }
    let frame = Frame::of("Choose an organization", &visit, &session);
    let notice = frame.notice;
    let form = OrganizationsPage { frame, tenants, chosen: session.org_id, return_to };
    Ok(noticed(page(StatusCode::OK, &form)?, notice.as_ref()))
}

/// `POST /organizations`: another person's organization is no choice.
pub async fn choose(submitted: Submitted) -> Answered {
    let (visit, session) = (&submitted.visit, &submitted.session);
    let org_id = submitted.field(ORGANIZATION_FIELD);
    let owned = visit.admin(session).tenants().await?.into_iter().any(|tenant| tenant.org_id == org_id);
    if !owned {
        return Ok(see_other("/organizations"));
    }
    visit.sessions.choose(session, Some(org_id)).await?;
    Ok(see_other(after_choice(submitted.field(RETURN_FIELD))))
}
