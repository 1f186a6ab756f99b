//! Which organization the person is looking at. What the session remembers counts only as long as it is theirs.

use edge::problem::Problem;

use crate::admin_client::Tenant;
use crate::session::Session;
use crate::visit::Visit;

/// Where a person stands.
pub enum Standing {
    /// Before this organization of theirs.
    Chosen {
        /// The organization.
        tenant: Tenant,
        /// Whether they own others as well.
        several: bool,
    },
    /// Somewhere to be settled first, on this page.
    Elsewhere(&'static str),
}

/// Settles it, where it can be without asking. `tenants` are those that the person owns now.
///
/// # Errors
/// 503 where the sessions' database does not answer.
pub async fn standing(
    visit: &Visit,
    session: &Session,
    mut tenants: Vec<Tenant>,
) -> Result<Standing, Problem> {
    let several = tenants.len() > 1;
    let remembered = session.org_id.as_deref();
    let chosen = tenants.iter().position(|tenant| remembered == Some(tenant.org_id.as_str()));
    if let Some(index) = chosen {
        return Ok(Standing::Chosen { tenant: tenants.swap_remove(index), several });
    }
    if several {
        return Ok(Standing::Elsewhere("/organizations"));
    }
    let only = tenants.pop();
    if remembered.is_some() || only.is_some() {
        visit.sessions.choose(session, only.as_ref().map(|tenant| tenant.org_id.as_str())).await?;
    }
    Ok(only.map_or(Standing::Elsewhere("/onboarding"), |tenant| Standing::Chosen { tenant, several }))
}
