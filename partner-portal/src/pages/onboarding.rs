//! The first sign-in: the person registers an organization.

use askama::Template;
use edge::serve::LogDetail;
use http::StatusCode;
use shared::code::ErrorCode;
use shared::error::FieldFaults;
use shared::tenant::{OrgId, OrgName};

use super::api_key::to_unread_key;
use super::field::{Field, OFFER_FIELD};
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

impl OnboardingPage {
    /// Returns the address of the person.
    fn email(&self) -> &str {
        self.frame.person.as_ref().map(|person| person.email.as_str()).unwrap_or_default()
    }
}

/// `GET /onboarding`
pub async fn show(signed_in: SignedIn) -> PageResult {
    if !signed_in.admin().tenants().await?.is_empty() {
        return Ok(see_other("/dashboard"));
    }
    let frame = Frame::of(TITLE, &signed_in).without_sections();
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
    let org_id = match submitted.field(OFFER_FIELD) {
        "" => submitted.field("orgId").trim(),
        offered => offered,
    };
    let org_name = submitted.field("orgName").trim();
    let mut faults = FieldFaults::new();
    faults.extend(id_fault(org_id).map(|fault| ("orgId".to_owned(), fault)));
    faults.extend(name_fault(org_name).map(|fault| ("orgName".to_owned(), fault)));
    if !faults.is_empty() {
        return again(&submitted, StatusCode::UNPROCESSABLE_ENTITY, faults);
    }
    match admin.register(org_id, org_name).await {
        Ok(_) => {}
        Err(fault) if fault.is(ErrorCode::TenantAlreadyRegistered) => {
            // The same person may have registered it in another tab a moment ago.
            if admin.tenants().await?.iter().any(|tenant| tenant.org_id == org_id) {
                return Ok(see_other("/dashboard"));
            }
            let taken = format!(
                "{org_id} is taken. Choose another ID. If your organization has it, ask a colleague to add your address \
                 under People."
            );
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

/// Says what is wrong with an ID, if anything.
fn id_fault(text: &str) -> Option<String> {
    if OrgId::parse(text).is_ok() {
        return None;
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let fault = match text.chars().count() {
        0 => "Type an ID, such as acme-corp.".to_owned(),
        _ if text.chars().any(char::is_whitespace) => "An ID has no spaces. Use hyphens.".to_owned(),
        _ if text.bytes().any(|byte| byte.is_ascii_uppercase()) => "An ID has no capital letters.".to_owned(),
        _ if !text.bytes().all(allowed) => {
            "An ID has only the letters a to z, digits and hyphens.".to_owned()
        }
        1..3 => "The ID is too short: type at least 3 characters.".to_owned(),
        count @ 64.. => format!("The ID has {count} characters. At most 63 are allowed."),
        _ => "An ID begins and ends with a letter or a digit, not with a hyphen.".to_owned(),
    };
    Some(fault)
}

/// Returns the ID that a person who typed `text` may have meant: `acme-corp` for `ACME Corp`.
fn offered_id(text: &str) -> Option<String> {
    let mut id = String::new();
    for character in text.chars() {
        match character.to_ascii_lowercase() {
            kept if kept.is_ascii_alphanumeric() => id.push(kept),
            _ if id.ends_with('-') || id.is_empty() => {}
            _ => id.push('-'),
        }
    }
    id.truncate(63);
    let id = id.trim_end_matches('-');
    (id != text && OrgId::parse(id).is_ok()).then(|| id.to_owned())
}

/// Says what is wrong with a name, if anything.
fn name_fault(text: &str) -> Option<String> {
    let fault = OrgName::parse(text).err()?;
    let said = match text.chars().count() {
        0 => "Type the name of your organization.".to_owned(),
        count @ 121.. => format!("The name has {count} characters. At most 120 are allowed."),
        _ => format!("The name {fault}."),
    };
    Some(said)
}

/// Shows the form again, with what the person typed and what is wrong with each field.
fn again(submitted: &Submitted, status: StatusCode, mut faults: FieldFaults) -> PageResult {
    let mut field =
        |name: &str, label: &str| Field::new(submitted.field(name)).with_fault(label, faults.remove(name));
    let org_id = field("orgId", "The organization ID");
    let offer = org_id.fault.as_ref().and_then(|_| offered_id(&org_id.value));
    let org_id = org_id.with_offer(offer);
    let org_name = field("orgName", "The name");
    let frame = Frame::of(TITLE, submitted).refused().without_sections();
    page(status, None, &OnboardingPage { frame, org_id, org_name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_in_an_id_has_a_sentence_of_its_own() {
        let long = "a".repeat(70);
        for (typed, said) in [
            ("", "Type an ID"),
            ("ACME Corp", "no spaces"),
            ("Acme", "no capital letters"),
            ("acme_corp", "only the letters a to z"),
            ("ac", "too short"),
            (&*long, "has 70 characters"),
            ("-acme", "begins and ends"),
        ] {
            assert!(id_fault(typed).is_some_and(|fault| fault.contains(said)), "{typed}");
        }
        assert_eq!(id_fault("acme-corp"), None);
    }

    #[test]
    fn a_name_is_offered_as_an_id() {
        for (typed, offered) in [
            ("ACME Corp", Some("acme-corp")),
            ("  Ümläut & Söhne GmbH. ", Some("ml-ut-s-hne-gmbh")),
            ("acme_corp", Some("acme-corp")),
            ("-a-", None),
            ("acme-corp", None),
            ("日本", None),
        ] {
            assert_eq!(offered_id(typed).as_deref(), offered, "{typed}");
        }
        assert_eq!(offered_id(&"A b".repeat(40)).map(|id| OrgId::parse(&id).is_ok()), Some(true));
    }
}
