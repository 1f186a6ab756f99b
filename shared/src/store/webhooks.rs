//! Webhooks' rows. Secrets and tokens are sealed before they come here.

use serde::Deserialize;

use super::columns::{HELD, LAST_DELIVERED_AT, RELEASED};
use super::of_tenant;
use crate::page::Page;
use crate::ports::{DatabaseError, Statement};
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::authentication::{Authentication, HeaderName};
use crate::webhook::filter::EventFilter;
use crate::webhook::id::WebhookId;
use crate::webhook::url::WebhookUrl;
use crate::webhook::{Webhook, WebhookStatus};

/// How a webhook's static token is stored.
#[derive(Clone, Debug)]
pub struct StoredAuthentication {
    /// The kind and the header.
    pub authentication: Authentication,
    /// The token, sealed; absent for kind `none`.
    pub sealed_token: Option<String>,
}

/// A webhook to store.
pub struct NewWebhook<'a> {
    /// A UUID.
    pub id: &'a WebhookId,
    /// Where to.
    pub url: &'a WebhookUrl,
    /// The event types that the webhook gets.
    pub events: &'a EventFilter,
    /// The signing secret, sealed.
    pub sealed_secret: &'a str,
    /// The static token.
    pub auth: &'a StoredAuthentication,
    /// When.
    pub at: Timestamp,
    /// How many the tenant may have, this one included.
    pub most: u32,
}

/// Stores a webhook for a registered tenant that may have one more; otherwise stores nothing.
pub fn insert(tenant: &TenantScope, new: &NewWebhook<'_>) -> Statement {
    let statement = of_tenant(tenant,
        "INSERT INTO webhooks (org_id, id, url, events, status, secret, created_at, updated_at, auth_type, auth_header, auth_token) \
         SELECT org_id, ?2, ?3, ?4, 'active', ?5, ?6, ?6, ?7, ?8, ?9 FROM tenants \
         WHERE org_id = ?1 AND closed_at IS NULL AND (SELECT COUNT(*) FROM webhooks WHERE org_id = ?1) < ?10",
    )
    .bind(new.id)
    .bind(new.url.as_str())
    .bind(new.events.to_stored())
    .bind(new.sealed_secret)
    .bind(new.at);
    bind_authentication(statement, Some(new.auth)).bind(new.most)
}

fn bind_authentication(statement: Statement, auth: Option<&StoredAuthentication>) -> Statement {
    let (kind, header) = match auth.map(|auth| &auth.authentication) {
        None => (None, None),
        Some(Authentication::None) => (Some("none"), None),
        Some(Authentication::ApiKeyHeader { header_name }) => {
            (Some("apiKeyHeader"), Some(header_name.as_str()))
        }
        Some(Authentication::BearerToken) => (Some("bearerToken"), None),
    };
    statement.bind(kind).bind(header).bind(auth.and_then(|auth| auth.sealed_token.clone()))
}

/// What changes; the rest stays.
#[derive(Default)]
pub struct WebhookChange<'a> {
    /// Another URL makes the webhook pending; the same one changes nothing.
    pub url: Option<&'a WebhookUrl>,
    /// Other event types.
    pub events: Option<&'a EventFilter>,
    /// Another signing secret, sealed, at once.
    pub sealed_secret: Option<&'a str>,
    /// Another static token.
    pub auth: Option<&'a StoredAuthentication>,
}

/// Changes a webhook. Where the URL changes, [`verify_if_changed`] goes first, in the same transaction.
pub fn update(tenant: &TenantScope, id: &WebhookId, change: &WebhookChange<'_>, at: Timestamp) -> Statement {
    let statement = of_tenant(
        tenant,
        "UPDATE webhooks SET url = COALESCE(?3, url), events = COALESCE(?4, events), \
         secret = COALESCE(?5, secret), updated_at = ?6, \
         auth_header = CASE WHEN ?7 IS NULL THEN auth_header ELSE ?8 END, \
         auth_token = CASE WHEN ?7 IS NULL THEN auth_token ELSE ?9 END, \
         auth_type = COALESCE(?7, auth_type) WHERE org_id = ?1 AND id = ?2",
    )
    .bind(id)
    .bind(change.url.map(WebhookUrl::as_str))
    .bind(change.events.map(EventFilter::to_stored))
    .bind(change.sealed_secret)
    .bind(at);
    bind_authentication(statement, change.auth)
}

/// Makes a webhook pending and due for a challenge, with a fresh start for its health; challenges under way are void.
fn begin_verification(condition: &str) -> String {
    format!(
        "UPDATE webhooks SET status = 'pending', url_revision = url_revision + 1, health_stamp = ?4, verifying_since = ?3, \
         verification_failures = 0, tend_at = ?3, consecutive_failures = 0, failing_since = NULL, failing_told = 0, strikes = 0, \
         release_pace = NULL, released_at = NULL, circuit_opened_at = NULL, probes_failed = 0, last_probe = NULL, \
         disabled_reason = NULL WHERE org_id = ?1 AND id = ?2 AND {condition}"
    )
}

/// Where this URL is another than the webhook's: what [`update`] is about to change it to makes it pending, and what was
/// said of the endpoint before no longer counts.
pub fn verify_if_changed(
    tenant: &TenantScope,
    id: &WebhookId,
    url: &WebhookUrl,
    at: Timestamp,
    stamp: i64,
) -> Statement {
    of_tenant(tenant, begin_verification("url <> ?5").replace(
        "disabled_reason = NULL",
        "disabled_reason = NULL, last_error_at = NULL, last_error_status = NULL, last_error_message = NULL",
    ))
    .bind(id)
    .bind(at)
    .bind(stamp)
    .bind(url.as_str())
}

/// Starts the verification anew, unless the webhook's circuit is open: then its probe is what an admin asks for
/// ([`super::tending::probe_now`]).
pub fn verify(tenant: &TenantScope, id: &WebhookId, at: Timestamp, stamp: i64) -> Statement {
    of_tenant(tenant, begin_verification("NOT (status = 'active' AND circuit_opened_at IS NOT NULL)"))
        .bind(id)
        .bind(at)
        .bind(stamp)
}

/// Starts the verification of a disabled webhook.
pub fn enable(tenant: &TenantScope, id: &WebhookId, at: Timestamp, stamp: i64) -> Statement {
    of_tenant(tenant, begin_verification("status = 'disabled'")).bind(id).bind(at).bind(stamp)
}

/// Deletes one. Its pending deliveries end at once, many of them in the cron run ([`super::tending::end_deleted`]).
pub fn delete(tenant: &TenantScope, id: &WebhookId, at: Timestamp) -> Vec<Statement> {
    let note = "INSERT INTO deleted_webhooks (sequence, id, org_id, deleted_at, tend_at) SELECT sequence, id, org_id, ?3, ?3 FROM webhooks WHERE org_id = ?1 AND id = ?2";
    let delete = of_tenant(tenant, "DELETE FROM webhooks WHERE org_id = ?1 AND id = ?2").bind(id);
    vec![of_tenant(tenant, note).bind(id).bind(at), delete]
}

/// Deletes all of a tenant's, as [`delete`] does one.
pub fn delete_all(tenant: &TenantScope, at: Timestamp) -> Vec<Statement> {
    let note = "INSERT INTO deleted_webhooks (sequence, id, org_id, deleted_at, tend_at) SELECT sequence, id, org_id, ?2, ?2 FROM webhooks WHERE org_id = ?1";
    let delete = of_tenant(tenant, "DELETE FROM webhooks WHERE org_id = ?1");
    vec![of_tenant(tenant, note).bind(at), delete]
}

/// The most held deliveries that are counted.
const MOST_COUNTED: u32 = 10_000;

/// While a webhook is healthy its row is not written: the delivery log's newest rows tell when an event last
/// arrived. Twenty rows at most are looked at, whatever the history.
fn columns() -> String {
    format!(
        "SELECT id, url, events, status, auth_type, auth_header, created_at, updated_at, verified_at, \
    MAX(COALESCE(last_delivered_at, 0), COALESCE(({LAST_DELIVERED_AT}), 0)) AS last_delivered_at, \
    last_error_at, last_error_status, last_error_message, consecutive_failures, disabled_reason, circuit_opened_at, \
    CASE WHEN circuit_opened_at IS NOT NULL THEN tend_at END AS next_probe_at, \
    (SELECT COUNT(*) FROM (SELECT 1 FROM deliveries d INDEXED BY deliveries_undelivered WHERE d.webhook = webhooks.sequence \
      AND d.stage <> 0 AND d.stage IN ({HELD}, {RELEASED}) LIMIT 10001)) AS held_count \
    FROM webhooks"
    )
}

/// One of the tenant's webhooks.
pub fn select(tenant: &TenantScope, id: &WebhookId) -> Statement {
    of_tenant(tenant, format!("{} WHERE org_id = ?1 AND id = ?2", columns())).bind(id)
}

/// One row where the tenant has this webhook: its status.
pub fn exists(tenant: &TenantScope, id: &WebhookId) -> Statement {
    of_tenant(tenant, "SELECT status FROM webhooks WHERE org_id = ?1 AND id = ?2").bind(id)
}

/// What [`exists`] finds.
#[derive(Deserialize)]
pub struct StatusRow {
    /// Whether events go out.
    pub status: WebhookStatus,
}

/// How many the tenant has.
pub fn count(tenant: &TenantScope) -> Statement {
    of_tenant(tenant, "SELECT COUNT(*) AS total FROM webhooks WHERE org_id = ?1")
}

/// A page of them, in the order of their creation.
pub fn page(tenant: &TenantScope, page: Page) -> Statement {
    of_tenant(tenant, format!("{} WHERE org_id = ?1 ORDER BY sequence LIMIT ?2 OFFSET ?3", columns()))
        .bind(page.limit)
        .bind(page.offset)
}

/// A webhook as lists show it.
#[derive(Deserialize)]
pub struct WebhookRow {
    id: WebhookId,
    url: String,
    events: String,
    status: WebhookStatus,
    auth_type: String,
    auth_header: Option<String>,
    created_at: i64,
    updated_at: i64,
    verified_at: Option<i64>,
    last_delivered_at: i64,
    last_error_at: Option<i64>,
    last_error_status: Option<u16>,
    last_error_message: Option<String>,
    consecutive_failures: u32,
    disabled_reason: Option<String>,
    circuit_opened_at: Option<i64>,
    next_probe_at: Option<i64>,
    held_count: u32,
}

impl TryFrom<WebhookRow> for Webhook {
    type Error = DatabaseError;

    fn try_from(row: WebhookRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            events: stored_filter(&row.events)?,
            auth: stored_authentication(&row.auth_type, row.auth_header.as_deref())?,
            id: row.id,
            url: row.url,
            status: row.status,
            created_at: Timestamp::from_milliseconds(row.created_at),
            updated_at: Timestamp::from_milliseconds(row.updated_at),
            verified_at: row.verified_at.map(Timestamp::from_milliseconds),
            last_delivered_at: Some(row.last_delivered_at)
                .filter(|milliseconds| *milliseconds > 0)
                .map(Timestamp::from_milliseconds),
            last_error_at: row.last_error_at.map(Timestamp::from_milliseconds),
            last_error_status: row.last_error_status,
            last_error_message: row.last_error_message,
            consecutive_failures: row.consecutive_failures,
            disabled_reason: row.disabled_reason,
            circuit_opened_at: row.circuit_opened_at.map(Timestamp::from_milliseconds),
            next_probe_at: row.next_probe_at.map(Timestamp::from_milliseconds),
            held_count: row.held_count.min(MOST_COUNTED),
            held_more: row.held_count > MOST_COUNTED,
        })
    }
}

/// Reads a filter back.
///
/// # Errors
/// Where the column holds none.
pub fn stored_filter(text: &str) -> Result<EventFilter, DatabaseError> {
    EventFilter::from_stored(text).map_err(|_| DatabaseError::Shape("events filter".into()))
}

/// Reads the authentication's kind back.
///
/// # Errors
/// Where the columns hold none.
pub fn stored_authentication(kind: &str, header: Option<&str>) -> Result<Authentication, DatabaseError> {
    let shape = || DatabaseError::Shape("authentication".into());
    match (kind, header) {
        ("none", _) => Ok(Authentication::None),
        ("bearerToken", _) => Ok(Authentication::BearerToken),
        ("apiKeyHeader", Some(name)) => {
            Ok(Authentication::ApiKeyHeader { header_name: HeaderName::parse(name).map_err(|_| shape())? })
        }
        _ => Err(shape()),
    }
}
