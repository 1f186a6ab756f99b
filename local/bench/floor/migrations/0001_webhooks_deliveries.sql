CREATE TABLE webhooks (id INTEGER PRIMARY KEY, org_id TEXT NOT NULL, url TEXT NOT NULL);
CREATE INDEX webhooks_by_tenant ON webhooks (org_id);

-- Two rows a delivery, as ours: the delivery, and its place in the log's index.
CREATE TABLE deliveries (
  webhook INTEGER NOT NULL, event TEXT NOT NULL, at INTEGER NOT NULL, status INTEGER NOT NULL, PRIMARY KEY (webhook, event)
) WITHOUT ROWID;
CREATE INDEX deliveries_by_time ON deliveries (webhook, at);
