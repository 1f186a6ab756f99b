//! The organization's audit log: who did what, and when.

use askama::Template;
use axum::extract::RawQuery;
use edge::form::fields;
use http::StatusCode;
use serde_json::Value;
use shared::civil::Civil;
use shared::tenant::Tenant;
use shared::time::Timestamp;

use super::frame::Frame;
use super::moment::Moment;
use super::selection::select;
use crate::admin_client::{AdminFault, TransitionEntry};
use crate::paths::with_query;
use crate::respond::{PageResult, page};
use crate::visit::SignedIn;

/// The entries on a page.
const PER_PAGE: u32 = 50;

#[derive(Template)]
#[template(path = "activity.html")]
struct ActivityPage {
    frame: Frame,
    tenant: Tenant,
    entries: Vec<Entry>,
    is_first_page: bool,
    older: Option<String>,
}

struct Entry {
    at: Moment,
    actor: String,
    is_here: bool,
    what: String,
    detail: Option<String>,
}

/// `GET /activity`
pub async fn show(signed_in: SignedIn, RawQuery(query): RawQuery) -> PageResult {
    let query = fields(query.as_deref().unwrap_or_default())?;
    let cursor = query.get("cursor").map(String::as_str);
    let admin = signed_in.admin();
    let tenant = select(&signed_in, &admin.tenants().await?).await?;
    let listed = match admin.transitions(&tenant.org_id, PER_PAGE, cursor).await {
        // The cursor is none of ours: begin at the newest.
        Err(AdminFault::Refused(refusal)) if refusal.fields.contains_key("cursor") => {
            admin.transitions(&tenant.org_id, PER_PAGE, None).await
        }
        listed => listed,
    }?;
    let now = signed_in.visit.now;
    let entries = listed.transitions.into_iter().map(|entry| Entry {
        at: Moment::new(entry.at, now),
        is_here: entry.via.as_deref() == Some("partner-portal"),
        what: what(&entry),
        detail: detail(&entry.details),
        actor: entry.actor,
    });
    let shown = ActivityPage {
        frame: Frame::of("Activity", &signed_in),
        tenant,
        entries: entries.collect(),
        is_first_page: cursor.is_none(),
        older: listed.next_cursor.map(|cursor| with_query("/activity", &[("cursor", &cursor)])),
    };
    page(StatusCode::OK, shown.frame.notice, &shown)
}

/// Says what happened.
fn what(entry: &TransitionEntry) -> String {
    let said = match entry.kind.as_str() {
        "TenantRegistered" => "Registered the organization",
        "TenantChanged" => "Changed the organization",
        "TenantClosed" => "Closed the organization",
        "MemberAdded" => "Added a person",
        "MemberRemoved" => "Removed a person",
        "ApiKeyIssued" => "Issued an API key",
        "ApiKeyRotated" => "Rotated the API key",
        "ApiKeyRevoked" => "Revoked the API key",
        "WebhookCreated" => "Set the webhook URL",
        "WebhookUrlChanged" => "Changed the webhook URL",
        "WebhookChanged" => "Changed the webhook",
        "WebhookSecretRotated" => "Rotated the signing secret",
        "WebhookSecretRevealed" => "Showed the signing secret",
        "WebhookVerificationRequested" => "Asked us to try the endpoint",
        "WebhookEnabled" => "Enabled the webhook",
        "WebhookDeleted" => "Deleted the webhook",
        other => other,
    };
    said.to_owned()
}

/// The details that mean something to a person, in the order in which the page shows them.
const DETAILS: [(&str, &str); 6] = [
    ("url", ""),
    ("email", ""),
    ("orgName", "name: "),
    ("ownerEmail", "owner: "),
    ("prefix", "begins with "),
    ("expiresAt", "expires "),
];

fn detail(details: &Value) -> Option<String> {
    let said = DETAILS.iter().filter_map(|(name, before)| {
        let text = details.get(name).and_then(Value::as_str)?;
        let time = text.parse::<Timestamp>().ok().filter(|_| *name == "expiresAt");
        Some(match time {
            Some(time) => format!("{before}{}", Civil::from(time).in_words()),
            None => format!("{before}{text}"),
        })
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| said.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_are_told_in_words_and_ids_are_left_out() {
        assert_eq!(detail(&json!({"webhookId": "x"})), None);
        let key = json!({"prefix": "3f9a1b2c", "expiresAt": "2026-04-02T10:00:00.000Z"});
        assert_eq!(detail(&key).as_deref(), Some("begins with 3f9a1b2c, expires 2 Apr 2026, 10:00:00 UTC"));
        let webhook = json!({"webhookId": "x", "url": "https://example.com/", "auth": {"type": "none"}});
        assert_eq!(detail(&webhook).as_deref(), Some("https://example.com/"));
    }
}
