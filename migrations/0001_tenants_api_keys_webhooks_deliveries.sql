-- Times are whole milliseconds since 1970-01-01T00:00:00Z.

-- A closed tenant keeps its row, so that its organization ID stays taken.
CREATE TABLE tenants (
  sequence INTEGER PRIMARY KEY,
  org_id TEXT NOT NULL UNIQUE,
  org_name TEXT NOT NULL,
  owner_email TEXT NOT NULL COLLATE NOCASE,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  closed_at INTEGER
) STRICT;

-- The people who may sign in for a registered tenant: its owner and those who were added.
CREATE TABLE members (
  org_id TEXT NOT NULL,
  email TEXT NOT NULL COLLATE NOCASE,
  added_at INTEGER NOT NULL,
  added_by TEXT NOT NULL,
  -- As the tenant has it: a person's tenants are listed in the order of their registration.
  tenant_created_at INTEGER NOT NULL,
  PRIMARY KEY (org_id, email)
) STRICT, WITHOUT ROWID;
CREATE INDEX members_by_email ON members (email, tenant_created_at, org_id);

-- revoked_at may lie ahead: the key is retiring, and works until then.
CREATE TABLE api_keys (
  sequence INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  org_id TEXT NOT NULL,
  org_name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  suffix TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT;
CREATE INDEX api_keys_by_tenant ON api_keys (org_id, sequence);
-- At most one active key per tenant, whoever races whom.
CREATE UNIQUE INDEX api_keys_one_active ON api_keys (org_id) WHERE revoked_at IS NULL;

CREATE TABLE webhooks (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  org_id TEXT NOT NULL,
  url TEXT NOT NULL,
  -- Counts the URL's changes: what an older endpoint answers is void.
  url_revision INTEGER NOT NULL DEFAULT 1,
  -- A JSON array of event types, or ["*"].
  events TEXT NOT NULL,
  -- Sealed with WEBHOOK_SECRETS_KEY.
  secret TEXT NOT NULL,
  -- A JSON array of {secret (sealed), until}: earlier secrets, each of which signs as well until then.
  previous_secrets TEXT NOT NULL DEFAULT '[]',
  auth_type TEXT NOT NULL CHECK (auth_type IN ('none', 'apiKeyHeader', 'bearerToken')),
  auth_header TEXT,
  auth_token TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  verified_at INTEGER,
  -- Written when a webhook's health changes; while it is well the delivery log tells.
  last_delivered_at INTEGER,
  last_error_at INTEGER,
  last_error_status INTEGER,
  last_error_message TEXT,

  -- Its health (shared/src/webhook/health.rs). A pending webhook is being verified; an active one is well, or its
  -- circuit is open. Each writer sets a stamp of its own, and writes only where the stamp is the one that it read.
  status TEXT NOT NULL CHECK (status IN ('active', 'pending', 'disabled')),
  health_stamp INTEGER NOT NULL DEFAULT 0,
  consecutive_failures INTEGER NOT NULL DEFAULT 0,
  failing_since INTEGER,
  failing_told INTEGER NOT NULL DEFAULT 0,
  -- Being verified: since when, and challenges failed.
  verifying_since INTEGER,
  verification_failures INTEGER NOT NULL DEFAULT 0,
  -- Well: attempts in a row without an answer, and the pace of the release of what waited.
  strikes INTEGER NOT NULL DEFAULT 0,
  release_pace INTEGER,
  released_at INTEGER,
  -- Circuit open: since when, probes failed, and the event of the last probe.
  circuit_opened_at INTEGER,
  probes_failed INTEGER NOT NULL DEFAULT 0,
  last_probe TEXT,
  disabled_reason TEXT,
  -- When something of the webhook itself is due: a challenge, a probe, a release, the end of what is pending.
  tend_at INTEGER
) STRICT;
CREATE INDEX webhooks_by_tenant ON webhooks (org_id, sequence);
CREATE INDEX webhooks_to_tend ON webhooks (tend_at) WHERE tend_at IS NOT NULL;
-- Worst first: a disabled webhook, one that waits for its verification, an open circuit, failures.
CREATE INDEX webhooks_in_trouble ON webhooks (
  (CASE WHEN status = 'disabled' THEN 1 WHEN status = 'pending' THEN 2 WHEN circuit_opened_at IS NOT NULL THEN 3 ELSE 4 END),
  sequence
) WHERE status <> 'active' OR consecutive_failures > 0;

-- Open circuits that nobody was told of yet.
CREATE INDEX webhooks_failing ON webhooks (circuit_opened_at) WHERE circuit_opened_at IS NOT NULL AND failing_told = 0;

-- Deleted webhooks of which deliveries may still be pending.
CREATE TABLE deleted_webhooks (
  id TEXT PRIMARY KEY,
  deleted_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row per event and webhook that matched, written when its first attempt has ended. No row id: together with
-- the log's index a healthy delivery writes exactly two rows.
CREATE TABLE deliveries (
  webhook_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  -- The first three are what the API calls pending.
  stage TEXT NOT NULL CHECK (stage IN ('scheduled', 'held', 'released', 'delivered', 'failed', 'dead')),
  created_at INTEGER NOT NULL,
  -- The first attempt, or the redelivery that began the tries anew: the retry window counts from here.
  tries_since INTEGER NOT NULL,
  -- Failures since then; the schedule follows from the count.
  failures INTEGER NOT NULL,
  -- While pending: when it is due; of a held one, when its window ends.
  next_attempt_at INTEGER,
  -- Until then one consumer has it; another leaves it alone.
  leased_until INTEGER,
  ended_at INTEGER,
  reason TEXT,
  -- A JSON array of every attempt.
  attempts TEXT NOT NULL,
  PRIMARY KEY (webhook_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_newest ON deliveries (webhook_id, created_at, event_id);
-- Nothing that goes well is ever in the next two: they cost a healthy delivery no row.
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_undelivered ON deliveries (webhook_id, stage, created_at, event_id) WHERE stage <> 'delivered';

-- Envelopes of events that were not delivered at the first attempt: once per event, however many webhooks wait for it.
-- With a row id, because rows without one spill to a page of their own above 1 KB.
CREATE TABLE bodies (
  sequence INTEGER PRIMARY KEY,
  org_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  kept_since INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (org_id, event_id)
) STRICT;

-- The audit log. Versions count per tenant and aggregate.
CREATE TABLE transitions (
  sequence INTEGER PRIMARY KEY,
  org_id TEXT NOT NULL,
  aggregate TEXT NOT NULL CHECK (aggregate IN ('tenant', 'apiKey', 'webhooks')),
  version INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  via TEXT,
  details TEXT NOT NULL,
  UNIQUE (org_id, aggregate, version)
) STRICT;
CREATE INDEX transitions_by_tenant ON transitions (org_id, sequence);

-- Messages that no consumer could handle. One that comes twice before it was requeued is kept once.
CREATE TABLE dead_letters (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  queue TEXT NOT NULL,
  digest TEXT NOT NULL,
  body TEXT NOT NULL,
  -- The envelope that the message's body only points to.
  envelope TEXT,
  reason TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  requeued_at INTEGER,
  -- When it is deleted.
  ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX dead_letters_by_end ON dead_letters (ends_at);
CREATE UNIQUE INDEX dead_letters_waiting ON dead_letters (digest) WHERE requeued_at IS NULL;

-- What people are to be told of webhooks and of tenants, written together with what it tells of; the consumer that told them
-- deletes it.
CREATE TABLE notices (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  -- Null where the tenant itself changed.
  webhook_id TEXT,
  org_id TEXT NOT NULL,
  change TEXT NOT NULL,
  details TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT;

-- Redeliveries of ranges that were too long for the request that asked for them.
CREATE TABLE redeliveries (
  sequence INTEGER PRIMARY KEY,
  org_id TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  stages TEXT NOT NULL
) STRICT;

-- How far the cron run's slow rounds have come.
CREATE TABLE rounds (
  name TEXT PRIMARY KEY,
  position TEXT NOT NULL
) STRICT, WITHOUT ROWID;
