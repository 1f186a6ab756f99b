-- A webhook is tended when something of it is due: a challenge while it is pending, a probe while its circuit is
-- open, the release of held deliveries once it is well, their end once it is disabled.
ALTER TABLE webhooks ADD COLUMN tend_at INTEGER;
ALTER TABLE webhooks ADD COLUMN tend_leased_until INTEGER;
-- The verification under way: when it began, and challenges failed since.
ALTER TABLE webhooks ADD COLUMN verifying_since INTEGER;
ALTER TABLE webhooks ADD COLUMN verification_failures INTEGER NOT NULL DEFAULT 0;
-- The first failure since the last success: five days of nothing else disable the webhook.
ALTER TABLE webhooks ADD COLUMN failing_since INTEGER;
ALTER TABLE webhooks ADD COLUMN disabled_reason TEXT;
ALTER TABLE webhooks ADD COLUMN circuit_opened_at INTEGER;
ALTER TABLE webhooks ADD COLUMN probes_failed INTEGER NOT NULL DEFAULT 0;
-- Failures in a row without a definite answer: time-outs, refused connections, 5xx and the like.
ALTER TABLE webhooks ADD COLUMN strikes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX webhooks_to_tend ON webhooks (tend_at) WHERE tend_at IS NOT NULL;
-- Worst first: a disabled webhook, one that waits for its verification, an open circuit, failures.
CREATE INDEX webhooks_in_trouble ON webhooks (
  (CASE WHEN status = 'disabled' THEN 1 WHEN status = 'pending' THEN 2 WHEN circuit_opened_at IS NOT NULL THEN 3 ELSE 4 END),
  sequence
) WHERE status <> 'active' OR consecutive_failures > 0;

-- A held delivery waits for its webhook, at no cost, until it is released or its retry window ends.
ALTER TABLE deliveries ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deliveries_pending ON deliveries (webhook_id, created_at, event_id) WHERE state = 'pending';

-- Messages that no consumer could handle.
CREATE TABLE dead_letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  body TEXT NOT NULL,
  reason TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  requeued_at INTEGER
) STRICT;

-- How far the cron run's slow rounds have come.
CREATE TABLE rounds (
  name TEXT PRIMARY KEY,
  position TEXT NOT NULL
) STRICT, WITHOUT ROWID;
