//! An event of another organization of the person's own.

use askama::Template;
use edge::problem::Problem;
use http::StatusCode;
use shared::event::id::EventId;
use shared::tenant::Tenant;

use super::delivery::locate;
use super::frame::Frame;
use crate::respond::{PageResult, page};
use crate::visit::SignedIn;

/// The most other organizations that are asked.
const MOST: usize = 10;

#[derive(Template)]
#[template(path = "elsewhere.html")]
struct ElsewherePage<'a> {
    frame: Frame,
    current: &'a Tenant,
    owner: &'a Tenant,
    return_to: &'a str,
}

/// Offers to switch to the organization of the person's that has the event.
///
/// # Errors
/// `otherwise`, if none has it.
pub async fn offer(
    signed_in: &SignedIn,
    tenants: &[Tenant],
    current: &Tenant,
    event_id: &EventId,
    otherwise: Problem,
) -> PageResult {
    let admin = signed_in.admin();
    for owner in tenants.iter().filter(|tenant| tenant.org_id != current.org_id).take(MOST) {
        if locate(&admin, &owner.org_id, None, event_id).await?.is_some() {
            let frame = Frame { notice: None, ..Frame::of("Another organization", signed_in) };
            let return_to = &signed_in.visit.target;
            return page(StatusCode::OK, None, &ElsewherePage { frame, current, owner, return_to });
        }
    }
    Err(otherwise.into())
}
