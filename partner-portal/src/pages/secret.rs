//! The page with the signing secret of the webhook, and the code that verifies a signature.

use askama::Template;
use http::StatusCode;
use secrecy::ExposeSecret;
use shared::code::ErrorCode;

use super::breakable::breakable_url;
use super::frame::Frame;
use super::moment::Moment;
use super::webhook::own_webhook;
use crate::admin_client::WebhookSecrets;
use crate::notice::PageNotice;
use crate::respond::{PageResult, page, see_other_with};
use crate::snippets::{SNIPPETS, Snippet};
use crate::visit::Confirmed;

#[derive(Template)]
#[template(path = "secret.html")]
struct SecretPage {
    frame: Frame,
    /// The URL, as HTML.
    url: String,
    secrets: WebhookSecrets,
    /// The time until which a secret before this one signs as well.
    previous_until: Option<Moment>,
}

/// `POST /webhook/secret`: shows the signing secret. The audit log notes that.
pub async fn show(Confirmed(submitted): Confirmed) -> PageResult {
    let (tenant, Some(webhook)) = own_webhook(&submitted).await? else {
        return Ok(see_other_with("/dashboard", PageNotice::NoWebhook));
    };
    let secrets = match submitted.admin().webhook_secrets(&tenant.org_id, webhook.id).await {
        Ok(secrets) => secrets,
        Err(fault) if fault.is(ErrorCode::WebhookNotFound) => {
            return Ok(see_other_with("/dashboard", PageNotice::NoWebhook));
        }
        Err(fault) => return Err(fault.into()),
    };
    let frame = Frame { notice: None, ..Frame::of("Signing secret", &submitted) };
    let last = secrets.previous.iter().map(|previous| previous.until).max();
    let previous_until = last.map(|until| Moment::new(until, submitted.visit.now));
    page(
        StatusCode::OK,
        None,
        &SecretPage { frame, url: breakable_url(&webhook.url), secrets, previous_until },
    )
}

impl SecretPage {
    fn snippets(&self) -> &'static [Snippet] {
        &SNIPPETS
    }
}
