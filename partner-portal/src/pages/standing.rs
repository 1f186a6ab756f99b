//! Which organization the person is looking at. What the session remembers counts only as long as it is theirs.

use super::notice::Notice;
use super::organizations::chooser;
use super::respond::{Instead, see_other, see_other_with};
use crate::admin_client::Tenant;
use crate::session::Session;
use crate::visit::{Submitted, Visit};

/// The field of every form about an organization: whose page it is on.
pub const ORGANIZATION_FIELD: &str = "orgId";

/// Where a person stands.
pub struct Standing {
    /// Before this organization of theirs.
    pub tenant: Tenant,
    /// Whether they own others as well.
    pub several: bool,
}

/// Settles it, where it can be without asking. `tenants` are those that the person owns now.
///
/// # Errors
/// The way to where it is settled; 503 where the sessions' database does not answer.
pub async fn standing(
    visit: &Visit,
    session: &Session,
    mut tenants: Vec<Tenant>,
) -> Result<Standing, Instead> {
    let several = tenants.len() > 1;
    let remembered = session.org_id.as_deref();
    let chosen = tenants.iter().position(|tenant| remembered == Some(tenant.org_id.as_str()));
    if let Some(index) = chosen {
        return Ok(Standing { tenant: tenants.swap_remove(index), several });
    }
    if several {
        return Err(Instead::elsewhere(see_other(&chooser(visit))));
    }
    let only = tenants.pop();
    if remembered.is_some() || only.is_some() {
        visit.sessions.choose(session, only.as_ref().map(|tenant| tenant.org_id.as_str())).await?;
    }
    match only {
        Some(tenant) => Ok(Standing { tenant, several }),
        None => Err(Instead::elsewhere(see_other("/onboarding"))),
    }
}

/// The organization that a form is about: the one whose page it was on, which must be the one that the person is looking
/// at. Another may have been chosen in another tab since.
///
/// # Errors
/// As [`standing`]; the way to the dashboard, which says that nothing was changed, where they differ.
pub async fn standing_of_form(submitted: &Submitted) -> Result<Tenant, Instead> {
    let (visit, session) = (&submitted.visit, &submitted.session);
    let tenants = visit.admin(session).tenants().await?;
    let Standing { tenant, .. } = standing(visit, session, tenants).await?;
    if submitted.field(ORGANIZATION_FIELD) == tenant.org_id {
        return Ok(tenant);
    }
    Err(Instead::elsewhere(see_other_with("/dashboard", Notice::OtherOrganization)))
}
