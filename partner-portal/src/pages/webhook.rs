//! Setting the webhook's URL, and trying its endpoint.

use shared::code::ErrorCode;
use shared::environment::Environment;
use shared::tenant::Tenant;
use shared::webhook::id::WebhookId;
use shared::webhook::url::{UrlRules, WebhookUrl};

use super::dashboard::{Refused, show_refused};
use super::field::Field;
use super::selection::tenant_of_form;
use super::webhook_state::WebhookState;
use crate::admin_client::{AdminFault, Webhook};
use crate::notice::PageNotice;
use crate::respond::{Instead, PageResult, see_other_with};
use crate::visit::{Confirmed, Submitted};

/// The rules for a URL that a person sets: plain HTTP is allowed only on the person's own machine.
fn rules(environment: Environment) -> UrlRules {
    UrlRules { plain_http: environment == Environment::Local, ..environment.webhook_url_rules() }
}

/// `POST /webhook`: the first URL creates the webhook, later ones change it.
pub async fn set(Confirmed(submitted): Confirmed) -> PageResult {
    let sessions = &submitted.visit.sessions;
    let (tenant, webhook) = own_webhook(&submitted).await?;
    let typed = submitted.field("url").trim();
    let url = match WebhookUrl::parse(typed, &rules(submitted.visit.service.config.environment)) {
        Ok(url) => url,
        Err(fault) => return again(&submitted, fault.to_string()).await,
    };
    let mut done = put(&submitted, &tenant, webhook, &url).await;
    if done.as_ref().is_err_and(|fault| fault.is(ErrorCode::WebhookLimitReached)) {
        // The same form was sent twice, and the other request was first.
        let (tenant, webhook) = own_webhook(&submitted).await?;
        done = put(&submitted, &tenant, webhook, &url).await;
    }
    match done {
        Ok((notice, created)) => {
            if created.is_some() {
                sessions.remember_webhook(&submitted.session, created).await?;
            }
            Ok(see_other_with("/dashboard", notice))
        }
        Err(AdminFault::Refused(mut refusal)) if refusal.fields.contains_key("url") => {
            again(&submitted, refusal.fields.remove("url").unwrap_or_default()).await
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Sets the URL of the webhook, or creates a webhook with it. Returns the notice, and the id of a new webhook.
async fn put(
    submitted: &Submitted,
    tenant: &Tenant,
    webhook: Option<Webhook>,
    url: &WebhookUrl,
) -> Result<(PageNotice, Option<WebhookId>), AdminFault> {
    let admin = submitted.admin();
    let (org_id, url) = (tenant.org_id.as_str(), url.as_str());
    match webhook {
        Some(webhook) if webhook.url == url => Ok((PageNotice::WebhookUnchanged, None)),
        Some(webhook) => {
            admin.change_webhook_url(org_id, webhook.id, url).await?;
            Ok((PageNotice::WebhookChanged, None))
        }
        None => {
            let created = admin.create_webhook(org_id, url).await?;
            Ok((PageNotice::WebhookCreated, Some(created.webhook_id)))
        }
    }
}

/// `POST /webhook/verify`: tries the endpoint now. A pending endpoint gets a challenge, and so does the endpoint of a disabled
/// webhook, which that enables; while the circuit is open, the next probe is due.
pub async fn verify(submitted: Submitted) -> PageResult {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", PageNotice::NoWebhook));
    };
    let admin = submitted.admin();
    let (asked, notice) = match WebhookState::of(&webhook) {
        WebhookState::Disabled { .. } => {
            (admin.enable(&tenant.org_id, webhook.id).await, PageNotice::Verifying)
        }
        WebhookState::Verifying => (admin.verify(&tenant.org_id, webhook.id).await, PageNotice::Verifying),
        WebhookState::CircuitOpen { .. } => {
            (admin.verify(&tenant.org_id, webhook.id).await, PageNotice::TryingNow)
        }
        WebhookState::Well | WebhookState::Failing { .. } => {
            return Ok(see_other_with("/dashboard", PageNotice::VerifiedAlready));
        }
    };
    match asked {
        // The button was pressed twice, and the first press has enabled the webhook.
        Err(fault) if fault.is(ErrorCode::WebhookNotDisabled) => to_dashboard(Ok(notice)),
        asked => to_dashboard(asked.map(|_| notice)),
    }
}

/// `POST /webhook/test`: sends a sample event.
pub async fn test(submitted: Submitted) -> PageResult {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", PageNotice::NoWebhook));
    };
    let notice = match WebhookState::of(&webhook) {
        WebhookState::Disabled { .. } => return Ok(see_other_with("/dashboard", PageNotice::TestRefused)),
        WebhookState::Well | WebhookState::Failing { .. } => PageNotice::TestSent,
        WebhookState::CircuitOpen { .. } | WebhookState::Verifying => PageNotice::TestWaits,
    };
    let asked = submitted.admin().test(&tenant.org_id, webhook.id).await;
    to_dashboard(asked.map(|_| notice))
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

/// Redirects to the dashboard, which shows the notice.
///
/// # Errors
/// 503 if the Admin API does not answer.
pub fn to_dashboard(asked: Result<PageNotice, AdminFault>) -> PageResult {
    let notice = match asked {
        Ok(notice) => notice,
        // An admin deleted the webhook a moment ago.
        Err(fault) if fault.is(ErrorCode::WebhookNotFound) => PageNotice::NoWebhook,
        Err(fault) => return Err(fault.into()),
    };
    Ok(see_other_with("/dashboard", notice))
}

/// Shows the dashboard again, with what the person typed and what is wrong with it.
async fn again(submitted: &Submitted, fault: String) -> PageResult {
    let field = Field::new(submitted.field("url")).with_fault("The webhook URL", Some(fault));
    show_refused(submitted, Refused::Url(field)).await
}
