//! What is due of a webhook itself: challenges, probes, releases. `tend_at` says when; a lease keeps two consumers from
//! doing it at once.

use serde::Deserialize;
use serde_json::json;

use super::deliveries::LEASED_COLUMNS;
use super::webhook_targets::COLUMNS;
use crate::ports::Statement;
use crate::time::Timestamp;

/// Deliveries released or ended at a time.
pub const SLICE: u32 = 500;

/// Takes webhooks of which something is due, until `until`, and gives them back.
pub fn lease(ids: &[&str], now: Timestamp, due: Timestamp, until: Timestamp) -> Statement {
    Statement::new(format!(
        "UPDATE webhooks SET tend_leased_until = ?4 WHERE id IN (SELECT value FROM json_each(?1)) \
         AND tend_at <= ?3 AND COALESCE(tend_leased_until, 0) <= ?2 RETURNING {COLUMNS}"
    ))
    .bind(json!(ids))
    .bind(now)
    .bind(due)
    .bind(until)
}

/// Lets go of a lease that is still ours, and says when the webhook is due next, if anything of it is. A webhook whose
/// URL changed meanwhile is due already, and stays so.
pub fn settle(id: &str, url_revision: u32, leased_until: Timestamp, next: Option<Timestamp>) -> Statement {
    Statement::new(
        "UPDATE webhooks SET tend_leased_until = NULL, tend_at = CASE WHEN url_revision = ?3 THEN ?4 ELSE tend_at END \
         WHERE id = ?1 AND tend_leased_until = ?2",
    )
    .bind(id)
    .bind(leased_until)
    .bind(url_revision)
    .bind(next)
}

/// A challenge was answered: the webhook is active, and what was held is due for release. Void where the URL has
/// changed since.
pub fn verified(id: &str, url_revision: u32, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET status = 'active', verified_at = ?3, verifying_since = NULL, verification_failures = 0, \
         consecutive_failures = 0, strikes = 0, failing_since = NULL, circuit_opened_at = NULL, probes_failed = 0, \
         disabled_reason = NULL, tend_at = ?3, tend_leased_until = NULL \
         WHERE id = ?1 AND url_revision = ?2 AND status = 'pending' RETURNING id",
    )
    .bind(id)
    .bind(url_revision)
    .bind(now)
}

/// What went wrong with a challenge.
pub struct ChallengeFault<'a> {
    /// When.
    pub at: Timestamp,
    /// The HTTP status, if the endpoint answered.
    pub status: Option<u16>,
    /// In a few words.
    pub message: &'a str,
}

/// A challenge failed: the error is shown, and the next challenge is due at `next`, if there is to be one.
pub fn challenge_failed(
    id: &str,
    url_revision: u32,
    fault: &ChallengeFault<'_>,
    next: Option<Timestamp>,
) -> Statement {
    Statement::new(
        "UPDATE webhooks SET verification_failures = verification_failures + 1, last_error_at = ?3, \
         last_error_status = ?4, last_error_message = ?5, tend_at = ?6, tend_leased_until = NULL \
         WHERE id = ?1 AND url_revision = ?2 AND status = 'pending'",
    )
    .bind(id)
    .bind(url_revision)
    .bind(fault.at)
    .bind(fault.status)
    .bind(fault.message)
    .bind(next)
}

/// A probe failed: the next is due at `next`.
pub fn probe_failed(id: &str, next: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET probes_failed = probes_failed + 1, tend_at = ?2, tend_leased_until = NULL \
         WHERE id = ?1 AND status = 'active' AND circuit_opened_at IS NOT NULL",
    )
    .bind(id)
    .bind(next)
}

/// Nothing is left to probe with: the next event is let through, and one more failure opens the circuit again.
pub fn half_open(id: &str, leased_until: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET circuit_opened_at = NULL, tend_at = NULL, tend_leased_until = NULL \
         WHERE id = ?1 AND tend_leased_until = ?2 \
         AND NOT EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = ?1 AND state = 'pending')",
    )
    .bind(id)
    .bind(leased_until)
}

/// The oldest pending delivery of a webhook that waits for it or is due, leased: a probe. One that has a date yet keeps
/// it, for the endpoint may have asked for that much time.
pub fn lease_oldest(id: &str, now: Timestamp, until: Timestamp) -> Statement {
    Statement::new(format!(
        "UPDATE deliveries SET leased_until = ?3 WHERE (webhook_id, event_id) IN \
         (SELECT webhook_id, event_id FROM deliveries WHERE webhook_id = ?1 AND state = 'pending' \
          AND (held = 1 OR next_attempt_at <= ?2) ORDER BY created_at, event_id LIMIT 1) \
         AND COALESCE(leased_until, 0) <= ?2 RETURNING {LEASED_COLUMNS}"
    ))
    .bind(id)
    .bind(now)
    .bind(until)
}

/// Makes a slice of the held deliveries due now, and gives back their keys, if the webhook takes deliveries still. In
/// one transaction with [`after_slice`].
pub fn release(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE deliveries SET held = 0, next_attempt_at = ?2 WHERE (webhook_id, event_id) IN \
         (SELECT webhook_id, event_id FROM deliveries WHERE webhook_id = ?1 AND state = 'pending' AND held = 1 \
          ORDER BY created_at, event_id LIMIT ?3) \
         AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND status = 'active' AND circuit_opened_at IS NULL) \
         RETURNING org_id, webhook_id, event_id",
    )
    .bind(id)
    .bind(now)
    .bind(SLICE)
}

/// Ends a slice of a webhook's pending deliveries, if it is disabled still; they can be redelivered. One whose request
/// is on its way is left to its consumer.
pub fn bury(id: &str, now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE deliveries SET state = 'dead', reason = 'webhook disabled', ended_at = ?2, next_attempt_at = NULL, \
         leased_until = NULL, held = 0 WHERE (webhook_id, event_id) IN \
         (SELECT webhook_id, event_id FROM deliveries WHERE webhook_id = ?1 AND state = 'pending' \
          AND COALESCE(leased_until, 0) <= ?2 ORDER BY created_at, event_id LIMIT ?3) \
         AND EXISTS (SELECT 1 FROM webhooks WHERE id = ?1 AND status = 'disabled') RETURNING event_id",
    )
    .bind(id)
    .bind(now)
    .bind(SLICE)
}

/// After a slice: due again where more is left, otherwise not at all. Written with the slice, so that a delivery held
/// at the same moment is seen by one of the two. A webhook whose circuit opened meanwhile is due for its probe, and
/// stays so.
pub fn after_slice(id: &str, leased_until: Timestamp, again: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET tend_leased_until = NULL, tend_at = CASE WHEN circuit_opened_at IS NOT NULL THEN tend_at \
         WHEN EXISTS (SELECT 1 FROM deliveries WHERE webhook_id = ?1 AND state = 'pending' AND (held = 1 OR webhooks.status = 'disabled')) THEN ?3 END \
         WHERE id = ?1 AND tend_leased_until = ?2 RETURNING tend_at",
    )
    .bind(id)
    .bind(leased_until)
    .bind(again)
}

/// What [`after_slice`] gives back.
#[derive(Deserialize)]
pub struct AgainRow {
    /// When the next slice is due.
    pub tend_at: Option<i64>,
}

/// After deliveries were held for these webhooks: one that has opened, or was disabled, meanwhile is due.
pub fn tend_if_not_holding(ids: &[&str], now: Timestamp) -> Statement {
    Statement::new(
        "UPDATE webhooks SET tend_at = COALESCE(tend_at, ?2) WHERE id IN (SELECT value FROM json_each(?1)) \
         AND (status = 'disabled' OR (status = 'active' AND circuit_opened_at IS NULL))",
    )
    .bind(json!(ids))
    .bind(now)
}

/// Webhooks that have been due since before `before` and that nobody has: their message was lost.
pub fn overdue(before: Timestamp, now: Timestamp, limit: u32) -> Statement {
    Statement::new(
        "SELECT org_id, id AS webhook_id FROM webhooks WHERE tend_at IS NOT NULL AND tend_at <= ?1 \
         AND COALESCE(tend_leased_until, 0) <= ?2 ORDER BY tend_at LIMIT ?3",
    )
    .bind(before)
    .bind(now)
    .bind(limit)
}
