//! The dashboard: organization, API key, webhook.

use std::time::Duration;

use askama::Template;
use edge::problem::Problem;
use edge::serve::LogDetail;
use futures_util::join;
use http::{HeaderName, Method, StatusCode};
use secrecy::ExposeSecret;
use shared::api_key::{ApiKey, masked};

use super::Frame;
use super::moment::Moment;
use super::respond::{Answered, Instead, noticed, page, see_other, with_cookies};
use super::standing::{Standing, standing};
use super::webhook_card::{Log, WebhookView};
use crate::admin_client::{AdminFault, Summary, Tenant, Webhook};
use crate::cookies;
use crate::session::Session;
use crate::unread_key::Reader;
use crate::visit::{SignedIn, Submitted, Visit};

/// A day, for the field that asks since when to send again.
const DAY: Duration = Duration::from_secs(86_400);

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
    url: FormField,
    others: Vec<WebhookView>,
    log: Log,
    since: FormField,
}

/// A field of a form, as it is shown.
struct FormField {
    /// What stands in it.
    value: String,
    /// What is wrong with it.
    fault: Option<String>,
}

/// A field whose form was not taken.
pub struct RefusedField {
    /// `url` or `since`.
    pub name: &'static str,
    /// What was typed.
    pub value: String,
    /// What is wrong with it: a sentence.
    pub fault: String,
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

/// `GET /dashboard`
pub async fn show(SignedIn { visit, session }: SignedIn) -> Answered {
    let loaded = load(&visit, &session, true).await?;
    render(&visit, &session, loaded, None).await
}

/// The dashboard again, with what is wrong beside the field.
///
/// # Errors
/// As [`show`].
pub async fn show_refused(submitted: &Submitted, refused: RefusedField) -> Answered {
    let (visit, session) = (&submitted.visit, &submitted.session);
    let loaded = load(visit, session, false).await?;
    render(visit, session, loaded, Some(refused)).await
}

/// Asks for everything at once: whose organization, its webhooks, and, as far as the session remembers it, the first
/// one's deliveries. With `again`, what it does not remember yet is settled by asking once more.
///
/// # Errors
/// Where to go first; 503 where the Admin API or the database does not answer.
async fn load(visit: &Visit, session: &Session, again: bool) -> Result<Loaded, Instead> {
    let admin = visit.admin(session);
    let Some(org_id) = session.org_id.as_deref() else { return Err(prime(visit, session).await?) };
    let summary = async {
        match session.webhook_id.as_deref() {
            Some(webhook_id) => Some(admin.summary(org_id, webhook_id).await),
            None => None,
        }
    };
    let (tenants, webhooks, summary) = join!(admin.tenants(), admin.webhooks(org_id), summary);
    let Standing { tenant, several } = standing(visit, session, tenants?).await?;
    if tenant.org_id != org_id {
        return Err(anew());
    }
    let webhooks = webhooks?;
    let first = webhooks.first().map(|webhook| webhook.id.as_str());
    let summary = if first == session.webhook_id.as_deref() {
        summary
    } else {
        // Another webhook has become the first.
        visit.sessions.remember_webhook(session, first).await?;
        if again {
            return Err(anew());
        }
        first.map(|_| Err(AdminFault::Unavailable("the first webhook is another by now".to_owned())))
    };
    Ok(Loaded { tenant, several, webhooks, summary })
}

/// The same page once more, which knows more by then.
fn anew() -> Instead {
    Instead::elsewhere(see_other("/dashboard"))
}

/// Finds out what the session shall remember, so that the dashboard can ask for all it needs at once.
async fn prime(visit: &Visit, session: &Session) -> Result<Instead, Instead> {
    let admin = visit.admin(session);
    let Standing { tenant, .. } = standing(visit, session, admin.tenants().await?).await?;
    let webhooks = admin.webhooks(&tenant.org_id).await?;
    let first = webhooks.first().map(|webhook| webhook.id.as_str());
    visit.sessions.remember_webhook(session, first).await?;
    Ok(anew())
}

/// The page of loaded parts.
async fn render(visit: &Visit, session: &Session, loaded: Loaded, refused: Option<RefusedField>) -> Answered {
    let Loaded { tenant, several, webhooks, summary } = loaded;
    let now = visit.now;
    let (log, detail) = match summary {
        None => (Log::NoWebhook, None),
        Some(Ok(summary)) => (Log::new(summary, now), None),
        Some(Err(fault)) => (Log::Unavailable, Some(LogDetail(fault.to_string()))),
    };
    let day_ago = Moment::field(now.minus(DAY));
    let mut since = FormField { value: day_ago, fault: None };
    let current = webhooks.first().map(|webhook| webhook.url.clone()).unwrap_or_default();
    let mut url = FormField { value: current, fault: None };
    let failed = refused.is_some();
    if let Some(RefusedField { name, value, fault }) = refused {
        let field = if name == "since" { &mut since } else { &mut url };
        *field = FormField { value, fault: Some(fault) };
    }
    let mut webhooks = webhooks.into_iter().map(|webhook| WebhookView::new(webhook, now));
    let (webhook, others) = (webhooks.next(), webhooks.collect());
    let frame = Frame::of(tenant.org_name.clone(), visit, session);
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
    let status = if failed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let shown = DashboardPage { frame, tenant, several, key, webhook, url, others, log, since };
    let mut response = page(status, &shown)?;
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
    // Another organization's page leaves the key to its own.
    Ok((key, taken.and_then(|_| cookies::clear(cookies::UNREAD_KEY))))
}

impl DashboardPage {
    /// A key just issued shows up in the tenant too.
    fn has_active_key(&self) -> bool {
        !matches!(self.key, KeyCard::None)
    }
}
