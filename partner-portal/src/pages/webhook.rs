//! Setting the webhook's URL, and trying its endpoint.

use http::StatusCode;
use shared::environment::Environment;
use shared::webhook::WebhookStatus;
use shared::webhook::url::{UrlRules, WebhookUrl};

use super::dashboard::{Loading, load, render};
use super::notice::Notice;
use super::onboarding::spoken;
use super::respond::{Answered, see_other, see_other_with};
use super::standing::{Standing, standing};
use super::webhook_card::UrlForm;
use crate::admin_client::{AdminFault, Webhook};
use crate::visit::Submitted;

/// What a person may set by themselves: plain HTTP on their own machine only.
fn rules(environment: Environment) -> UrlRules {
    UrlRules { plain_http: environment == Environment::Local, ..environment.webhook_url_rules() }
}

/// `POST /webhook`: the first URL creates the webhook, later ones change it.
pub async fn set(submitted: Submitted) -> Answered {
    let (visit, session) = (&submitted.visit, &submitted.session);
    let typed = submitted.field("url").trim();
    let url = match WebhookUrl::parse(typed, &rules(visit.service.config.environment)) {
        Ok(url) => url,
        Err(fault) => return again(&submitted, &fault.to_string()).await,
    };
    let (org_id, webhook) = match own_webhook(&submitted).await? {
        Own::Webhook { org_id, webhook } => (org_id, webhook),
        Own::Elsewhere(page) => return Ok(see_other(page)),
    };
    let admin = visit.admin(session);
    let done = match webhook {
        Some(webhook) if webhook.url == url.as_str() => Ok(Notice::WebhookUnchanged),
        Some(webhook) => {
            admin.change_webhook_url(&org_id, &webhook.id, url.as_str()).await.map(|_| Notice::WebhookChanged)
        }
        None => match admin.create_webhook(&org_id, url.as_str()).await {
            Ok(created) => {
                visit.sessions.remember_webhook(session, Some(&created.webhook_id)).await?;
                Ok(Notice::WebhookCreated)
            }
            Err(fault) => Err(fault),
        },
    };
    match done {
        Ok(notice) => Ok(see_other_with("/dashboard", notice)),
        Err(AdminFault::Refused(refusal)) if refusal.fields.contains_key("url") => {
            again(&submitted, &refusal.fields["url"]).await
        }
        Err(fault) => Err(fault.into()),
    }
}

/// `POST /webhook/verify`: a pending endpoint is challenged anew; a disabled webhook is enabled by that.
pub async fn verify(submitted: Submitted) -> Answered {
    let (org_id, webhook) = match own_webhook(&submitted).await? {
        Own::Webhook { org_id, webhook: Some(webhook) } => (org_id, webhook),
        Own::Webhook { webhook: None, .. } => return Ok(see_other_with("/dashboard", Notice::NoWebhook)),
        Own::Elsewhere(page) => return Ok(see_other(page)),
    };
    let admin = submitted.visit.admin(&submitted.session);
    let asked = match webhook.status {
        WebhookStatus::Disabled => admin.enable(&org_id, &webhook.id).await,
        WebhookStatus::Active | WebhookStatus::Pending => admin.verify(&org_id, &webhook.id).await,
    };
    answered(asked.map(|_| Notice::Verifying))
}

/// `POST /webhook/test`: sends a sample event.
pub async fn test(submitted: Submitted) -> Answered {
    let (org_id, webhook) = match own_webhook(&submitted).await? {
        Own::Webhook { org_id, webhook: Some(webhook) } => (org_id, webhook),
        Own::Webhook { webhook: None, .. } => return Ok(see_other_with("/dashboard", Notice::NoWebhook)),
        Own::Elsewhere(page) => return Ok(see_other(page)),
    };
    let asked = submitted.visit.admin(&submitted.session).test(&org_id, &webhook.id).await;
    answered(asked.map(|_| Notice::TestSent))
}

/// The person's organization and the webhook of it that they manage.
pub enum Own {
    /// Both, as far as there is a webhook.
    Webhook {
        /// The organization.
        org_id: String,
        /// Its first webhook.
        webhook: Option<Webhook>,
    },
    /// Where to go first.
    Elsewhere(&'static str),
}

/// Asks for both, as they are now: what the session remembers may be outdated.
///
/// # Errors
/// 503 where the Admin API or the database does not answer.
pub async fn own_webhook(submitted: &Submitted) -> Result<Own, edge::problem::Problem> {
    let (visit, session) = (&submitted.visit, &submitted.session);
    let admin = visit.admin(session);
    match standing(visit, session, admin.tenants().await?).await? {
        Standing::Elsewhere(page) => Ok(Own::Elsewhere(page)),
        Standing::Chosen { tenant, .. } => {
            let webhook = admin.webhooks(&tenant.org_id).await?.into_iter().next();
            Ok(Own::Webhook { org_id: tenant.org_id, webhook })
        }
    }
}

/// Back to the dashboard, which says how it went.
///
/// # Errors
/// 503 where the Admin API does not answer.
pub fn answered(asked: Result<Notice, AdminFault>) -> Answered {
    let notice = match asked {
        Ok(notice) => notice,
        // The webhook is there, so it is the route that is not.
        Err(fault) if fault.is("not_found") => Notice::NotOffered,
        Err(fault) if fault.is("webhook_not_found") => Notice::NoWebhook,
        Err(fault) => return Err(fault.into()),
    };
    Ok(see_other_with("/dashboard", notice))
}

/// The dashboard with what is wrong beside the field, and what was typed in it.
async fn again(submitted: &Submitted, fault: &str) -> Answered {
    let (visit, session) = (&submitted.visit, &submitted.session);
    match load(visit, session, false).await? {
        Loading::Elsewhere(page) => Ok(see_other(page)),
        Loading::Done(loaded) => {
            let form = UrlForm {
                value: submitted.field("url").to_owned(),
                fault: Some(spoken("The webhook URL", fault)),
            };
            render(visit, session, *loaded, form, StatusCode::UNPROCESSABLE_ENTITY).await
        }
    }
}
