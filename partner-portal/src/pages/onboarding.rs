//! The first sign-in: the person registers an organization.

use askama::Template;
use edge::serve::LogDetail;
use http::StatusCode;
use shared::code::ErrorCode;
use shared::error::{Error, Faults, FieldFaults};
use shared::tenant::{OrgId, OrgName};

use super::api_key::to_unread_key;
use super::field::Field;
use super::frame::Frame;
use crate::admin_client::AdminFault;
use crate::draft::Draft;
use crate::notice::PageNotice;
use crate::respond::{PageResult, page, see_other, see_other_with, with_cookies};
use crate::visit::{SignedIn, Submitted};

#[derive(Template)]
#[template(path = "onboarding.html")]
struct OnboardingPage {
    frame: Frame,
    org_id: Field,
    org_name: Field,
}

/// `GET /onboarding`
pub async fn show(signed_in: SignedIn) -> PageResult {
    if !signed_in.admin().tenants().await?.is_empty() {
        return Ok(see_other("/dashboard"));
    }
    let frame = Frame::of(TITLE, &signed_in);
    let (mut org_id, mut org_name) = (Field::new(""), Field::new(""));
    let draft = signed_in.visit.draft("/onboarding").await;
    if let Some(draft) = &draft {
        org_id.restore(draft.field("orgId"));
        org_name.restore(draft.field("orgName"));
    }
    let response = page(StatusCode::OK, frame.notice, &OnboardingPage { frame, org_id, org_name })?;
    Ok(with_cookies(response, [draft.and_then(|_| Draft::clear())]))
}

const TITLE: &str = "Register your organization";

/// `POST /onboarding`: registers the organization and issues its first key.
pub async fn submit(submitted: Submitted) -> PageResult {
    let admin = submitted.admin();
    // The form was sent twice, or from an old page: the organization exists already.
    if !admin.tenants().await?.is_empty() {
        return Ok(see_other("/dashboard"));
    }
    // People may type spaces around an ID without meaning them; the API itself trims nothing.
    let (org_id, org_name) = (submitted.field("orgId").trim(), submitted.field("orgName").trim());
    let mut faults = Faults::default();
    faults.check("orgId", OrgId::parse(org_id));
    faults.check("orgName", OrgName::parse(org_name));
    if let Err(Error::Invalid(faults)) = faults.into_result() {
        return again(&submitted, StatusCode::UNPROCESSABLE_ENTITY, faults);
    }
    match admin.register(org_id, org_name).await {
        Ok(_) => {}
        Err(fault) if fault.is(ErrorCode::TenantAlreadyRegistered) => {
            // The same person may have registered it in another tab a moment ago.
            if admin.tenants().await?.iter().any(|tenant| tenant.org_id == org_id) {
                return Ok(see_other("/dashboard"));
            }
            let taken = format!("{org_id} is taken. Choose another organization ID.");
            return again(&submitted, StatusCode::CONFLICT, [("orgId".to_owned(), taken)].into());
        }
        Err(fault) if fault.is(ErrorCode::OrgIdReserved) => {
            let reserved = format!("{org_id} is reserved. Choose another organization ID.");
            return again(&submitted, StatusCode::CONFLICT, [("orgId".to_owned(), reserved)].into());
        }
        Err(AdminFault::Refused(refusal)) if !refusal.fields.is_empty() => {
            return again(&submitted, StatusCode::UNPROCESSABLE_ENTITY, refusal.fields);
        }
        Err(fault) => return Err(fault.into()),
    }
    submitted.visit.sessions.choose(&submitted.session, Some(org_id)).await?;
    match admin.issue_key(org_id).await {
        Ok(fresh) => Ok(to_unread_key(&submitted, org_id, &fresh, PageNotice::Registered).await?),
        // The organization exists; its dashboard offers to issue the key.
        Err(fault) => {
            let mut response = see_other_with("/dashboard", PageNotice::RegisteredWithoutKey);
            response.extensions_mut().insert(LogDetail(fault.to_string()));
            Ok(response)
        }
    }
}

/// Shows the form again, with what the person typed and what is wrong with each field.
fn again(submitted: &Submitted, status: StatusCode, mut faults: FieldFaults) -> PageResult {
    let mut field =
        |name: &str, label: &str| Field::new(submitted.field(name)).with_fault(label, faults.remove(name));
    let org_id = field("orgId", "The organization ID");
    let org_name = field("orgName", "The name");
    page(status, None, &OnboardingPage { frame: Frame::of(TITLE, submitted).refused(), org_id, org_name })
}
