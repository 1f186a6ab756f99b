//! Setting the webhook's URL, and trying its endpoint.

use axum::response::Response;
use shared::code::ErrorCode;
use shared::environment::Environment;
use shared::tenant::Tenant;
use shared::webhook::id::WebhookId;
use shared::webhook::url::{UrlFault, UrlRules, WebhookUrl};

use super::dashboard::{Refused, TRIED_FIELD, show_refused};
use super::delivery::{outcome, page_of};
use super::field::{Field, OFFER_FIELD};
use super::selection::tenant_of_form;
use super::webhook_state::{Tried, WebhookState};
use crate::admin_client::{AdminFault, Webhook};
use crate::notice::PageNotice;
use crate::outcome::wait_for;
use crate::paths::{WEBHOOK_FIELD, with_query};
use crate::respond::{Instead, PageResult, see_other_with};
use crate::visit::{Confirmed, Submitted};

/// The field with the type of a test event.
const TEST_TYPE_FIELD: &str = "eventType";
/// The type of a test event, unless the person chooses one.
pub const DEFAULT_TEST_TYPE: &str = "KeyAdded";

/// The rules for a URL that a person sets: plain HTTP is allowed only on the person's own machine.
fn rules(environment: Environment) -> UrlRules {
    UrlRules { plain_http: environment == Environment::Local, ..environment.webhook_url_rules() }
}

/// `POST /webhook`: the first URL creates the webhook, later ones change it.
pub async fn set(Confirmed(submitted): Confirmed) -> PageResult {
    let (tenant, webhook) = own_webhook(&submitted).await?;
    let typed = match submitted.field(OFFER_FIELD) {
        "" => submitted.field("url").trim(),
        offered => offered,
    };
    let rules = rules(submitted.visit.service.config.environment);
    let url = match WebhookUrl::normalised(typed, &rules) {
        Ok(url) => url,
        Err(fault) => return again(&submitted, UrlRefusal::of(typed, &fault, &rules)).await,
    };
    let mut done = put(&submitted, &tenant, webhook, &url).await;
    if done.as_ref().is_err_and(|fault| fault.is(ErrorCode::WebhookLimitReached)) {
        // The same form was sent twice, and the other request was first.
        let (tenant, webhook) = own_webhook(&submitted).await?;
        done = put(&submitted, &tenant, webhook, &url).await;
    }
    match done {
        Ok(Put::Created) => Ok(see_other_with("/dashboard", PageNotice::WebhookCreated)),
        Ok(Put::Unchanged) => Ok(see_other_with("/dashboard", PageNotice::WebhookUnchanged)),
        Ok(Put::Changed(id)) => {
            let notices = TryNotices {
                well: PageNotice::WebhookChangedAndVerified,
                in_vain: PageNotice::WebhookChangedNotVerified,
                under_way: PageNotice::WebhookChanged,
            };
            Ok(show_try(&submitted, &tenant, id, notices).await)
        }
        Err(AdminFault::Refused(mut refusal)) if refusal.fields.contains_key("url") => {
            let fault = refusal.fields.remove("url").unwrap_or_default();
            again(&submitted, UrlRefusal { fault, offer: None }).await
        }
        Err(fault) => Err(fault.into()),
    }
}

/// What is wrong with a URL, and the URL that the person may have meant.
struct UrlRefusal {
    fault: String,
    offer: Option<String>,
}

impl UrlRefusal {
    fn of(typed: &str, fault: &UrlFault, rules: &UrlRules) -> Self {
        let lower = typed.to_ascii_lowercase();
        // A URL that was copied out of code or a letter brings its quotes along.
        let bare = typed.trim_matches(['"', '\'', '<', '>', '`']);
        let rest = match fault {
            UrlFault::NotHttps | UrlFault::NotHttp if lower.starts_with("http://") => typed.get(7..),
            UrlFault::NotHttps | UrlFault::NotHttp if !bare.contains("://") => {
                Some(bare.trim_start_matches('/'))
            }
            _ => bare.strip_prefix("https://").filter(|_| bare != typed),
        };
        let offer = rest.map(|rest| format!("https://{rest}"));
        // A name without a dot is more likely a word than a host.
        let offer = offer.filter(|url| url.contains('.') && WebhookUrl::normalised(url, rules).is_ok());
        let fault = match (&offer, typed) {
            (_, "") => "Type the URL of your endpoint, such as https://example.com/webhooks.".to_owned(),
            (Some(_), _) => "A webhook URL starts with https://.".to_owned(),
            (None, _) if matches!(fault, UrlFault::NotHttps | UrlFault::NotHttp) => {
                "Type a URL that starts with https://, such as https://example.com/webhooks.".to_owned()
            }
            (None, _) => fault.to_string(),
        };
        Self { fault, offer }
    }
}

/// What came of setting a URL.
enum Put {
    /// There is a webhook since now.
    Created,
    /// The webhook has another URL since now.
    Changed(WebhookId),
    /// The webhook had that URL before.
    Unchanged,
}

/// Sets the URL of the webhook, or creates a webhook with it.
async fn put(
    submitted: &Submitted,
    tenant: &Tenant,
    webhook: Option<Webhook>,
    url: &str,
) -> Result<Put, AdminFault> {
    let admin = submitted.admin();
    let org_id = tenant.org_id.as_str();
    match webhook {
        Some(webhook) if webhook.url == url => Ok(Put::Unchanged),
        Some(webhook) => {
            admin.change_webhook_url(org_id, webhook.id, url).await?;
            Ok(Put::Changed(webhook.id))
        }
        None => {
            admin.create_webhook(org_id, url).await?;
            Ok(Put::Created)
        }
    }
}

/// The notices for what comes of trying an endpoint.
struct TryNotices {
    well: PageNotice,
    in_vain: PageNotice,
    under_way: PageNotice,
}

/// `POST /webhook/verify`: tries the endpoint now. A pending endpoint gets a challenge, and so does the endpoint of a disabled
/// webhook, which that enables; while the circuit is open, the next probe is due.
pub async fn verify(submitted: Submitted) -> PageResult {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", PageNotice::NoWebhook));
    };
    let admin = submitted.admin();
    let verifying = TryNotices {
        well: PageNotice::Verified,
        in_vain: PageNotice::NotVerified,
        under_way: PageNotice::Verifying,
    };
    let trying = TryNotices {
        well: PageNotice::TriedWell,
        in_vain: PageNotice::TriedInVain,
        under_way: PageNotice::TryingNow,
    };
    let (asked, notices) = match WebhookState::of(&webhook) {
        WebhookState::Disabled { .. } => (admin.enable(&tenant.org_id, webhook.id).await, verifying),
        WebhookState::Verifying => (admin.verify(&tenant.org_id, webhook.id).await, verifying),
        WebhookState::CircuitOpen { .. } => (admin.verify(&tenant.org_id, webhook.id).await, trying),
        WebhookState::Well | WebhookState::Failing { .. } => {
            return Ok(see_other_with("/dashboard", PageNotice::VerifiedAlready));
        }
    };
    match asked {
        Ok(_) => {}
        // The button was pressed twice, and the first press has enabled the webhook.
        Err(fault) if fault.is(ErrorCode::WebhookNotDisabled) => {}
        Err(fault) => return gone_or(fault),
    }
    Ok(show_try(&submitted, &tenant, webhook.id, notices).await)
}

/// Waits for what the endpoint answers, and leads to the dashboard, which shows the result or renews itself until there is
/// one.
async fn show_try(
    submitted: &Submitted,
    tenant: &Tenant,
    webhook_id: WebhookId,
    notices: TryNotices,
) -> Response {
    let now = submitted.visit.now;
    let admin = submitted.admin();
    let look = || admin.webhook(&tenant.org_id, webhook_id);
    let is_over = |webhook: &Webhook| Tried::of(webhook, now) != Tried::UnderWay;
    let seen = wait_for(&*submitted.visit.service.clock, look, is_over).await;
    match seen.map_or(Tried::UnderWay, |webhook| Tried::of(&webhook, now)) {
        Tried::Well => see_other_with("/dashboard", notices.well),
        Tried::InVain => see_other_with("/dashboard", notices.in_vain),
        Tried::UnderWay => {
            let path = with_query("/dashboard", &[(TRIED_FIELD, &now.milliseconds().to_string())]);
            see_other_with(&path, notices.under_way)
        }
    }
}

/// `POST /webhook/test`: sends a sample event.
pub async fn test(submitted: Submitted) -> PageResult {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", PageNotice::NoWebhook));
    };
    let state = WebhookState::of(&webhook);
    if matches!(state, WebhookState::Disabled { .. }) {
        return Ok(see_other_with("/dashboard", PageNotice::TestRefused));
    }
    let event_type = match submitted.field(TEST_TYPE_FIELD) {
        "" => DEFAULT_TEST_TYPE,
        chosen => chosen,
    };
    let (admin, now) = (submitted.admin(), submitted.visit.now);
    let event_id = match admin.test(&tenant.org_id, webhook.id, event_type).await {
        Ok(sent) => sent.event_id,
        Err(AdminFault::Refused(refusal)) if refusal.fields.contains_key("eventType") => {
            let fault = Some("There is no event type with this name. Choose one of the list.".to_owned());
            let field = Field::new(event_type).with_fault("The type", fault);
            return show_refused(&submitted, Refused::TestType(field)).await;
        }
        Err(fault) => return gone_or(fault),
    };
    let notice = if state.holds_events() {
        PageNotice::TestWaits
    } else {
        let look = || admin.delivery(&tenant.org_id, webhook.id, &event_id);
        let clock = &*submitted.visit.service.clock;
        let seen = wait_for(clock, look, |seen| outcome(&seen.delivery, now).is_some()).await;
        match seen.and_then(|seen| outcome(&seen.delivery, now)) {
            Some(true) => PageNotice::TestArrived,
            Some(false) => PageNotice::TestFailed,
            None => PageNotice::TestSent,
        }
    };
    Ok(see_other_with(&page_of(&event_id, ""), notice))
}

/// Returns the organization of the form and its first webhook, which is the one that its owner manages, as the Admin API
/// has them now: what the session remembers may be outdated.
///
/// Counts the request: each such form may have an endpoint asked, and the endpoint need not be the person's own.
///
/// # Errors
/// As [`tenant_of_form`]; 429 if the organization sends such forms too often; 503 if the Admin API does not answer.
pub async fn own_webhook(submitted: &Submitted) -> Result<(Tenant, Option<Webhook>), Instead> {
    let tenant = tenant_of_form(submitted).await?;
    submitted.visit.service.webhook_actions.count(&tenant.org_id).await?;
    let webhooks = submitted.admin().webhooks(&tenant.org_id).await?;
    Ok((tenant, webhooks.into_iter().next()))
}

/// Returns the organization of the form and the webhook of the deliveries that its page showed: the first, unless the form
/// names another.
///
/// # Errors
/// As [`own_webhook`].
pub async fn logged_webhook(submitted: &Submitted) -> Result<(Tenant, Option<Webhook>), Instead> {
    let tenant = tenant_of_form(submitted).await?;
    submitted.visit.service.webhook_actions.count(&tenant.org_id).await?;
    let webhooks = submitted.admin().webhooks(&tenant.org_id).await?;
    let wanted = submitted.field(WEBHOOK_FIELD).parse::<WebhookId>().ok();
    let found = match wanted {
        Some(wanted) => webhooks.into_iter().find(|webhook| webhook.id == wanted),
        None => webhooks.into_iter().next(),
    };
    Ok((tenant, found))
}

/// Leads to the dashboard if an admin deleted the webhook a moment ago.
///
/// # Errors
/// 503 for any other fault.
fn gone_or(fault: AdminFault) -> PageResult {
    if fault.is(ErrorCode::WebhookNotFound) {
        return Ok(see_other_with("/dashboard", PageNotice::NoWebhook));
    }
    Err(fault.into())
}

/// Shows the dashboard again, with what the person typed and what is wrong with it.
async fn again(submitted: &Submitted, UrlRefusal { fault, offer }: UrlRefusal) -> PageResult {
    let field =
        Field::new(submitted.field("url")).with_fault("The webhook URL", Some(fault)).with_offer(offer);
    show_refused(submitted, Refused::Url(field)).await
}
