WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by, webhook_count, bucket)
SELECT printf('filling-%06d', i), 'Filling ' || i, 'owner-' || (i / 10) || '@example.com', 1900000000000 + i, 'admin', 5, 0 FROM n;
INSERT INTO members (org_id, email, added_at, added_by, tenant_created_at)
SELECT org_id, owner_email, created_at, 'admin', created_at FROM tenants WHERE org_id LIKE 'filling-%';
UPDATE shard SET tenants = tenants + 100000;
INSERT INTO api_keys (digest, org_id, org_name, prefix, suffix, created_at, created_by)
SELECT printf('%064x', sequence), org_id, org_name, 'aaaaaaaa', 'bbbb', created_at, 'admin' FROM tenants WHERE org_id LIKE 'filling-%';
INSERT INTO webhooks (id, org_id, url, events, secret, auth_type, created_at, updated_at, status)
SELECT printf('00000000-0000-4000-8000-%012x', t.sequence * 8 + k.value), t.org_id, 'http://localhost:1/', '["*"]', '1.a.b', 'none', 1, 1, 'active'
FROM tenants t, json_each('[0,1,2,3,4]') k WHERE t.org_id LIKE 'filling-%';
INSERT INTO event_types (name) VALUES ('KeyAdded') ON CONFLICT DO NOTHING;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
INSERT INTO deliveries (webhook, event, event_type, stage, created_at, waited, status, milliseconds)
SELECT CASE WHEN i % 2 = 0 THEN (SELECT sequence FROM webhooks WHERE org_id NOT LIKE 'filling-%' ORDER BY sequence LIMIT 1) ELSE i END,
  unhex(printf('%032x', i * 7919)), (SELECT number FROM event_types WHERE name = 'KeyAdded'), 0,
  1700000000000 + i * 1000, 1, 200, 20 FROM n;
