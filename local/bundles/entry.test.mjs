// What becomes of a Worker when its Wasm ends: at a panic, at an endless recursion, or without memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { database, instances, limiter, namespace, queue, worker } from "./worker.mjs";

let listener;
globalThis.addEventListener = (_, callback) => { listener = callback; };
// As the runtime has it, and Node does not.
globalThis.reportError = (error) => listener({ error });

const SECRET = Buffer.alloc(32, 7).toString("base64");
const env = {
  ENVIRONMENT: "local", SHARDS: "1", WEBHOOK_SECRETS_KEY: SECRET, ADMIN_API_KEY: "a".repeat(40), SERVICE_JWT_SECRET: "s".repeat(48),
  AUTH0_ISSUER: "http://localhost:8788/", AUTH0_AUDIENCE: "https://admin-api.smartphonekey.com",
  DATABASE_0: database(), EVENTS: queue(), RETRIES: queue(), CACHE: namespace(), FAILURES: limiter(), PARTNER_REQUESTS: limiter(),
};
let end = () => {};
const VERSION = { get id() { end(); return "v"; } };
const api = await worker("admin-api", { ...env, VERSION });
const told = [];
console.error = (...parts) => told.push(parts.join(" "));
console.log = () => {};
const ask = async (path, init) => (await api.call("fetch", new Request(`https://api.example${path}`, init))).status;
const status = () => ask("/health");
const trap = () => { throw new WebAssembly.RuntimeError("unreachable"); };

test("after a panic within the call of an event, the next event finds a fresh instance", async () => {
  assert.equal(await status(), 200);
  const before = instances();
  end = trap;
  await assert.rejects(status, WebAssembly.RuntimeError);
  end = () => {};
  assert.deepEqual([await status(), await status()], [200, 200]);
  assert.equal(instances(), before + 1);
  assert.match(told.join("\n"), /^Wasm ended RuntimeError: unreachable/);
});

test("after a panic within the outcome of a call, too", async () => {
  const before = instances();
  console.log = trap;
  // The answer of this event never comes: the runtime ends such an event.
  ask("/tenants", { method: "POST", body: "{}" });
  await new Promise((resolve) => setTimeout(resolve, 20));
  console.log = () => {};
  assert.equal(await status(), 200);
  assert.equal(instances(), before + 1);
});

test("whatever is thrown through Wasm ends the instance: its work was cut short", async () => {
  const before = instances();
  end = () => { throw new TypeError("no such property"); };
  await assert.rejects(status, TypeError);
  end = () => {};
  assert.deepEqual([await status(), instances()], [200, before + 1]);
});
