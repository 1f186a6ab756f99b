//! The dashboard: organization, API key, webhook, deliveries.

use std::time::Duration;

use askama::Template;
use edge::problem::Problem;
use edge::serve::LogDetail;
use futures_util::join;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use secrecy::ExposeSecret;
use shared::api_key::{ApiKey, masked};
use shared::app::delivery_summary::DeliverySummary;
use shared::tenant::Tenant;
use shared::webhook::id::WebhookId;

use super::delivery_log::DeliveryLog;
use super::field::Field;
use super::frame::Frame;
use super::moment::Moment;
use super::selection::{Selection, select};
use super::webhook_card::WebhookView;
use crate::admin_client::{AdminFault, Webhook};
use crate::cookies;
use crate::respond::{Instead, PageResult, page, see_other, with_cookies};
use crate::unread_key::Reader;
use crate::visit::{SignedIn, Submitted};

/// The age of the deliveries that the field for sending again offers first: a day.
const DAY: Duration = Duration::from_secs(86_400);

/// Marks a request that a browser makes ahead, perhaps for a page that the person never sees.
pub const PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

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
    log: DeliveryLog,
    since: Field,
}

/// The field of the form that was refused.
pub enum Refused {
    /// The webhook's URL.
    Url(Field),
    /// The time since when to send again.
    Since(Field),
}

enum KeyCard {
    Fresh(ApiKey),
    Masked(Box<MaskedKey>),
    None,
}

struct MaskedKey {
    masked: String,
    issued: Moment,
    by: String,
    expires: Option<Moment>,
}

/// The answers of the Admin API that the dashboard shows.
struct Loaded {
    selection: Selection,
    webhooks: Vec<Webhook>,
    summary: Option<Result<DeliverySummary, AdminFault>>,
}

/// `GET /dashboard`
pub async fn show(signed_in: SignedIn) -> PageResult {
    let loaded = load(&signed_in, true).await?;
    render(&signed_in, loaded, None).await
}

/// Shows the dashboard again, with what is wrong with the field.
///
/// # Errors
/// As [`show`].
pub async fn show_refused(submitted: &Submitted, refused: Refused) -> PageResult {
    let loaded = load(submitted, false).await?;
    render(submitted, loaded, Some(refused)).await
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
    Ok(Loaded { selection, webhooks, summary })
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

async fn render(signed_in: &SignedIn, loaded: Loaded, refused: Option<Refused>) -> PageResult {
    let Loaded { selection: Selection { tenant, several }, webhooks, summary } = loaded;
    let now = signed_in.visit.now;
    let (log, detail) = match summary {
        None => (DeliveryLog::NoWebhook, None),
        Some(Ok(summary)) => (DeliveryLog::new(summary, now), None),
        Some(Err(fault)) => (DeliveryLog::Unavailable, Some(LogDetail(fault.to_string()))),
    };
    let mut since = Field::new(Moment::field(now.minus(DAY)));
    let mut url = Field::new(webhooks.first().map(|webhook| webhook.url.clone()).unwrap_or_default());
    let frame = Frame::of(tenant.org_name.clone(), signed_in);
    // The key is taken last: from here on only the database can fail, so a key that is taken is also shown. The page of a
    // refused form leaves the key for the next page.
    let (status, frame, (fresh, cookie)) = match refused {
        None => (StatusCode::OK, frame, take_key(signed_in, &tenant).await?),
        Some(refused) => {
            match refused {
                Refused::Url(field) => url = field,
                Refused::Since(field) => since = field,
            }
            (StatusCode::UNPROCESSABLE_ENTITY, frame.refused(), (None, None))
        }
    };
    let key = match (fresh, &tenant.api_key) {
        (Some(key), _) => KeyCard::Fresh(key),
        (None, Some(key)) => KeyCard::Masked(Box::new(MaskedKey {
            masked: key.masked.clone(),
            issued: Moment::new(key.created_at, now),
            by: key.created_by.clone(),
            expires: key.expires_at.map(|end| Moment::new(end, now)),
        })),
        (None, None) => KeyCard::None,
    };
    let mut webhooks = webhooks.into_iter().map(|webhook| WebhookView::new(webhook, now));
    let (webhook, others) = (webhooks.next(), webhooks.collect());
    let notice = frame.notice;
    let shown = DashboardPage { frame, tenant, several, key, webhook, url, others, log, since };
    let mut response = page(status, notice, &shown)?;
    if let Some(detail) = detail {
        response.extensions_mut().insert(detail);
    }
    Ok(with_cookies(response, [cookie]))
}

/// Takes the unread key of this browser, if there is one, and returns it with the cookie that clears the old one.
async fn take_key(
    signed_in: &SignedIn,
    tenant: &Tenant,
) -> Result<(Option<ApiKey>, Option<HeaderValue>), Problem> {
    let SignedIn { visit, session } = signed_in;
    // A request whose answer nobody may read must not use up the one reading.
    let is_read = visit.method == Method::GET && !visit.headers.contains_key(PURPOSE);
    let Some(cookie) = cookies::read(&visit.headers, cookies::UNREAD_KEY).filter(|_| is_read) else {
        return Ok((None, None));
    };
    let reader = Reader { session_digest: &session.digest, org_id: &tenant.org_id };
    let taken = visit.unread_keys().take(reader, cookie, visit.now).await?;
    // After two rotations at once, the cookie may be for the key that has ended already.
    let key = taken.as_ref().and_then(|key| ApiKey::parse(key.expose_secret()));
    let active = tenant.api_key.as_ref().map(|key| key.masked.as_str());
    let key = key.filter(|key| active == Some(&masked(key.prefix(), key.suffix())));
    // A key of another organization stays for that organization's page, and so does the cookie.
    Ok((key, taken.and_then(|_| cookies::clear(cookies::UNREAD_KEY))))
}

impl DashboardPage {
    /// Returns whether the organization has an active key. The tenant shows a key that was just issued, too.
    fn has_active_key(&self) -> bool {
        !matches!(self.key, KeyCard::None)
    }
}
