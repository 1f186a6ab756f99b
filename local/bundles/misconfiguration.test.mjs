// Each setting and binding removed, blanked, malformed, or equal to another: the Worker answers 503 on every route, its log
// names the setting, no value is told, and no message of a Queue is acknowledged (spec: Adversarial cases, Misconfiguration).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { batch, database, limiter, namespace, queue, worker } from "./worker.mjs";

const ROOT = new URL("../../", import.meta.url);
const text = (path) => readFileSync(new URL(path, ROOT), "utf8");
const key = (byte) => Buffer.alloc(32, byte).toString("base64");
const MALFORMED = "changeme-which-nobody-should-see-in-a-log-or-an-answer";

const tenants = { ENVIRONMENT: "local", SHARDS: "1", WEBHOOK_SECRETS_KEY: key(7), DATABASE_0: database(), EVENTS: queue(), RETRIES: queue() };
const between = { ADMIN_API_KEY: "admin-".padEnd(40, "k"), SERVICE_JWT_SECRET: "service-".padEnd(40, "k"), AUTH0_ISSUER: "http://localhost:8788/", CACHE: namespace() };
const SOUND = {
  "admin-api": {
    ...tenants, ...between, AUTH0_AUDIENCE: "https://admin-api.smartphonekey.com", FAILURES: limiter(), PARTNER_REQUESTS: limiter(),
  },
  "webhook-delivery": {
    ...tenants, EVENTS_API_KEY: "events-".padEnd(40, "k"), BODIES: namespace(), METRICS: { writeDataPoint() {} },
    RETRY_BASE_SECONDS: "5", RETRY_CAP_SECONDS: "14400", RETRY_WINDOW_SECONDS: "259200",
  },
  "partner-portal": {
    ...between, ENVIRONMENT: "local", PORTAL_ORIGIN: "http://partner-portal.localhost:8787", ADMIN_API_ORIGIN: "http://admin-api.localhost:8787",
    AUTH0_CLIENT_ID: "partner-portal", AUTH0_CLIENT_SECRET: "client-".padEnd(40, "k"), SESSION_KEY: "session-".padEnd(40, "k"),
    SESSIONS: database(), WEBHOOK_ACTIONS: limiter(), STRANGERS: limiter(), ADMIN_API: { async fetch() { return new Response("{}"); } },
  },
};

/** Settings that come together: the log may name the other. */
const PAIRS = [["OPS_WEBHOOK_URL", "OPS_WEBHOOK_SECRET"]];

/** Method and path of every route, as the Workers' own sources have them, and a path without a route. */
function routes(name) {
  const found = name === "admin-api"
    ? Object.entries(JSON.parse(text("admin-api/openapi.json")).paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => [method, path]))
    : [...text(`${name}/src/router.rs`).matchAll(/route\((get|post)\("([^"]+)"/g)].map(([, method, path]) => [method, path]);
  assert.ok(found.length >= 2, name);
  return [...found, ["get", "/no/such/path"], ["options", "/"]].map(([method, path]) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, "x")]);
}

const lines = [];
console.log = (line) => lines.push(line);
let uploads = 0;

/** The Worker with these changes to its sound environment; `undefined` takes a setting away. `asked` has the names it reads. */
async function changed(name, changes, asked = new Set()) {
  uploads += 1;
  const env = { ...SOUND[name], ...changes, VERSION: { id: `upload-${uploads}` } };
  return worker(name, new Proxy(env, { get: (target, setting) => { asked.add(setting); return target[setting]; } }));
}

/** The Worker with these changes refuses everything, and its log names one of `names`. */
async function refuses(name, changes, names) {
  const refusing = await changed(name, changes);
  const what = `${name}: ${names}`;
  const hidden = [MALFORMED, ...Object.values({ ...SOUND[name], ...changes }).filter((value) => typeof value === "string" && value.length >= 32)];
  const told = (words) => hidden.forEach((value) => assert.ok(!words.includes(value), `${what}: ${words}`));
  const named = () => {
    const { message, faults } = JSON.parse(lines.at(-1));
    assert.equal(message, "misconfigured", what);
    assert.ok(names.some((setting) => setting in faults), `${what}: ${JSON.stringify(faults)}`);
  };
  lines.length = 0;
  for (const [method, path] of routes(name)) {
    const answer = await refusing.call("fetch", new Request(`https://worker.example${path}`, { method }));
    const body = await answer.text();
    assert.equal(answer.status, 503, `${what}, ${method} ${path}: ${body}`);
    assert.match(answer.headers.get("strict-transport-security") ?? "", /^max-age=\d{8}/, `${what}, ${method} ${path}`);
    assert.equal(answer.headers.get("cache-control"), "no-store");
    named();
    told(body);
    for (const setting of names) assert.ok(!body.includes(setting), body);
  }
  if (name === "webhook-delivery") {
    for (const consumed of ["webhook-events", "webhook-retries", "webhook-dead-letters", "webhook-events-2", "another"]) {
      const messages = batch(consumed, ["one", "two", "three"]);
      await refusing.call("queue", messages);
      assert.deepEqual([messages.acknowledged.size, messages.retried.size], [0, 3], `${what}, ${consumed}`);
      named();
    }
    await refusing.call("scheduled", {});
    named();
  }
  told(lines.join("\n"));
}

/** Whether the Worker is sound as it should be, and the settings that it reads. */
async function looked(name) {
  const asked = new Set();
  const sane = await changed(name, {}, asked);
  lines.length = 0;
  const answer = await sane.call("fetch", new Request("https://worker.example/no/such/path"));
  const isSound = answer.status < 500 && !lines.join().includes("misconfigured");
  return { name, asked, isSound, told: lines.join("\n") };
}

// A test begins as soon as it is registered, and all share the log: first all Workers are looked at.
const all = [];
for (const name of Object.keys(SOUND)) all.push(await looked(name));

for (const { name, asked, isSound, told } of all) {
  const sound = SOUND[name];
  const settings = [...asked].filter((setting) => typeof sound[setting] === "string" || !(setting in sound))
    .filter((setting) => setting !== "VERSION");
  const required = Object.keys(sound);

  test(`${name}, as it should be`, () => {
    assert.ok(isSound, told);
    for (const setting of required) assert.ok(asked.has(setting), `${setting} is read`);
    assert.ok(settings.length > 8, settings.join());
  });
  test(`${name}, a setting or a binding is missing`, async () => {
    for (const setting of required) await refuses(name, { [setting]: undefined }, [setting]);
  });
  test(`${name}, a setting is blank or a placeholder`, async () => {
    for (const setting of settings) {
      const names = PAIRS.find((pair) => pair.includes(setting)) ?? [setting];
      for (const value of ["", "  ", MALFORMED]) await refuses(name, { [setting]: value }, names);
    }
  });
  test(`${name}, two secrets are equal`, async () => {
    const secrets = settings.filter((setting) => /KEY|SECRET/.test(setting) && !setting.startsWith("OPS_"));
    assert.ok(secrets.length >= 4, secrets.join());
    for (const [place, one] of secrets.entries()) {
      for (const other of secrets.slice(place + 1)) await refuses(name, { [one]: key(9), [other]: key(9) }, [one, other]);
    }
  });
}
