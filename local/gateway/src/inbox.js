import { DurableObject } from "cloudflare:workers";

/** How many messages an inbox keeps; the oldest go first. */
const KEPT = 200;
/** Bytes of a body that are kept: a row holds at most 2 MB. Events are at most 1 MiB. */
const KEPT_BODY = 1_500_000;

/** How an inbox answers unless somebody has set its behaviour. */
const WELL_BEHAVED = { status: 200, delayMilliseconds: 0 };

/** A webhook inbox: the messages that came in, and how the inbox answers. */
export class Inbox extends DurableObject {
  constructor(state, env) {
    super(state, env);
    this.sql = state.storage.sql;
    this.sql.exec(`
      CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL, method TEXT NOT NULL, query TEXT NOT NULL,
        headers TEXT NOT NULL, body BLOB NOT NULL, body_bytes INTEGER NOT NULL, status INTEGER NOT NULL, delay INTEGER NOT NULL);
      CREATE TABLE IF NOT EXISTS behavior (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL);
    `);
  }

  /** Keeps a request as a message. The answer is decided and kept at arrival, then given after its delay. */
  async fetch(request) {
    const body = await request.arrayBuffer();
    const answer = this.#nextAnswer();
    this.sql.exec(
      "INSERT INTO messages (received_at, method, query, headers, body, body_bytes, status, delay) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      Date.now(), request.method, new URL(request.url).search, JSON.stringify([...request.headers]),
      body.slice(0, KEPT_BODY), body.byteLength, answer.status, answer.delayMilliseconds,
    );
    this.sql.exec("DELETE FROM messages WHERE id <= (SELECT max(id) FROM messages) - ?", KEPT);
    if (answer.delayMilliseconds > 0) await scheduler.wait(answer.delayMilliseconds);
    return toResponse(answer);
  }

  /** The kept messages, oldest first, as `/inbox/<name>.json` shows them. */
  messages() {
    return this.sql.exec("SELECT * FROM messages ORDER BY id").toArray().map(toMessage);
  }

  /** How the next request will be answered, with the `times` that are left. */
  behavior() {
    const [row] = this.sql.exec("SELECT json FROM behavior").toArray();
    return row ? JSON.parse(row.json) : WELL_BEHAVED;
  }

  /** Replaces the behaviour. `parseBehavior` has checked it. */
  setBehavior(behavior) {
    this.sql.exec("INSERT OR REPLACE INTO behavior (id, json) VALUES (1, ?)", JSON.stringify(behavior));
    return behavior;
  }

  /** Forgets the messages and the behaviour. Ids go on counting, so that a reader notices. */
  clear() {
    this.sql.exec("DELETE FROM messages");
    this.sql.exec("DELETE FROM behavior");
  }

  #nextAnswer() {
    const behavior = this.behavior();
    if (behavior.times === undefined) return behavior;
    if (behavior.times > 1) this.setBehavior({ ...behavior, times: behavior.times - 1 });
    else this.sql.exec("DELETE FROM behavior");
    return behavior;
  }
}

function toResponse({ status, retryAfter, location, body }) {
  const headers = new Headers({ "content-type": "text/plain; charset=utf-8" });
  if (retryAfter !== undefined) headers.set("retry-after", String(retryAfter));
  if (location !== undefined) headers.set("location", location);
  const bodiless = [204, 205, 304].includes(status);
  return new Response(bodiless ? null : (body ?? ""), { status, headers });
}

function toMessage(row) {
  const { body, bodyBase64 } = readable(new Uint8Array(row.body));
  return {
    id: row.id,
    receivedAt: new Date(row.received_at).toISOString(),
    method: row.method,
    ...(row.query && { query: row.query }),
    headers: Object.fromEntries(JSON.parse(row.headers)),
    body,
    ...(bodyBase64 !== undefined && { bodyBase64 }),
    ...(row.body_bytes > row.body.byteLength && { bodyTruncatedFrom: row.body_bytes }),
    answered: { status: row.status, delayMilliseconds: row.delay },
  };
}

/** The body as text where it is UTF-8 (a byte order mark is kept), else also as base64, so that no byte is lost. */
function readable(bytes) {
  try {
    return { body: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    let binary = "";
    for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
    return { body: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), bodyBase64: btoa(binary) };
  }
}
