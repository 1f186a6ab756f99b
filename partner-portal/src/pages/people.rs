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
use crate::csrf;
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
    let typed = bare_address(submitted.field(EMAIL_FIELD));
    let fault = match EmailAddress::parse(typed) {
        Err(_) if typed.matches('@').count() > 1 => {
            "Type one e-mail address. Add people one by one.".to_owned()
        }
        // No mail reaches an address without a dot after the @, so the dot was forgotten.
        Ok(email) if !email.as_str().rsplit('@').next().is_some_and(|domain| domain.contains('.')) => {
            "Type the whole e-mail address, such as colleague@example.com.".to_owned()
        }
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

/// Returns the address in what a mail program copies: `mailto:ann@example.com`, `Ann <ann@example.com>`.
fn bare_address(typed: &str) -> &str {
    let typed = typed.trim();
    let inner = typed.strip_suffix('>').and_then(|typed| typed.rsplit_once('<')).map(|(_, inner)| inner);
    let typed = inner.unwrap_or(typed);
    let has_scheme = typed.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("mailto:"));
    if has_scheme { &typed[7..] } else { typed }
}

/// `POST /people/remove`: removes a person, and ends their sessions at the organization.
pub async fn remove(submitted: Submitted) -> PageResult {
    let tenant = tenant_of_form(&submitted).await?;
    let email = submitted.field(EMAIL_FIELD);
    if EmailAddress::parse(email).is_err() {
        return Err(csrf::refused("no address").into());
    }
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
