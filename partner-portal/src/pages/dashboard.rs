//! The dashboard: organization, API key, webhook.

use askama::Template;
use edge::problem::Problem;
use edge::serve::LogDetail;
use futures_util::join;
use http::{HeaderName, Method, StatusCode};
use secrecy::ExposeSecret;
use shared::api_key::{ApiKey, masked};

use super::Frame;
use super::moment::Moment;
use super::respond::{Answered, noticed, page, see_other, with_cookies};
use super::standing::{Standing, standing};
use super::webhook_card::{Log, UrlForm, WebhookView};
use crate::admin_client::{AdminFault, Summary, Tenant, Webhook};
use crate::cookies;
use crate::session::Session;
use crate::unread_key::Reader;
use crate::visit::{SignedIn, Visit};

/// Says that a browser fetches ahead, and may never show what it gets.
pub const PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

#[derive(Template)]
#[template(path = "dashboard.html")]
struct DashboardPage {
    frame: Frame,
    tenant: Tenant,
    several: bool,
    key: KeyCard,
    webhook: Option<WebhookView>,
    form: UrlForm,
    others: Vec<WebhookView>,
    log: Log,
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

/// What the dashboard is made of: three calls of the Admin API, issued together.
pub struct Loaded {
    tenant: Tenant,
    several: bool,
    webhooks: Vec<Webhook>,
    summary: Option<Result<Summary, AdminFault>>,
}

/// The dashboard's parts, or where to go first.
pub enum Loading {
    /// The parts.
    Done(Box<Loaded>),
    /// Where to go first.
    Elsewhere(&'static str),
}

/// `GET /dashboard`
pub async fn show(SignedIn { visit, session }: SignedIn) -> Answered {
    match load(&visit, &session, true).await? {
        Loading::Elsewhere(page) => Ok(see_other(page)),
        Loading::Done(loaded) => {
            let url = loaded.webhooks.first().map(|webhook| webhook.url.clone());
            let form = UrlForm { value: url.unwrap_or_default(), fault: None };
            render(&visit, &session, *loaded, form, StatusCode::OK).await
        }
    }
}

/// Asks for everything at once: whose organization, its webhooks, and, as far as the session remembers it, the first
/// one's deliveries. With `again`, what it does not remember yet is settled by asking once more.
///
/// # Errors
/// 503 where the Admin API or the database does not answer.
pub async fn load(visit: &Visit, session: &Session, again: bool) -> Result<Loading, Problem> {
    let admin = visit.admin(session);
    let Some(org_id) = session.org_id.as_deref() else { return prime(visit, session).await };
    let summary = async {
        match session.webhook_id.as_deref() {
            Some(webhook_id) => Some(admin.summary(org_id, webhook_id).await),
            None => None,
        }
    };
    let (tenants, webhooks, summary) = join!(admin.tenants(), admin.webhooks(org_id), summary);
    let (tenant, several) = match standing(visit, session, tenants?).await? {
        Standing::Chosen { tenant, several } if tenant.org_id == org_id => (tenant, several),
        Standing::Chosen { .. } => return Ok(Loading::Elsewhere("/dashboard")),
        Standing::Elsewhere(page) => return Ok(Loading::Elsewhere(page)),
    };
    let webhooks = webhooks?;
    let first = webhooks.first().map(|webhook| webhook.id.as_str());
    let summary = if first == session.webhook_id.as_deref() {
        summary
    } else {
        // Another webhook has become the first.
        visit.sessions.remember_webhook(session, first).await?;
        if again {
            return Ok(Loading::Elsewhere("/dashboard"));
        }
        first.map(|_| Err(AdminFault::Unavailable("the first webhook is another by now".to_owned())))
    };
    Ok(Loading::Done(Box::new(Loaded { tenant, several, webhooks, summary })))
}

/// Finds out what the session shall remember, so that the dashboard can ask for all it needs at once.
async fn prime(visit: &Visit, session: &Session) -> Result<Loading, Problem> {
    let admin = visit.admin(session);
    match standing(visit, session, admin.tenants().await?).await? {
        Standing::Elsewhere(page) => Ok(Loading::Elsewhere(page)),
        Standing::Chosen { tenant, .. } => {
            let webhooks = admin.webhooks(&tenant.org_id).await?;
            let first = webhooks.first().map(|webhook| webhook.id.as_str());
            visit.sessions.remember_webhook(session, first).await?;
            Ok(Loading::Elsewhere("/dashboard"))
        }
    }
}

/// The page of loaded parts.
///
/// # Errors
/// 503 where the database does not answer.
pub async fn render(
    visit: &Visit,
    session: &Session,
    loaded: Loaded,
    form: UrlForm,
    status: StatusCode,
) -> Answered {
    let Loaded { tenant, several, webhooks, summary } = loaded;
    let now = visit.now;
    let (log, detail) = match summary {
        None => (Log::NoWebhook, None),
        Some(Ok(summary)) => (Log::new(summary, now), None),
        Some(Err(fault)) => (Log::Unavailable, Some(LogDetail(fault.to_string()))),
    };
    let mut webhooks = webhooks.into_iter().map(|webhook| WebhookView::new(webhook, now));
    let (webhook, others) = (webhooks.next(), webhooks.collect());
    let frame = Frame::of(tenant.org_name.clone(), visit, session);
    let failed = form.fault.is_some();
    // A refused form leaves the key of an earlier one where it is, and says nothing of it.
    let frame = if failed {
        Frame { title: format!("Error: {}", frame.title), notice: None, ..frame }
    } else {
        frame
    };
    // Last, when nothing can fail any more but the database itself: what is taken here is shown.
    let (fresh, cookie) = if failed { (None, None) } else { take_key(visit, session, &tenant).await? };
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
    let notice = frame.notice;
    let mut response =
        page(status, &DashboardPage { frame, tenant, several, key, webhook, form, others, log })?;
    if let Some(detail) = detail {
        response.extensions_mut().insert(detail);
    }
    Ok(with_cookies(noticed(response, notice.as_ref()), [cookie]))
}

/// Takes the unread key that this browser has, if it has one, and its cookie away.
async fn take_key(
    visit: &Visit,
    session: &Session,
    tenant: &Tenant,
) -> Result<(Option<ApiKey>, Option<http::HeaderValue>), Problem> {
    // What asks without a reader must not use up the one reading.
    let is_read = visit.method == Method::GET && !visit.headers.contains_key(PURPOSE);
    let Some(cookie) = cookies::read(&visit.headers, cookies::UNREAD_KEY).filter(|_| is_read) else {
        return Ok((None, None));
    };
    let reader = Reader { session_digest: &session.digest, org_id: &tenant.org_id };
    let taken = visit.unread_keys().take(reader, cookie, visit.now).await?;
    // Of two rotations at once, the cookie may be of the one whose key has ended already.
    let key = taken.as_ref().and_then(|key| ApiKey::parse(key.expose_secret()));
    let active = tenant.api_key.as_ref().map(|key| key.masked.as_str());
    let key = key.filter(|key| active == Some(&masked(key.prefix(), key.suffix())));
    Ok((key, cookies::clear(cookies::UNREAD_KEY)))
}

impl DashboardPage {
    /// A key just issued shows up in the tenant too.
    fn has_active_key(&self) -> bool {
        !matches!(self.key, KeyCard::None)
    }
}
