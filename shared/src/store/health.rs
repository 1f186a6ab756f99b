//! Webhooks' health, written: each new condition where the one it is based on is still there, and in the same batch
//! what people are to be told of it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::columns::LAST_DELIVERED_AT;
use crate::delivery::Attempt;
use crate::event::message::WebhookKey;
use crate::ports::Statement;
use crate::time::Timestamp;
use crate::webhook::WebhookStatus;
use crate::webhook::health::{Change, Condition, Health};
use crate::webhook::id::WebhookId;
use crate::webhook::target::Target;

/// A new condition of a webhook.
#[derive(Clone, Debug)]
pub struct NewCondition {
    /// The webhook.
    pub webhook: WebhookKey,
    /// The stamp of the condition that this one is based on.
    pub based_on: i64,
    /// The stamp of this one.
    pub stamp: i64,
    /// The condition.
    pub condition: Condition,
    /// When an event last arrived, if one did.
    pub delivered_at: Option<Timestamp>,
    /// The last attempt that failed, if one did.
    pub failed: Option<Attempt>,
    /// Whether the endpoint answered its challenge, and when.
    pub verified_at: Option<Timestamp>,
    /// What people are told, with an id and details.
    pub told: Option<NewNotice>,
}

impl NewCondition {
    /// The condition that follows the one of a webhook as it was read, without anything to be told or noted.
    pub fn of(target: &Target, condition: Condition, stamp: i64) -> Self {
        Self {
            webhook: target.key(),
            based_on: target.stamp,
            stamp,
            condition,
            delivered_at: None,
            failed: None,
            verified_at: None,
            told: None,
        }
    }
}

/// A notice to people of what changed about a webhook.
#[derive(Clone, Debug)]
pub struct NewNotice {
    /// Unique, for whoever dedupes.
    pub id: String,
    /// What changed.
    pub change: Change,
    /// `reason`, `eventType` and `lastError`, where they are known.
    pub details: Value,
    /// When.
    pub at: Timestamp,
}

/// Writes conditions, and gives back the ids of those that were written: of the others somebody else was faster. Twenty
/// of the log's rows are looked at, so that the time of the last delivery is kept when a webhook, whose row is never
/// written while it is well, begins to fail.
pub fn write(conditions: &[NewCondition]) -> Statement {
    Statement::new(format!(
        "UPDATE webhooks SET health_stamp = j.value ->> 'stamp', status = j.value ->> 'status', \
         consecutive_failures = j.value ->> 'failures', failing_since = j.value ->> 'failingSince', \
         failing_told = j.value ->> 'told', verifying_since = j.value ->> 'verifyingSince', \
         verification_failures = j.value ->> 'verificationFailures', strikes = j.value ->> 'strikes', \
         release_pace = j.value ->> 'releasePace', released_at = j.value ->> 'releasedAt', \
         circuit_opened_at = j.value ->> 'circuitOpenedAt', probes_failed = j.value ->> 'probesFailed', \
         last_probe = j.value ->> 'lastProbe', disabled_reason = j.value ->> 'disabledReason', \
         tend_at = j.value ->> 'tendAt', verified_at = COALESCE(j.value ->> 'verifiedAt', verified_at), \
         last_error_at = COALESCE(j.value ->> 'errorAt', last_error_at), \
         last_error_status = CASE WHEN j.value ->> 'errorAt' IS NULL THEN last_error_status ELSE j.value ->> 'errorStatus' END, \
         last_error_message = CASE WHEN j.value ->> 'errorAt' IS NULL THEN last_error_message ELSE j.value ->> 'errorMessage' END, \
         last_delivered_at = NULLIF(MAX(COALESCE(last_delivered_at, 0), COALESCE(j.value ->> 'deliveredAt', 0), \
           COALESCE(({LAST_DELIVERED_AT}), 0)), 0) \
         FROM json_each(?1) AS j WHERE webhooks.id = j.value ->> 'id' AND webhooks.health_stamp = j.value ->> 'basedOn' \
         RETURNING id"
    ))
    .bind(conditions.iter().map(parameter).collect::<Value>())
}

/// What [`write`] gives back.
#[derive(Deserialize)]
pub struct WrittenRow {
    /// The webhook.
    pub id: WebhookId,
}

/// Notes what people are to be told, of the conditions that [`write`] wrote just before in the same batch.
pub fn tell(conditions: &[NewCondition]) -> Option<Statement> {
    let told = conditions.iter().filter_map(|new| {
        let told = new.told.as_ref()?;
        Some(json!({
            "id": told.id, "webhookId": new.webhook.webhook_id, "stamp": new.stamp, "change": told.change.as_str(),
            "details": told.details.to_string(), "at": told.at.milliseconds(),
        }))
    });
    let told: Vec<Value> = told.collect();
    (!told.is_empty()).then(|| {
        Statement::new(
            "INSERT INTO notices (id, webhook_id, org_id, change, details, at) \
             SELECT j.value ->> 'id', w.id, w.org_id, j.value ->> 'change', j.value ->> 'details', j.value ->> 'at' \
             FROM json_each(?1) AS j CROSS JOIN webhooks w ON w.id = j.value ->> 'webhookId' \
             AND w.health_stamp = j.value ->> 'stamp'",
        )
        .bind(json!(told))
    })
}

fn parameter(new: &NewCondition) -> Value {
    let Condition { health, failures, failing_since, told, due } = &new.condition;
    let milliseconds = |time: Option<Timestamp>| time.map(Timestamp::milliseconds);
    let failed = new.failed.as_ref();
    let mut parameter = json!({
        "id": new.webhook.webhook_id, "basedOn": new.based_on, "stamp": new.stamp, "status": WebhookStatus::Active,
        "failures": failures, "failingSince": milliseconds(*failing_since), "told": u8::from(*told),
        "tendAt": milliseconds(*due), "deliveredAt": milliseconds(new.delivered_at),
        "verifiedAt": milliseconds(new.verified_at),
        "errorAt": failed.map(|attempt| attempt.ended_at().milliseconds()),
        "errorStatus": failed.and_then(|attempt| attempt.status),
        "errorMessage": failed.and_then(|attempt| attempt.error.as_deref()),
        "verificationFailures": 0, "strikes": 0, "probesFailed": 0,
    });
    match health {
        Health::Verifying { since, failures } => {
            parameter["status"] = json!(WebhookStatus::Pending);
            parameter["verifyingSince"] = json!(since.milliseconds());
            parameter["verificationFailures"] = json!(failures);
        }
        Health::Well { strikes, release } => {
            parameter["strikes"] = json!(strikes);
            if let Some(release) = release {
                parameter["releasePace"] = json!(release.pace);
                parameter["releasedAt"] = json!(release.at.milliseconds());
            }
        }
        Health::CircuitOpen { since, failed_probes, last_probe } => {
            parameter["circuitOpenedAt"] = json!(since.milliseconds());
            parameter["probesFailed"] = json!(failed_probes);
            parameter["lastProbe"] = json!(last_probe);
        }
        Health::Disabled { reason } => {
            parameter["status"] = json!(WebhookStatus::Disabled);
            parameter["disabledReason"] = json!(reason);
        }
    }
    parameter
}
