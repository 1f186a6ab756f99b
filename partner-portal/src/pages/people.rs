//! The people who may sign in for the organization.

use askama::Template;
use http::StatusCode;
use shared::code::ErrorCode;
use shared::member::{MOST_BESIDES_OWNER, Member, MemberRole};
use shared::tenant::{EmailAddress, Tenant};

use super::field::Field;
use super::frame::Frame;
use super::moment::Moment;
use super::selection::{ORGANIZATION_FIELD, select, tenant_of_form};
use crate::cookies;
use crate::draft::Draft;
use crate::notice::PageNotice;
use crate::respond::{PageResult, page, see_other_with, with_cookies};
use crate::visit::{Confirmed, SignedIn, Submitted};

/// The path of the page.
const PATH: &str = "/people";
/// The field with a person's address.
const EMAIL_FIELD: &str = "email";

#[derive(Template)]
#[template(path = "people.html")]
struct PeoplePage {
    frame: Frame,
    tenant: Tenant,
    people: Vec<PersonRow>,
    email: Field,
}

struct PersonRow {
    email: String,
    is_owner: bool,
    is_you: bool,
    added: Moment,
    by: String,
}

/// `GET /people`
pub async fn show(signed_in: SignedIn) -> PageResult {
    let tenant = select(&signed_in, &signed_in.admin().tenants().await?).await?;
    let draft = signed_in.visit.draft(PATH).await;
    let draft = draft.filter(|draft| draft.field(ORGANIZATION_FIELD) == Some(tenant.org_id.as_str()));
    let mut email = Field::new("");
    email.restore(draft.as_ref().and_then(|draft| draft.field(EMAIL_FIELD)));
    let frame = Frame::of("People", &signed_in);
    let response = render(&signed_in, tenant, frame, StatusCode::OK, email).await?;
    Ok(with_cookies(response, [draft.and_then(|_| Draft::clear())]))
}

async fn render(
    signed_in: &SignedIn,
    tenant: Tenant,
    frame: Frame,
    status: StatusCode,
    email: Field,
) -> PageResult {
    let members = signed_in.admin().members(&tenant.org_id).await?;
    let people = members.into_iter().map(|member| PersonRow::new(member, signed_in)).collect();
    page(status, frame.notice, &PeoplePage { frame, tenant, people, email })
}

/// `POST /people`: adds a person.
pub async fn add(Confirmed(submitted): Confirmed) -> PageResult {
    let tenant = tenant_of_form(&submitted).await?;
    let typed = submitted.field(EMAIL_FIELD).trim();
    let fault = match EmailAddress::parse(typed) {
        Err(_) => "Type an e-mail address, such as colleague@example.com.".to_owned(),
        Ok(email) => {
            let members = submitted.admin().members(&tenant.org_id).await?;
            if members.iter().any(|member| member.email.eq_ignore_ascii_case(email.as_str())) {
                return Ok(see_other_with(PATH, PageNotice::MemberBefore));
            }
            match submitted.admin().add_member(&tenant.org_id, email.as_str()).await {
                Ok(_) => return Ok(see_other_with(PATH, PageNotice::MemberAdded)),
                Err(fault) if fault.is(ErrorCode::MemberLimitReached) => {
                    format!(
                        "An organization can have {MOST_BESIDES_OWNER} people besides its owner. Remove somebody first."
                    )
                }
                Err(fault) => return Err(fault.into()),
            }
        }
    };
    let email = Field::new(submitted.field(EMAIL_FIELD)).with_fault("The address", Some(fault));
    let frame = Frame::of("People", &submitted).refused();
    render(&submitted, tenant, frame, StatusCode::UNPROCESSABLE_ENTITY, email).await
}

/// `POST /people/remove`: removes a person, and ends their sessions at the organization.
pub async fn remove(submitted: Submitted) -> PageResult {
    let tenant = tenant_of_form(&submitted).await?;
    let email = submitted.field(EMAIL_FIELD);
    match submitted.admin().remove_member(&tenant.org_id, email).await {
        Ok(_) => {}
        Err(fault) if fault.is(ErrorCode::MemberIsOwner) => {
            return Ok(see_other_with(PATH, PageNotice::MemberIsOwner));
        }
        // The button was pressed twice, or a colleague was faster.
        Err(fault) if fault.is(ErrorCode::MemberNotFound) => {
            return Ok(see_other_with(PATH, PageNotice::MemberRemoved));
        }
        Err(fault) => return Err(fault.into()),
    }
    let SignedIn { visit, session } = &*submitted;
    visit.sessions.end_at(email, &tenant.org_id).await?;
    if session.email.eq_ignore_ascii_case(email) {
        let response = see_other_with("/", PageNotice::SignedOut);
        return Ok(with_cookies(response, [cookies::clear(cookies::SESSION)]));
    }
    Ok(see_other_with(PATH, PageNotice::MemberRemoved))
}

impl PersonRow {
    fn new(member: Member, signed_in: &SignedIn) -> Self {
        Self {
            is_owner: member.role == MemberRole::Owner,
            is_you: member.email.eq_ignore_ascii_case(&signed_in.session.email),
            added: Moment::new(member.added_at, signed_in.visit.now),
            by: member.added_by,
            email: member.email,
        }
    }
}
