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
CREATE INDEX tenants_by_owner ON tenants (owner_email, sequence) WHERE closed_at IS NULL;

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
  -- Counts the URL's changes: the result of a challenge to an older URL is void.
  url_revision INTEGER NOT NULL DEFAULT 1,
  -- A JSON array of event types, or ["*"].
  events TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'pending', 'disabled')),
  -- Sealed with WEBHOOK_SECRETS_KEY.
  secret TEXT NOT NULL,
  previous_secret TEXT,
  previous_secret_until INTEGER,
  auth_type TEXT NOT NULL CHECK (auth_type IN ('none', 'apiKeyHeader', 'bearerToken')),
  auth_header TEXT,
  auth_token TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  verified_at INTEGER,
  -- Written when a webhook's health changes; while it is healthy the delivery log tells.
  last_delivered_at INTEGER,
  last_error_at INTEGER,
  last_error_status INTEGER,
  last_error_message TEXT,
  consecutive_failures INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX webhooks_by_tenant ON webhooks (org_id, sequence);

-- One row per event and webhook that matched, written when its first attempt has ended. No row id: together with
-- the log's index a healthy delivery writes exactly two rows.
CREATE TABLE deliveries (
  webhook_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  org_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed', 'dead')),
  created_at INTEGER NOT NULL,
  -- The first attempt, or the redelivery that began the tries anew: the retry window counts from here.
  tries_since INTEGER NOT NULL,
  -- Failures since then; the schedule follows from it.
  failures INTEGER NOT NULL,
  next_attempt_at INTEGER,
  -- Until then one consumer has it; another leaves it alone.
  leased_until INTEGER,
  ended_at INTEGER,
  reason TEXT,
  -- A JSON array of every attempt.
  attempts TEXT NOT NULL,
  -- The envelope, as long as it may be sent again.
  body TEXT,
  PRIMARY KEY (webhook_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_newest ON deliveries (webhook_id, created_at, event_id);
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE state = 'pending';

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
