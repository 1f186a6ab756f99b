//! The dashboard: organization, API key, webhook, deliveries.

use std::time::Duration;

use askama::Template;
use axum::extract::RawQuery;
use edge::form::fields;
use edge::problem::Problem;
use edge::serve::LogDetail;
use futures_util::join;
use http::StatusCode;
use shared::app::delivery_summary::DeliverySummary;
use shared::tenant::Tenant;
use shared::time::Timestamp;
use shared::webhook::id::WebhookId;

use super::delivery_log::DeliveryLog;
use super::event_types::{Group, groups};
use super::field::Field;
use super::frame::Frame;
use super::key_card::{KeyCard, KeyState, Unread};
use super::selection::{ORGANIZATION_FIELD, Selection, select};
use super::webhook::DEFAULT_TEST_TYPE;
use super::webhook_card::WebhookView;
use super::webhook_state::Tried;
use crate::admin_client::{AdminFault, Webhook};
use crate::cookies;
use crate::draft::Draft;
use crate::respond::{Instead, PageResult, page, see_other, with_cookies};
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
    several: bool,
    key: KeyCard,
    webhook: Option<WebhookView>,
    url: Field,
    others: Vec<WebhookView>,
    test_type: Field,
    log: DeliveryLog,
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

/// The answers of the Admin API and of the portal's own database that the dashboard shows.
struct Loaded {
    /// The key of this browser that nobody has read yet, read before the Admin API was asked for the active key.
    unread: Option<UnreadKey>,
    selection: Selection,
    webhooks: Vec<Webhook>,
    summary: Option<Result<DeliverySummary, AdminFault>>,
}

/// `GET /dashboard`
pub async fn show(signed_in: SignedIn, RawQuery(query): RawQuery) -> PageResult {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let tried = query.get(TRIED_FIELD).and_then(|text| text.parse().ok()).map(Timestamp::from_milliseconds);
    let loaded = load(&signed_in, true).await?;
    render(&signed_in, loaded, None, tried).await
}

/// Shows the dashboard again, with what is wrong with the field.
///
/// # Errors
/// As [`show`].
pub async fn show_refused(submitted: &Submitted, refused: Refused) -> PageResult {
    let loaded = load(submitted, false).await?;
    render(submitted, loaded, Some(refused), None).await
}

/// Calls the Admin API three times at once: for the person's organizations, for the webhooks of the one that the session
/// remembers, and for the deliveries of the first webhook that the session remembers. If the session remembers something
/// outdated, `again` redirects to the dashboard once more; without `again`, the deliveries are missing.
///
/// # Errors
/// A redirect to what comes first; 503 if the Admin API or the database does not answer.
async fn load(signed_in: &SignedIn, again: bool) -> Result<Loaded, Instead> {
    let SignedIn { visit, session } = signed_in;
    let admin = signed_in.admin();
    let Some(org_id) = session.org_id.as_deref() else { return Err(remember(signed_in).await?) };
    let summary = async {
        match session.webhook_id {
            Some(webhook_id) => Some(admin.summary(org_id, webhook_id).await),
            None => None,
        }
    };
    let unread = find_unread_key(signed_in, org_id).await?;
    let (tenants, webhooks, summary) = join!(admin.tenants(), admin.webhooks(org_id), summary);
    let selection = select(signed_in, tenants?).await?;
    if selection.tenant.org_id != org_id {
        return Err(to_dashboard());
    }
    let webhooks = webhooks?;
    let first = first_id(&webhooks);
    let summary = if first == session.webhook_id {
        summary
    } else {
        visit.sessions.remember_webhook(session, first).await?;
        if again {
            return Err(to_dashboard());
        }
        first.map(|_| Err(AdminFault::Unavailable("the first webhook is another by now".to_owned())))
    };
    Ok(Loaded { unread, selection, webhooks, summary })
}

fn first_id(webhooks: &[Webhook]) -> Option<WebhookId> {
    webhooks.first().map(|webhook| webhook.id)
}

fn to_dashboard() -> Instead {
    see_other("/dashboard").into()
}

/// Has the session remember organization and webhook, so that the dashboard can ask for everything at once.
async fn remember(signed_in: &SignedIn) -> Result<Instead, Instead> {
    let admin = signed_in.admin();
    let Selection { tenant, .. } = select(signed_in, admin.tenants().await?).await?;
    let webhooks = admin.webhooks(&tenant.org_id).await?;
    signed_in.visit.sessions.remember_webhook(&signed_in.session, first_id(&webhooks)).await?;
    Ok(to_dashboard())
}

async fn render(
    signed_in: &SignedIn,
    loaded: Loaded,
    refused: Option<Refused>,
    tried: Option<Timestamp>,
) -> PageResult {
    let Loaded { unread, selection: Selection { tenant, several }, webhooks, summary } = loaded;
    let SignedIn { visit, .. } = signed_in;
    let now = visit.now;
    let (log, detail) = match summary {
        None => (DeliveryLog::NoWebhook, None),
        Some(Ok(summary)) => (DeliveryLog::new(summary, now), None),
        Some(Err(fault)) => (DeliveryLog::Unavailable, Some(LogDetail(fault.to_string()))),
    };
    let mut test_type = Field::new(DEFAULT_TEST_TYPE);
    let mut url = Field::new(webhooks.first().map(|webhook| webhook.url.clone()).unwrap_or_default());
    let under_way = webhooks.first().zip(tried).is_some_and(|(webhook, tried)| {
        Tried::of(webhook, tried) == Tried::UnderWay && now.since(tried) < LONGEST_TRY
    });
    let mut frame = Frame::of(tenant.org_name.clone(), signed_in)
        .renewed_after(under_way.then_some(RENEWAL_SECONDS), PATH.to_owned());
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
    let expired = match tenant.api_key {
        Some(_) => None,
        None => signed_in.admin().last_expiry(&tenant.org_id, now).await?,
    };
    let key = KeyCard::new(&tenant, unread, expired, now);
    let is_onboarded = !webhooks.is_empty() && key.unread.is_none();
    let mut webhooks = webhooks.into_iter().map(|webhook| WebhookView::new(webhook, now));
    let (webhook, others) = (webhooks.next(), webhooks.collect());
    let notice = frame.notice;
    let shown =
        DashboardPage { frame, tenant, several, key, webhook, url, others, test_type, log, is_onboarded };
    let mut response = page(status, notice, &shown)?;
    if let Some(detail) = detail {
        response.extensions_mut().insert(detail);
    }
    Ok(with_cookies(response, [draft.and_then(|_| Draft::clear())]))
}

impl DashboardPage {
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
