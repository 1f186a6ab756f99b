CREATE TABLE tenants (org_id TEXT PRIMARY KEY, org_name TEXT NOT NULL, owner_email TEXT NOT NULL);

CREATE TABLE webhooks (org_id TEXT NOT NULL, url TEXT NOT NULL);
CREATE INDEX webhooks_by_tenant ON webhooks (org_id);
