// Each call across the edge between JavaScript and Wasm costs more than the work behind it, so their number is held down.
import assert from "node:assert/strict";
import { test } from "node:test";
import { batch, crossings, database, limiter, namespace, queue, total, worker } from "./worker.mjs";

const KEY = Buffer.alloc(32, 7).toString("base64");
const ISSUER = "http://localhost:8788/";
const AUDIENCE = "https://admin-api.smartphonekey.com";
const ALGORITHM = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const ADMIN_KEY = "admin-".padEnd(40, "k");
const EVENTS_KEY = "events-".padEnd(40, "k");

const pair = await crypto.subtle.generateKey({ ...ALGORITHM, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, true, ["sign", "verify"]);
const jwk = { ...await crypto.subtle.exportKey("jwk", pair.publicKey), kid: "one", use: "sig", alg: "RS256" };

async function token() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const seconds = Math.floor(Date.now() / 1000);
  const claims = { iss: ISSUER, aud: AUDIENCE, sub: "auth0|one", iat: seconds, exp: seconds + 600, email: "admin@smartphonekey.com", email_verified: true };
  const signed = `${part({ alg: "RS256", typ: "JWT", kid: "one" })}.${part(claims)}`;
  const signature = await crypto.subtle.sign(ALGORITHM.name, pair.privateKey, Buffer.from(signed));
  return `${signed}.${Buffer.from(signature).toString("base64url")}`;
}

const delivered = [];
let onFetch = () => {};
globalThis.fetch = async (url, init) => {
  onFetch();
  if (String(url).startsWith(ISSUER)) return Response.json({ keys: [jwk] });
  const body = typeof init.body === "string" ? init.body : Buffer.from(init.body).toString();
  delivered.push({ url: String(url), headers: new Headers(init.headers), body });
  return new Response("ok");
};
console.log = () => {};

const [events, retries] = [queue(), queue()];
const shared = { ENVIRONMENT: "local", SHARDS: "1", WEBHOOK_SECRETS_KEY: KEY, DATABASE_0: database(), EVENTS: events, RETRIES: retries, VERSION: { id: "v" } };
const api = await worker("admin-api", { ...shared, ADMIN_API_KEY: ADMIN_KEY, SERVICE_JWT_SECRET: "s".repeat(48), AUTH0_ISSUER: ISSUER, AUTH0_AUDIENCE: AUDIENCE, CACHE: namespace(), FAILURES: limiter(), PARTNER_REQUESTS: limiter() });
const delivery = await worker("webhook-delivery", {
  ...shared, EVENTS_API_KEY: EVENTS_KEY, BODIES: namespace(), METRICS: { writeDataPoint() {} },
  RETRY_BASE_SECONDS: "5", RETRY_CAP_SECONDS: "14400", RETRY_WINDOW_SECONDS: "259200",
});

const bearer = `Bearer ${await token()}`;
async function ask(method, path, body) {
  const headers = { "x-admin-api-key": ADMIN_KEY, authorization: bearer };
  if (body !== undefined) headers["content-type"] = "application/json";
  const request = new Request(`https://api.example${path}`, { method, headers, body: body && JSON.stringify(body) });
  const answer = await api.call("fetch", request);
  const text = await answer.text();
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text || "null");
}

let made = 0;
function event(org) {
  made += 1;
  const data = { name: "Kraków", filler: "x".repeat(600) };
  return JSON.stringify({
    version: "0", id: `7bf73129-1428-4cd3-a780-${String(made).padStart(12, "0")}`, source: "spk.api", "detail-type": "KeyAdded",
    time: "2026-04-02T10:00:00Z", detail: { partnerId: org, data },
  });
}
function publication(body) {
  const headers = { "x-events-key": EVENTS_KEY, "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) };
  return new Request("https://delivery.example/events", { method: "POST", headers, body: Buffer.from(body) });
}
const publish = (body) => delivery.call("fetch", publication(body));

/** Sends these events as one array and consumes them as one batch. Returns the crossings of the consumer. */
async function deliver(bodies) {
  const answer = await publish(`[${bodies.join(",")}]`);
  assert.equal(answer.status, 202, await answer.text());
  const messages = batch("webhook-events", events.messages.splice(0).map(({ body }) => body));
  delivered.length = 0;
  const counted = await crossings(() => delivery.call("queue", messages));
  assert.equal(messages.acknowledged.size, bodies.length);
  return counted;
}

const tenants = Array.from({ length: 100 }, (_, place) => `tenant-${place}`);
for (const org of tenants) {
  await ask("POST", `/tenants/${org}/register`, { orgName: org, ownerEmail: "owner@example.com" });
  await ask("POST", `/tenants/${org}/webhooks`, { url: `http://localhost:9999/${org}`, events: ["*"] });
}
// Each webhook's endpoint answers its challenge.
await delivery.call("queue", batch("webhook-retries", retries.messages.splice(0).map(({ body }) => body)));

function atMost(most, counted, operations = 1) {
  const each = total(counted) / operations;
  const names = [...counted].slice(0, 40).map(([name, count]) => `${name} ${count}`).join("\n");
  process.stderr.write(`${each} of ${most}\n${process.env.CROSSINGS ? names + "\n" : ""}`);
  assert.ok(each <= most, `${each} calls each:\n${names}`);
}

test("an admin's read", async () => {
  await ask("GET", "/tenants/tenant-0");
  atMost(35, await crossings(() => ask("GET", "/tenants/tenant-0")));
});

test("an event taken in singly", async () => {
  await publish(event("tenant-0"));
  events.messages.length = 0;
  const body = event("tenant-0");
  atMost(20, await crossings(async () => assert.equal((await publish(body)).status, 202)));
  assert.equal(events.messages.splice(0).length, 1);
});

test("a delivery, of a hundred events to one tenant", async () => {
  const bodies = Array.from({ length: 100 }, () => event("tenant-0"));
  await deliver([event("tenant-1")]);
  atMost(20, await deliver(bodies), 100);
  assert.deepEqual(delivered.map(({ body }) => body).sort(), bodies.sort());
});

test("a delivery, of a hundred events to a hundred tenants", async () => {
  const bodies = tenants.map(event);
  atMost(20, await deliver(bodies), 100);
  assert.deepEqual(delivered.map(({ body }) => body).sort(), bodies.sort());
});

/** Counts what is copied between JavaScript and Wasm, or within JavaScript, of at least so many bytes, until `stop` is called. */
function copies(least) {
  const counted = [];
  const parts = [[Uint8Array.prototype, "slice"], [Uint8Array.prototype, "set"], [TextDecoder.prototype, "decode"], [TextEncoder.prototype, "encodeInto"], [TextEncoder.prototype, "encode"]];
  const originals = parts.map(([of, name]) => [of, name, of[name]]);
  for (const [of, name, call] of originals) {
    of[name] = function copied(...args) {
      const subject = name === "slice" ? this : args[0];
      if ((subject?.length ?? 0) >= least) counted.push(name);
      return call.apply(this, args);
    };
  }
  return { counted, stop: () => originals.forEach(([of, name, call]) => { of[name] = call; }) };
}

test("an event's body is copied four times from request to fetch, whatever the number of webhooks", async () => {
  const org = "tenant-of-five";
  await ask("POST", `/tenants/${org}/register`, { orgName: org, ownerEmail: "owner@example.com" });
  for (const place of [1, 2, 3, 4, 5]) {
    await ask("POST", `/tenants/${org}/webhooks`, { url: `http://localhost:9999/${org}/${place}`, events: ["*"] });
  }
  await delivery.call("queue", batch("webhook-retries", retries.messages.splice(0).map(({ body }) => body)));
  // Beyond ASCII from the start on, so that wasm-bindgen's own loop over ASCII copies none of it.
  const body = event(org).replace("{", `{"ü": "${"x".repeat(20_000)}",`);
  delivered.length = 0;
  const request = publication(body);
  let requests = 0;
  const { counted, stop } = copies(20_000);
  onFetch = () => { if (++requests === 5) stop(); };
  try {
    assert.equal((await delivery.call("fetch", request)).status, 202);
    await delivery.call("queue", batch("webhook-events", events.messages.splice(0).map(({ body }) => body)));
  } finally {
    onFetch = () => {};
    stop();
  }
  assert.deepEqual(delivered.map((sent) => sent.body), Array(5).fill(body));
  // Into Wasm; to the Queue; into Wasm again; for the requests.
  assert.deepEqual(counted, ["set", "decode", "encodeInto", "slice"]);
});
