-- Times are whole milliseconds since 1970-01-01T00:00:00Z.

-- Which shard this database is: number `number` of `shards` (shared/src/shard.rs). Every batch of a Worker asks.
CREATE TABLE shard (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  number INTEGER NOT NULL,
  shards INTEGER NOT NULL,
  -- 1 while shards are being split: nothing is read or written.
  splitting INTEGER NOT NULL DEFAULT 0 CHECK (splitting IN (0, 1)),
  -- Registered tenants that are not closed.
  tenants INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO shard (only, number, shards) VALUES (1, 0, 1);

-- A closed tenant keeps its row, so that its organization ID stays taken.
CREATE TABLE tenants (
  sequence INTEGER PRIMARY KEY,
  org_id TEXT NOT NULL UNIQUE,
  org_name TEXT NOT NULL COLLATE NOCASE,
  owner_email TEXT NOT NULL COLLATE NOCASE,
  created_at INTEGER NOT NULL,
  created_by TEXT NOT NULL,
  closed_at INTEGER,
  -- The first byte of the SHA-256 of org_id: decides the shard.
  bucket INTEGER NOT NULL DEFAULT 0,
  -- How many webhooks the tenant has: kept by what creates and deletes them.
  webhook_count INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX tenants_by_creation ON tenants (created_at, org_id) WHERE closed_at IS NULL;
CREATE INDEX tenants_by_name ON tenants (org_name, org_id) WHERE closed_at IS NULL;

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
CREATE INDEX api_keys_expiring ON api_keys (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
-- At most one active key per tenant, whoever races whom.
CREATE UNIQUE INDEX api_keys_one_active ON api_keys (org_id) WHERE revoked_at IS NULL;

CREATE TABLE webhooks (
  -- What deliveries know the webhook by. AUTOINCREMENT: a number used again would mix tenants.
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
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
  created_at, id
) WHERE status <> 'active' OR consecutive_failures > 0;

-- Open circuits that nobody was told of yet.
CREATE INDEX webhooks_failing ON webhooks (failing_told, circuit_opened_at) WHERE circuit_opened_at IS NOT NULL;

-- Webhooks deleted lately: their pending deliveries end, those too that a consumer writes a little later.
CREATE TABLE deleted_webhooks (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  org_id TEXT NOT NULL,
  deleted_at INTEGER NOT NULL,
  -- When pending deliveries are looked for.
  tend_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deleted_webhooks_to_tend ON deleted_webhooks (tend_at);
CREATE INDEX deleted_webhooks_by_tenant ON deleted_webhooks (org_id, sequence);

-- The names of event types, once each: deliveries have the number.
CREATE TABLE event_types (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- One row per event and webhook that matched, written when its first attempt has ended. Narrow, and without a row id:
-- together with the index by event a healthy delivery writes two rows, and takes 90 bytes. A webhook's rows stand in the
-- order of its log, so that a batch appends to them, and a page of the log, an hour's sum and a day's deletion read
-- neighbours. The view delivery_log shows rows to people.
CREATE TABLE deliveries (
  -- webhooks.sequence
  webhook INTEGER NOT NULL,
  -- The event's id: a UUID as its 16 bytes, anything else as text.
  event ANY NOT NULL,
  -- event_types.number
  event_type INTEGER NOT NULL,
  -- 0 delivered; pending: 1 scheduled, 2 held, 3 released; 4 failed, 5 dead (shared/src/delivery/standing.rs).
  stage INTEGER NOT NULL CHECK (stage BETWEEN 0 AND 5),
  created_at INTEGER NOT NULL,
  -- The one attempt of a delivery that went well at once: how long after created_at it began, its status, and how long it
  -- took.
  waited INTEGER,
  status INTEGER,
  milliseconds INTEGER,
  -- While pending: when it is due; of a held one, when its window ends.
  next_attempt_at INTEGER,
  -- Until then one consumer has it; another leaves it alone.
  leased_until INTEGER,
  -- Failures since the tries began; the schedule follows from the count.
  failures INTEGER,
  -- Of a delivery that did not go well at once, a JSON object: triesSince (the redelivery that began the tries anew: the
  -- retry window counts from there, else from created_at), endedAt, reason, and attempts: [at, status, milliseconds, error,
  -- excerpt] each.
  history TEXT,
  PRIMARY KEY (webhook, created_at, event)
) STRICT, WITHOUT ROWID;
-- An event makes one delivery of a webhook's. The event comes first: the deliveries of one event lie side by side.
CREATE UNIQUE INDEX deliveries_by_event ON deliveries (event, webhook);
-- Nothing that goes well is ever in the next two: they cost a healthy delivery no row.
CREATE INDEX deliveries_due ON deliveries (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_undelivered ON deliveries (webhook, stage, created_at, event) WHERE stage <> 0;

-- Deliveries as people read them.
CREATE VIEW delivery_log AS SELECT
  w.org_id, w.id AS webhook_id,
  CASE typeof(d.event) WHEN 'blob' THEN lower(
    substr(hex(d.event), 1, 8) || '-' || substr(hex(d.event), 9, 4) || '-' || substr(hex(d.event), 13, 4) || '-' ||
    substr(hex(d.event), 17, 4) || '-' || substr(hex(d.event), 21)) ELSE d.event END AS event_id,
  (SELECT t.name FROM event_types t WHERE t.number = d.event_type) AS event_type,
  CASE d.stage WHEN 0 THEN 'delivered' WHEN 1 THEN 'scheduled' WHEN 2 THEN 'held' WHEN 3 THEN 'released' WHEN 4 THEN 'failed'
    ELSE 'dead' END AS stage,
  d.created_at, COALESCE(d.history ->> 'triesSince', d.created_at) AS tries_since, COALESCE(d.failures, 0) AS failures,
  d.next_attempt_at, d.leased_until,
  COALESCE(d.history ->> 'endedAt', CASE d.stage WHEN 0 THEN d.created_at + d.waited + d.milliseconds END) AS ended_at,
  d.history ->> 'reason' AS reason,
  COALESCE(d.history -> 'attempts', CASE WHEN d.milliseconds IS NULL THEN '[]'
    ELSE json_array(json_array(d.created_at + d.waited, d.status, d.milliseconds, NULL, NULL)) END) AS attempts
FROM (SELECT sequence, id, org_id FROM webhooks UNION ALL SELECT sequence, id, org_id FROM deleted_webhooks) w
JOIN deliveries d ON d.webhook = w.sequence;

-- Envelopes of events that were not delivered at the first attempt: once per event, however many webhooks wait for it.
-- With a row id, because rows without one spill to a page of their own above 1 KB.
CREATE TABLE bodies (
  sequence INTEGER PRIMARY KEY,
  org_id TEXT NOT NULL,
  -- As deliveries have it.
  event ANY NOT NULL,
  -- From then on the envelope is kept only while a delivery of it is pending, failed or dead. NULL (test events): as long
  -- as the log has one.
  kept_until INTEGER,
  -- Bytes of the envelope.
  length INTEGER NOT NULL,
  -- Raw DEFLATE (RFC 1951), or text where that is no shorter.
  body ANY NOT NULL,
  UNIQUE (org_id, event)
) STRICT;

-- Envelopes of events that were delivered at once, those of a batch together.
CREATE TABLE delivered_bodies (
  -- The batch's time (deliveries.created_at) * 4096, and a random number below that.
  place INTEGER PRIMARY KEY,
  -- Raw DEFLATE (RFC 1951) of a line of JSON, [org_id, event id, length in bytes] of each, and the envelopes as they are.
  bodies BLOB NOT NULL
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
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
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
CREATE INDEX dead_letters_newest ON dead_letters (received_at, id);
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

-- Answers to requests that their callers may repeat for a day, each written together with the change that it answers for.
CREATE TABLE kept_answers (
  -- A digest of the caller and the caller's key.
  id TEXT PRIMARY KEY,
  -- A digest of what was asked for.
  request TEXT NOT NULL,
  -- Sealed: it may hold a secret.
  answer TEXT NOT NULL,
  -- What the database alone knew of the answer, as JSON.
  known TEXT NOT NULL,
  org_id TEXT,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_answers_by_age ON kept_answers (at);

-- E-mails to members, a row for each recipient. A row stays for some days after its mail was sent, so that the same cause
-- is told nobody twice, and a webhook's trouble not too often.
CREATE TABLE mails (
  sequence INTEGER PRIMARY KEY,
  -- The notice, the transition or the key that the mail tells of.
  cause TEXT NOT NULL,
  org_id TEXT NOT NULL,
  webhook_id TEXT,
  topic TEXT NOT NULL,
  details TEXT NOT NULL,
  recipient TEXT NOT NULL,
  at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  sent_at INTEGER
) STRICT;
CREATE UNIQUE INDEX mails_once ON mails (cause, recipient);
CREATE INDEX mails_to_send ON mails (attempts, sequence) WHERE sent_at IS NULL;
CREATE INDEX mails_of_webhook ON mails (webhook_id, topic, at) WHERE webhook_id IS NOT NULL;

-- Redeliveries of ranges that were too long for the request that asked for them.
CREATE TABLE redeliveries (
  sequence INTEGER PRIMARY KEY,
  org_id TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL,
  stages TEXT NOT NULL
) STRICT;

-- Left behind by a split of shards: webhooks and tenants that are in the other half. The cron run deletes what hangs on
-- them: deliveries; bodies and the audit log.
CREATE TABLE moved_webhooks (
  sequence INTEGER PRIMARY KEY
) STRICT;
CREATE TABLE moved_tenants (
  org_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- How far the cron run's slow rounds have come.
CREATE TABLE rounds (
  name TEXT PRIMARY KEY,
  position TEXT NOT NULL
) STRICT, WITHOUT ROWID;
