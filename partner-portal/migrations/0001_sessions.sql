-- Times are whole milliseconds since 1970-01-01T00:00:00Z.

-- A session is known by the SHA-256 of its id: whoever reads this table can use none of them.
CREATE TABLE sessions (
  digest TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  -- When the person signed in at the provider, if the provider said so.
  authenticated_at INTEGER,
  -- The browser in words, by which the person recognizes the session.
  browser TEXT NOT NULL,
  -- The ID token, sealed: the hint that Auth0's logout asks for.
  sealed_id_token TEXT NOT NULL,
  -- The organization being looked at, once it is known which.
  org_id TEXT,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_age ON sessions (created_at);
CREATE INDEX sessions_by_person ON sessions (email COLLATE NOCASE);

-- API keys that were issued and not looked at yet. The key that opens one is in its reader's cookie alone.
CREATE TABLE unread_keys (
  id TEXT PRIMARY KEY,
  -- The person who had the key issued.
  email TEXT NOT NULL,
  org_id TEXT NOT NULL,
  -- The first 8 characters and the last 4, by which the key is told from one that replaced it.
  masked TEXT NOT NULL,
  sealed TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX unread_keys_by_expiry ON unread_keys (expires_at);

-- Sign-ins that came back from the provider: each state is good once.
CREATE TABLE spent_transactions (
  digest TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_transactions_by_expiry ON spent_transactions (expires_at);
