import { DurableObject } from "cloudflare:workers";

/** The names of all inboxes in use, for the front page: the platform does not list Durable Objects. */
export class InboxNames extends DurableObject {
  constructor(state, env) {
    super(state, env);
    this.sql = state.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS names (name TEXT PRIMARY KEY)");
  }

  list() {
    return this.sql.exec("SELECT name FROM names ORDER BY name").toArray().map((row) => row.name);
  }

  add(name) {
    this.sql.exec("INSERT OR IGNORE INTO names (name) VALUES (?)", name);
  }

  remove(name) {
    this.sql.exec("DELETE FROM names WHERE name = ?", name);
  }
}
