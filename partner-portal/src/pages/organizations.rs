//! Choosing among several organizations.

use askama::Template;
use axum::extract::RawQuery;
use edge::form::fields;
use http::StatusCode;
use shared::tenant::Tenant;

use super::frame::Frame;
use super::selection::ORGANIZATION_FIELD;
use crate::paths::{RETURN_FIELD, local_path};
use crate::respond::{PageResult, page, see_other};
use crate::visit::{SignedIn, Submitted};

#[derive(Template)]
#[template(path = "organizations.html")]
struct OrganizationsPage<'a> {
    frame: Frame,
    tenants: Vec<Tenant>,
    chosen: Option<&'a str>,
    return_to: &'a str,
}

/// Returns the page of the portal that a choice leads to.
fn after_choice(return_to: &str) -> &str {
    match local_path(return_to) {
        "/" => "/dashboard",
        path => path,
    }
}

/// `GET /organizations`
pub async fn show(signed_in: SignedIn, RawQuery(query): RawQuery) -> PageResult {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let return_to = after_choice(query.get(RETURN_FIELD).map_or("/", String::as_str));
    let tenants = signed_in.admin().tenants().await?;
    if tenants.len() < 2 {
        return Ok(see_other(return_to));
    }
    let frame = Frame::of("Choose an organization", &signed_in).without_sections();
    let chosen = signed_in.session.org_id.as_deref();
    page(StatusCode::OK, frame.notice, &OrganizationsPage { frame, tenants, chosen, return_to })
}

/// `POST /organizations`: a person can choose only an organization of their own.
pub async fn choose(submitted: Submitted) -> PageResult {
    let org_id = submitted.field(ORGANIZATION_FIELD);
    let tenants = submitted.admin().tenants().await?;
    if !tenants.iter().any(|tenant| tenant.org_id == org_id) {
        return Ok(see_other("/organizations"));
    }
    submitted.visit.sessions.choose(&submitted.session, Some(org_id)).await?;
    Ok(see_other(after_choice(submitted.field(RETURN_FIELD))))
}
