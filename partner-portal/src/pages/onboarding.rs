//! The first sign-in: an organization of one's own.

use askama::Template;
use axum::response::Response;
use edge::problem::Problem;
use edge::serve::LogDetail;
use http::StatusCode;
use secrecy::ExposeSecret;
use shared::error::{Error, Faults};
use shared::tenant::{OrgId, OrgName};

use super::Frame;
use super::notice::Notice;
use super::respond::{Answered, noticed, page, see_other, see_other_with, with_cookies};
use crate::admin_client::{AdminFault, FreshKey};
use crate::cookies;
use crate::session::Session;
use crate::unread_key::{LIFE, Reader};
use crate::visit::{SignedIn, Submitted, Visit};

#[derive(Template)]
#[template(path = "onboarding.html")]
struct OnboardingPage<'a> {
    frame: Frame,
    org_id: &'a str,
    org_id_fault: Option<String>,
    org_name: &'a str,
    org_name_fault: Option<String>,
}

/// `GET /onboarding`
pub async fn show(SignedIn { visit, session }: SignedIn) -> Answered {
    if !visit.admin(&session).tenants().await?.is_empty() {
        return Ok(see_other("/dashboard"));
    }
    let frame = Frame::of("Register your organization", &visit, &session);
    let notice = frame.notice;
    let form = OnboardingPage { frame, org_id: "", org_id_fault: None, org_name: "", org_name_fault: None };
    Ok(noticed(page(StatusCode::OK, &form)?, notice.as_ref()))
}

/// `POST /onboarding`: registers the organization and issues its first key.
pub async fn submit(submitted: Submitted) -> Answered {
    let (visit, session) = (&submitted.visit, &submitted.session);
    let admin = visit.admin(session);
    // Sent twice, or from an old page: the organization is there.
    if !admin.tenants().await?.is_empty() {
        return Ok(see_other("/dashboard"));
    }
    // What a person types around an ID is not meant; the API itself trims nothing.
    let (org_id, org_name) = (submitted.field("orgId").trim(), submitted.field("orgName").trim());
    let mut faults = Faults::default();
    faults.check("orgId", OrgId::parse(org_id));
    faults.check("orgName", OrgName::parse(org_name));
    if let Err(Error::Invalid(faults)) = faults.into_result() {
        return again(&submitted, StatusCode::UNPROCESSABLE_ENTITY, faults);
    }
    match admin.register(org_id, org_name).await {
        Ok(_) => {}
        Err(fault) if fault.is("tenant_already_registered") => {
            // Perhaps by this very person, in another tab a moment ago.
            if admin.tenants().await?.iter().any(|tenant| tenant.org_id == org_id) {
                return Ok(see_other("/dashboard"));
            }
            let taken = format!("{org_id} is taken. Choose another organization ID.");
            return again(&submitted, StatusCode::CONFLICT, [("orgId".to_owned(), taken)].into());
        }
        Err(AdminFault::Refused(refusal)) if !refusal.fields.is_empty() => {
            return again(&submitted, StatusCode::UNPROCESSABLE_ENTITY, refusal.fields);
        }
        Err(fault) => return Err(fault.into()),
    }
    visit.sessions.choose(session, Some(org_id)).await?;
    match admin.issue_key(org_id).await {
        Ok(fresh) => Ok(to_unread_key(visit, session, org_id, &fresh, Notice::Registered).await?),
        // The organization is there; the dashboard offers to issue the key.
        Err(fault) => {
            let mut response = see_other_with("/dashboard", Notice::RegisteredWithoutKey);
            response.extensions_mut().insert(LogDetail(fault.to_string()));
            Ok(response)
        }
    }
}

/// Puts a fresh key away and leads to the page that shows it.
///
/// # Errors
/// 503 where the database does not answer.
pub async fn to_unread_key(
    visit: &Visit,
    session: &Session,
    org_id: &str,
    fresh: &FreshKey,
    notice: Notice,
) -> Result<Response, Problem> {
    let reader = Reader { session_digest: &session.digest, org_id };
    let cookie = visit.unread_keys().put(reader, fresh.api_key.expose_secret(), visit.now).await?;
    let response = see_other_with("/dashboard", notice);
    Ok(with_cookies(response, [cookies::set(cookies::UNREAD_KEY, &cookie, LIFE)]))
}

fn again(submitted: &Submitted, status: StatusCode, mut faults: shared::error::FieldFaults) -> Answered {
    let frame = Frame::of("Register your organization", &submitted.visit, &submitted.session);
    let form = OnboardingPage {
        frame: Frame { title: format!("Error: {}", frame.title), notice: None, ..frame },
        org_id: submitted.field("orgId"),
        org_id_fault: faults.remove("orgId").map(|fault| spoken("The organization ID", &fault)),
        org_name: submitted.field("orgName"),
        org_name_fault: faults.remove("orgName").map(|fault| spoken("The name", &fault)),
    };
    Ok(page(status, &form)?)
}

/// `must be …` as a sentence about its field; a sentence as it is.
pub fn spoken(field: &str, fault: &str) -> String {
    if fault.ends_with('.') { fault.to_owned() } else { format!("{field} {fault}.") }
}
