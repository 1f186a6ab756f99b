//! Use cases, one file each: what the Admin API, the portal and the delivery Worker do, on top of the ports.

pub mod api_keys;
pub mod authenticate_partner;
pub mod change_webhook;
pub mod create_webhook;
pub mod dashboard;
pub mod dead_letters;
pub mod deliveries;
pub mod delivery_summary;
pub mod idempotency;
pub mod issue_api_key;
pub mod members;
mod merging;
pub mod redeliver_range;
pub mod register_tenant;
pub mod revoke_api_key;
pub mod rotate_api_key;
pub mod signing_secret;
pub mod tenants;
pub mod test_webhook;
pub mod verify_webhook;
pub mod webhook_authentication;
pub mod webhook_health;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use idempotency::RepeatableRequest;
use serde::Serialize;

use crate::error::Error;
use crate::event::message::{RetryMessage, WebhookKey};
use crate::ports::{Batch, Clock, Compressor, Database, Queue, QueuedMessage, Random, Statement};
use crate::sealer::Sealer;
use crate::store::transitions::VersionRow;
use crate::tenant::OrgId;
use crate::tenant_scope::TenantScope;
use crate::time::Timestamp;
use crate::webhook::health::stamp;
use crate::webhook::id::WebhookId;
use crate::webhook::url::UrlRules;

/// From a change to its challenge: whoever changes a URL often brings up the endpoint in the same breath.
const BEFORE_CHALLENGE: Duration = Duration::from_secs(2);

/// What the use cases of the Admin API work with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Tenants, keys, webhooks, deliveries.
    pub database: Arc<dyn Database>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub random: Arc<dyn Random>,
    /// Seals webhook secrets and tokens.
    pub sealer: Sealer,
    /// Unpacks envelopes that the database keeps.
    pub compressor: Arc<dyn Compressor>,
    /// Wakes the delivery Worker for what became due.
    pub retries: Arc<dyn Queue>,
    /// Takes dead letters back that were fresh events.
    pub events: Arc<dyn Queue>,
    /// Which webhook URLs this environment allows.
    pub url_rules: UrlRules,
    /// How long a redelivered event is tried.
    pub retry_window: Duration,
    /// The request that is answered, where its caller may repeat it.
    pub repeatable: Option<RepeatableRequest>,
}

impl App {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0_u8; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A stamp for a webhook's condition: no other writer has the same.
    fn fresh_stamp(&self) -> i64 {
        stamp(u64::from_le_bytes(self.random_bytes()))
    }

    /// Wakes the delivery Worker for these. The database has the schedule: should the queue refuse, the sweep does it.
    async fn wake(&self, message: RetryMessage, delay: Duration) {
        let message = QueuedMessage { body: message.encode(), delay };
        // Refused: the sweep finds what is due.
        let _ = self.retries.send(vec![message]).await;
    }

    async fn wake_webhook(&self, tenant: &TenantScope, id: &WebhookId) {
        let webhook = WebhookKey::new(tenant.org_id(), id);
        self.wake(RetryMessage::Tend(webhook), BEFORE_CHALLENGE).await;
    }

    async fn run(&self, statements: Vec<Statement>) -> Result<Batch, Error> {
        Ok(self.database.batch(statements).await?)
    }
}

/// A change was written, and this is the version it made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transitioned {
    /// The tenant.
    pub org_id: OrgId,
    /// Counts the transitions of the changed aggregate.
    pub version: u32,
}

impl Transitioned {
    /// Reads the version from the appended transition; `absent` where its guard did not hold.
    fn read(batch: &mut Batch, index: usize, tenant: &TenantScope, absent: Error) -> Result<Self, Error> {
        match batch.first::<VersionRow>(index)? {
            Some(row) => Ok(Self { org_id: tenant.org_id().clone(), version: row.version }),
            None => Err(absent),
        }
    }
}

/// A stretch of a list, and how long the whole list is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// The entries, in the order of their creation.
    pub entries: Vec<T>,
    /// Entries in the whole list.
    pub total: u32,
}
