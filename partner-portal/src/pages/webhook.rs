//! Setting the webhook's URL, and trying its endpoint.

use shared::environment::Environment;
use shared::webhook::WebhookStatus;
use shared::webhook::url::{UrlRules, WebhookUrl};

use super::dashboard::{RefusedField, show_refused};
use super::notice::Notice;
use super::onboarding::spoken;
use super::respond::{Answered, Instead, see_other_with};
use super::standing::standing_of_form;
use crate::admin_client::{AdminFault, Tenant, Webhook};
use crate::visit::Submitted;

/// What a person may set by themselves: plain HTTP on their own machine only.
fn rules(environment: Environment) -> UrlRules {
    UrlRules { plain_http: environment == Environment::Local, ..environment.webhook_url_rules() }
}

/// `POST /webhook`: the first URL creates the webhook, later ones change it.
pub async fn set(submitted: Submitted) -> Answered {
    let visit = &submitted.visit;
    let (tenant, webhook) = own_webhook(&submitted).await?;
    let typed = submitted.field("url").trim();
    let url = match WebhookUrl::parse(typed, &rules(visit.service.config.environment)) {
        Ok(url) => url,
        Err(fault) => return again(&submitted, &fault.to_string()).await,
    };
    let mut done = put(&submitted, &tenant, webhook, &url).await;
    if done.as_ref().is_err_and(|fault| fault.is("webhook_limit_reached")) {
        // The same form, sent twice: the other one was first.
        let (tenant, webhook) = own_webhook(&submitted).await?;
        done = put(&submitted, &tenant, webhook, &url).await;
    }
    match done {
        Ok((notice, created)) => {
            if created.is_some() {
                visit.sessions.remember_webhook(&submitted.session, created.as_deref()).await?;
            }
            Ok(see_other_with("/dashboard", notice))
        }
        Err(AdminFault::Refused(refusal)) if refusal.fields.contains_key("url") => {
            again(&submitted, &refusal.fields["url"]).await
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Makes this the URL of the webhook, or of a new one, whose id comes with the notice.
async fn put(
    submitted: &Submitted,
    tenant: &Tenant,
    webhook: Option<Webhook>,
    url: &WebhookUrl,
) -> Result<(Notice, Option<String>), AdminFault> {
    let admin = submitted.visit.admin(&submitted.session);
    let (org_id, url) = (tenant.org_id.as_str(), url.as_str());
    match webhook {
        Some(webhook) if webhook.url == url => Ok((Notice::WebhookUnchanged, None)),
        Some(webhook) => {
            let changed = admin.change_webhook_url(org_id, &webhook.id, url).await;
            changed.map(|_| (Notice::WebhookChanged, None))
        }
        None => {
            let created = admin.create_webhook(org_id, url).await;
            created.map(|created| (Notice::WebhookCreated, Some(created.webhook_id)))
        }
    }
}

/// `POST /webhook/verify`: a pending endpoint is challenged anew; a disabled webhook is enabled by that.
pub async fn verify(submitted: Submitted) -> Answered {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", Notice::NoWebhook));
    };
    let admin = submitted.visit.admin(&submitted.session);
    let asked = match webhook.status {
        WebhookStatus::Disabled => admin.enable(&tenant.org_id, &webhook.id).await,
        WebhookStatus::Pending => admin.verify(&tenant.org_id, &webhook.id).await,
        WebhookStatus::Active => return Ok(see_other_with("/dashboard", Notice::VerifiedAlready)),
    };
    match asked {
        // Pressed twice: the first has enabled it.
        Err(fault) if fault.is("webhook_not_disabled") => answered(Ok(Notice::Verifying)),
        asked => answered(asked.map(|_| Notice::Verifying)),
    }
}

/// `POST /webhook/test`: sends a sample event.
pub async fn test(submitted: Submitted) -> Answered {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", Notice::NoWebhook));
    };
    let waits = webhook.status == WebhookStatus::Pending || webhook.circuit_opened_at.is_some();
    let notice = match webhook.status {
        WebhookStatus::Disabled => return Ok(see_other_with("/dashboard", Notice::TestRefused)),
        _ if waits => Notice::TestWaits,
        _ => Notice::TestSent,
    };
    let asked = submitted.visit.admin(&submitted.session).test(&tenant.org_id, &webhook.id).await;
    answered(asked.map(|_| notice))
}

/// The organization that a form is about and the webhook of it that its owner manages, as they are now: what the session
/// remembers may be outdated. Whoever sends one means to have the endpoint asked, and that need not be their own: so often
/// at most, whichever form it is.
///
/// # Errors
/// As [`standing_of_form`]; 429 where it is too often; 503 where the Admin API does not answer.
pub async fn own_webhook(submitted: &Submitted) -> Result<(Tenant, Option<Webhook>), Instead> {
    let tenant = standing_of_form(submitted).await?;
    submitted.visit.service.webhook_actions.count(&tenant.org_id).await?;
    let webhooks = submitted.visit.admin(&submitted.session).webhooks(&tenant.org_id).await?;
    Ok((tenant, webhooks.into_iter().next()))
}

/// Back to the dashboard, which says how it went.
///
/// # Errors
/// 503 where the Admin API does not answer.
pub fn answered(asked: Result<Notice, AdminFault>) -> Answered {
    let notice = match asked {
        Ok(notice) => notice,
        // Deleted by an admin a moment ago.
        Err(fault) if fault.is("webhook_not_found") => Notice::NoWebhook,
        Err(fault) => return Err(fault.into()),
    };
    Ok(see_other_with("/dashboard", notice))
}

/// The dashboard with what is wrong beside the field, and what was typed in it.
async fn again(submitted: &Submitted, fault: &str) -> Answered {
    let refused = RefusedField {
        name: "url",
        value: submitted.field("url").to_owned(),
        fault: spoken("The webhook URL", fault),
    };
    show_refused(submitted, refused).await
}
