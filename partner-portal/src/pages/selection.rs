//! The organization that a person looks at. The session remembers it, which counts only while the person owns it.

use http::Method;
use shared::tenant::Tenant;

use crate::notice::PageNotice;
use crate::paths::with_return;
use crate::respond::{Instead, see_other, see_other_with};
use crate::visit::{SignedIn, Submitted, Visit};

/// The field of every form about an organization: the ID of the organization that the page showed.
pub const ORGANIZATION_FIELD: &str = "orgId";

/// Picks the organization that the session remembers, or else the only one that the person owns. `tenants` are all that
/// the person owns now.
///
/// # Errors
/// A redirect to the page where the person chooses or registers an organization; 503 if the sessions' database does not
/// answer.
pub async fn select(signed_in: &SignedIn, tenants: &[Tenant]) -> Result<Tenant, Instead> {
    let SignedIn { visit, session } = signed_in;
    let remembered = session.org_id.as_deref();
    if let Some(tenant) = tenants.iter().find(|tenant| remembered == Some(tenant.org_id.as_str())) {
        return Ok(tenant.clone());
    }
    if tenants.len() > 1 {
        return Err(see_other(&chooser(visit)).into());
    }
    let only = tenants.first();
    if remembered.is_some() || only.is_some() {
        visit.sessions.choose(session, only.map(|tenant| tenant.org_id.as_str())).await?;
    }
    match only {
        Some(tenant) => Ok(tenant.clone()),
        None => Err(see_other("/onboarding").into()),
    }
}

/// Returns the path of the page where the person chooses an organization and then goes on to the page they asked for.
fn chooser(visit: &Visit) -> String {
    if visit.method != Method::GET || visit.target == "/dashboard" {
        return "/organizations".to_owned();
    }
    with_return("/organizations", &visit.target)
}

/// Returns the organization that the form's page showed. The person may have chosen another in another tab since; then
/// the form changes nothing.
///
/// # Errors
/// As [`select`]; a redirect to the dashboard with a notice if the person looks at another organization by now.
pub async fn tenant_of_form(submitted: &Submitted) -> Result<Tenant, Instead> {
    let tenant = select(submitted, &submitted.admin().tenants().await?).await?;
    if submitted.field(ORGANIZATION_FIELD) == tenant.org_id {
        return Ok(tenant);
    }
    Err(see_other_with("/dashboard", PageNotice::OtherOrganization).into())
}
