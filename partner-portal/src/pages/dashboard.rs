//! The dashboard: organization, API key, webhook, deliveries.

use std::time::Duration;

use askama::Template;
use axum::extract::RawQuery;
use edge::form::fields;
use edge::problem::Problem;
use http::StatusCode;
use shared::code::ErrorCode;
use shared::tenant::Tenant;
use shared::time::Timestamp;

use super::delivery_log::ShownLog;
use super::event_types::{Group, groups};
use super::field::Field;
use super::frame::{Frame, Renewal};
use super::key_card::{KeyCard, KeyState, Unread};
use super::selection::{ORGANIZATION_FIELD, select};
use super::webhook::DEFAULT_TEST_TYPE;
use super::webhook_card::WebhookView;
use super::webhook_state::{Tried, WebhookState};
use crate::admin_client::{AdminFault, Dashboard};
use crate::cookies;
use crate::count::Count;
use crate::draft::Draft;
use crate::notice::PageNotice;
use crate::respond::{Instead, PageResult, page, see_other_with, with_cookies};
use crate::unread_key::{Reader, UnreadKey, cookie_name};
use crate::visit::{SignedIn, Submitted};

/// The query parameter with the time, in milliseconds, when the endpoint was last tried from this page. Until the endpoint
/// has answered, the page renews itself and has no fields.
pub const TRIED_FIELD: &str = "tried";
/// The seconds after which it does.
const RENEWAL_SECONDS: u64 = 3;
/// The time after which the page no longer renews itself.
const LONGEST_TRY: Duration = Duration::from_secs(15 * 60);

/// The path of the dashboard.
const PATH: &str = "/dashboard";

#[derive(Template)]
#[template(path = "dashboard.html")]
struct DashboardPage {
    frame: Frame,
    tenant: Tenant,
    has_other_tenants: bool,
    key: KeyCard,
    webhook: Option<WebhookView>,
    url: Field,
    others: Vec<WebhookView>,
    test_type: Field,
    log: Option<ShownLog>,
    /// Whether the live part comes first: the person has seen the key and has set a URL.
    is_onboarded: bool,
}

/// The field of the form that was refused.
pub enum Refused {
    /// The webhook's URL.
    Url(Field),
    /// The type of the test event.
    TestType(Field),
}

/// The unread key and the organization, as the dashboard shows them.
struct Loaded {
    /// The key of this browser that nobody has read yet, read before the Admin API was asked for the active key.
    unread: Option<UnreadKey>,
    dashboard: Dashboard,
}

/// `GET /dashboard`
pub async fn show(signed_in: SignedIn, RawQuery(query): RawQuery) -> PageResult {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let tried = query.get(TRIED_FIELD).and_then(|text| text.parse().ok()).map(Timestamp::from_milliseconds);
    let loaded = load(&signed_in).await?;
    let now = signed_in.visit.now;
    let webhook = loaded.dashboard.webhooks.first();
    let tried = webhook.zip(tried).filter(|(_, since)| *since <= now && now.since(*since) < LONGEST_TRY);
    match tried.map(|(webhook, since)| (webhook, since, Tried::of(webhook, since))) {
        None => render(&signed_in, loaded, None, None).await,
        Some((.., Tried::UnderWay)) => {
            let until = "the endpoint has answered";
            let renewal = Renewal { seconds: RENEWAL_SECONDS, still: PATH.to_owned(), until };
            render(&signed_in, loaded, None, Some(renewal)).await
        }
        // The page's last renewal says what came of the try, and leads to the page that stays as it is.
        Some((webhook, since, Tried::Well)) => {
            let is_verified = webhook.verified_at.is_some_and(|at| at >= since);
            let notice = if is_verified { PageNotice::Verified } else { PageNotice::TriedWell };
            Ok(see_other_with(PATH, notice))
        }
        Some((webhook, _, Tried::InVain)) => {
            let notice = match WebhookState::of(webhook) {
                WebhookState::Verifying => PageNotice::NotVerified,
                _ => PageNotice::TriedInVain,
            };
            Ok(see_other_with(PATH, notice))
        }
    }
}

/// Shows the dashboard again, with what is wrong with the field.
///
/// # Errors
/// As [`show`].
pub async fn show_refused(submitted: &Submitted, refused: Refused) -> PageResult {
    let loaded = load(submitted).await?;
    render(submitted, loaded, Some(refused), None).await
}

/// Asks the Admin API once, for the organization that the session remembers. If the session remembers none, or one that the
/// person has left, the portal first looks which organization to show.
///
/// # Errors
/// A redirect to the page where the person chooses or registers an organization; 503 if the Admin API or the database does
/// not answer.
async fn load(signed_in: &SignedIn) -> Result<Loaded, Instead> {
    if let Some(org_id) = signed_in.session.org_id.as_deref() {
        match load_of(signed_in, org_id).await? {
            Err(fault) if fault.is(ErrorCode::TenantNotRegistered) => {}
            answered => return Ok(answered.map_err(Problem::from)?),
        }
    }
    let tenant = select(signed_in, &signed_in.admin().tenants().await?).await?;
    Ok(load_of(signed_in, &tenant.org_id).await?.map_err(Problem::from)?)
}

async fn load_of(signed_in: &SignedIn, org_id: &str) -> Result<Result<Loaded, AdminFault>, Problem> {
    let unread = find_unread_key(signed_in, org_id).await?;
    let answered = signed_in.admin().dashboard(org_id).await;
    Ok(answered.map(|dashboard| Loaded { unread, dashboard }))
}

async fn render(
    signed_in: &SignedIn,
    loaded: Loaded,
    refused: Option<Refused>,
    renewal: Option<Renewal>,
) -> PageResult {
    let Loaded { unread, dashboard } = loaded;
    let Dashboard { tenant, key_expired_at, has_other_tenants, webhooks, deliveries } = dashboard;
    let SignedIn { visit, .. } = signed_in;
    let now = visit.now;
    let log = deliveries.map(|summary| ShownLog::new(summary, now));
    let mut test_type = Field::new(DEFAULT_TEST_TYPE);
    let mut url = Field::new(webhooks.first().map(|webhook| webhook.url.clone()).unwrap_or_default());
    let mut frame = Frame::of(tenant.org_name.clone(), signed_in).renewed(renewal);
    let mut status = StatusCode::OK;
    let draft = match refused {
        None => visit.draft(PATH).await.filter(|draft| is_of(draft, &tenant)),
        Some(refused) => {
            match refused {
                Refused::Url(field) => url = field,
                Refused::TestType(field) => test_type = field,
            }
            frame = frame.refused();
            status = StatusCode::UNPROCESSABLE_ENTITY;
            None
        }
    };
    if let Some(draft) = &draft {
        url.restore(draft.field("url"));
        test_type.restore(draft.field("eventType"));
    }
    let key = KeyCard::new(&tenant, unread, key_expired_at, now);
    let is_onboarded = !webhooks.is_empty() && key.unread.is_none();
    let mut webhooks = webhooks.into_iter().map(|webhook| WebhookView::new(webhook, now));
    let (webhook, others) = (webhooks.next(), webhooks.collect());
    let notice = frame.notice;
    let shown = DashboardPage {
        frame,
        tenant,
        has_other_tenants,
        key,
        webhook,
        url,
        others,
        test_type,
        log,
        is_onboarded,
    };
    Ok(with_cookies(page(status, notice, &shown)?, [draft.and_then(|_| Draft::clear())]))
}

impl DashboardPage {
    /// Returns a number as people read numbers: `1,203`.
    fn grouped(&self, number: &u32) -> Count {
        Count { number: *number, more: false }
    }

    /// Returns the event types that partners get, by the kind of thing that they are about.
    fn event_types(&self) -> Vec<Group> {
        groups()
    }
}

/// Returns the unread key of this browser, if there is one, and leaves the key unread.
async fn find_unread_key(signed_in: &SignedIn, org_id: &str) -> Result<Option<UnreadKey>, Problem> {
    let SignedIn { visit, session } = signed_in;
    let Some(cookie) = cookies::read(&visit.headers, &cookie_name(org_id)) else { return Ok(None) };
    let reader = Reader { email: &session.email, org_id };
    visit.unread_keys().find(reader, cookie, visit.now).await
}

/// Returns whether a draft was typed into a form of this organization's.
fn is_of(draft: &Draft, tenant: &Tenant) -> bool {
    draft.field(ORGANIZATION_FIELD) == Some(tenant.org_id.as_str())
}
