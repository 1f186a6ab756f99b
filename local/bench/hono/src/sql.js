// Our statements, as `shared/src/store` makes them for an admin.

export const TENANT =
  "SELECT t.org_id, t.org_name, t.owner_email, t.created_at, t.created_by, k.prefix, k.suffix, k.created_at AS key_created_at, " +
  "k.created_by AS key_created_by, k.expires_at, t.webhook_count FROM tenants t LEFT JOIN api_keys k ON k.org_id = t.org_id " +
  "AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > ?2) WHERE t.org_id = ?1 AND t.closed_at IS NULL";

const append = (condition) =>
  "INSERT INTO transitions (org_id, aggregate, version, kind, at, actor, via, details) " +
  "SELECT ?1, ?2, COALESCE((SELECT MAX(version) FROM transitions WHERE org_id = ?1 AND aggregate = ?2), 0) + 1, " +
  `?3, ?4, ?5, ?6, ?7 WHERE EXISTS (${condition}) RETURNING version`;

export const APPEND_OF_TENANT = append("SELECT 1 FROM tenants WHERE org_id = ?1 AND closed_at IS NULL");
export const APPEND_OF_WEBHOOK = append("SELECT 1 FROM webhooks WHERE org_id = ?1 AND id = ?8");

export const UPDATE_TENANT =
  "UPDATE tenants SET org_name = COALESCE(?2, org_name), owner_email = COALESCE(?3, owner_email) WHERE org_id = ?1 AND closed_at IS NULL";

export const REGISTERED = "SELECT 1 AS registered FROM tenants WHERE org_id = ?1 AND closed_at IS NULL";

export const INSERT_WEBHOOK =
  "INSERT INTO webhooks (org_id, id, url, events, status, secret, created_at, updated_at, auth_type, auth_header, auth_token) " +
  "SELECT org_id, ?2, ?3, ?4, 'active', ?5, ?6, ?6, ?7, ?8, ?9 FROM tenants " +
  "WHERE org_id = ?1 AND closed_at IS NULL AND (SELECT COUNT(*) FROM webhooks WHERE org_id = ?1) < ?10";

export const COUNT_WEBHOOKS =
  "UPDATE tenants SET webhook_count = (SELECT COUNT(*) FROM webhooks WHERE org_id = ?1) WHERE org_id = ?1";

export const REGISTER = "INSERT INTO tenants (org_id, org_name, owner_email, created_at, created_by) VALUES (?1, ?2, ?3, ?4, ?5)";
