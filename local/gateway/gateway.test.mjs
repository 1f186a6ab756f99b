// The gateway in the real runtime, before Workers that only say what they were asked.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";

// Nothing from the network, and nothing to it.
Object.assign(process.env, { CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false", WRANGLER_LOG: "none" });

const STAND_IN = `
let runs = 0;
const messages = [];
export default {
  async fetch(request, env) {
    return Response.json({ worker: env.NAME, url: request.url, host: request.headers.get("host"), runs, messages });
  },
  async queue(batch) {
    messages.push(...batch.messages.map(({ body }) => ({ queue: batch.queue, body })));
  },
  async scheduled(controller) {
    if (controller.cron === "0 0 1 1 *") throw new Error("not in January");
    runs += 1;
  },
};`;

const CONSUMER = "webhook-delivery";
const CONSUMED = ["webhook-events", "webhook-retries"].map((queue) => ({ queue, max_batch_timeout: 0 }));

let directory, server;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "gateway-"));
  await writeFile(join(directory, "worker.js"), STAND_IN);
  const crons = { "webhook-delivery": ["* * * * *"], "partner-portal": ["0 0 1 1 *"] };
  const ports = { 8789: "admin-api", 8790: "partner-portal", 8791: "webhook-delivery" };
  const workers = [{ configPath: fileURLToPath(new URL("wrangler.toml", import.meta.url)), vars: { CRONS: crons, WORKER_PORTS: ports } }];
  for (const name of ["admin-api", "partner-portal", "webhook-delivery"]) {
    const configPath = join(directory, `${name}.json`);
    await writeFile(configPath, JSON.stringify({ name, main: "worker.js", compatibility_date: "2026-11-01", vars: { NAME: name }, queues: { consumers: name === CONSUMER ? CONSUMED : [] } }));
    workers.push({ configPath });
  }
  server = createTestHarness({ workers });
  await server.listen();
});
after(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

const inbox = (path, init) => server.fetch(`http://localhost/inbox/${path}`, init);
const post = (name, body, headers) => inbox(name, { method: "POST", body, headers });
const put = (name, behavior) => inbox(`${name}/behavior`, { method: "PUT", body: JSON.stringify(behavior) });
const messages = async (name) => (await (await inbox(`${name}.json`)).json()).messages;

beforeEach(() => inbox("acme", { method: "DELETE" }));

test("the host name picks the Worker, which sees the URL as it was", async () => {
  for (const name of ["admin-api", "partner-portal", "webhook-delivery"]) {
    const seen = await (await server.fetch(`http://${name}.localhost:8787/some/path?a=b`)).json();
    assert.equal(seen.worker, name);
    assert.equal(seen.url, `http://${name}.localhost:8787/some/path?a=b`);
    assert.equal(seen.host, `${name}.localhost:8787`);
  }
  assert.equal((await server.fetch("http://other.localhost:8787/")).status, 404);
});

test("the port picks the Worker where the host is localhost", async () => {
  for (const [port, name] of [[8789, "admin-api"], [8790, "partner-portal"], [8791, "webhook-delivery"]]) {
    const seen = await (await server.fetch(`http://localhost:${port}/some/path`)).json();
    assert.equal(seen.worker, name);
    assert.equal(seen.host, `localhost:${port}`);
  }
  const front = await (await server.fetch("http://localhost:8787/")).text();
  assert.match(front, /http:\/\/localhost:8790<\/code> \(partner-portal\)/);
});

test("a message is kept as it came, with its headers and the answer it got", async () => {
  const body = '{ "id":"1",\n "text": "grüße" }';
  assert.equal((await post("acme", body, { "content-type": "application/json", "webhook-id": "1" })).status, 200);
  const [message, ...others] = await messages("acme");
  assert.equal(others.length, 0);
  assert.equal(message.body, body);
  assert.equal(message.method, "POST");
  assert.equal(message.headers["webhook-id"], "1");
  assert.match(message.receivedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(message.answered, { status: 200, delayMilliseconds: 0 });
  assert.equal("bodyBase64" in message, false);
});

test("no byte of a body that is not text is lost", async () => {
  const bytes = Buffer.from([0xff, 0x00, 0xfe]);
  await post("acme", bytes);
  const [message] = await messages("acme");
  assert.deepEqual(Buffer.from(message.bodyBase64, "base64"), bytes);
});

test("an inbox misbehaves as often as it was told, then is well again", async () => {
  assert.equal((await put("acme", { status: 503, retryAfter: 2, times: 2, body: "later" })).status, 200);
  const first = await post("acme", "1");
  assert.equal(first.status, 503);
  assert.equal(first.headers.get("retry-after"), "2");
  assert.equal(await first.text(), "later");
  assert.equal((await (await inbox("acme/behavior")).json()).times, 1);
  assert.equal((await post("acme", "2")).status, 503);
  assert.equal((await post("acme", "3")).status, 200);
  assert.deepEqual((await messages("acme")).map(({ body, answered }) => [body, answered.status]), [["1", 503], ["2", 503], ["3", 200]]);
});

test("a slow inbox does not hold up others' requests to it", async () => {
  await put("acme", { delayMilliseconds: 400, times: 1 });
  const began = Date.now();
  const slow = post("acme", "slow");
  while ((await messages("acme")).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await post("acme", "quick")).status, 200);
  assert.ok(Date.now() - began < 400, "the quick one is answered first");
  assert.equal((await slow).status, 200);
  assert.ok(Date.now() - began >= 400);
});

test("a redirect is answered, not followed", async () => {
  await put("acme", { status: 302, location: "http://localhost/inbox/other" });
  const response = await inbox("acme", { method: "POST", body: "x", redirect: "manual" });
  assert.equal(response.status, 302);
  assert.equal(response.headers.get("location"), "http://localhost/inbox/other");
});

test("the last 200 messages are kept", async () => {
  for (let first = 0; first < 210; first += 30) {
    await Promise.all(Array.from({ length: 30 }, (_, index) => post("acme", String(first + index))));
  }
  const kept = await messages("acme");
  assert.equal(kept.length, 200);
  assert.equal(kept.at(-1).id - kept[0].id, 199);
});

test("emptying an inbox forgets its messages and its behaviour", async () => {
  await put("acme", { status: 500 });
  await post("acme", "x");
  assert.equal((await inbox("acme", { method: "DELETE" })).status, 204);
  assert.deepEqual(await messages("acme"), []);
  assert.equal((await post("acme", "y")).status, 200);
});

test("the page escapes what came from outside", async () => {
  await post("acme", "<script>alert(1)</script>", { "x-odd": "<b>" });
  const page = await (await inbox("acme")).text();
  assert.ok(page.includes("&lt;script&gt;alert(1)&lt;/script&gt;"));
  assert.ok(!page.includes("<script") && !page.includes("<b>"));
  assert.match(await (await server.fetch("http://localhost/inbox")).text(), /href="\/inbox\/acme"/);
});

test("the page shows every character of what came from outside", async () => {
  await post("acme", "a\u001b[2Jb\u009bc\u202ed\u200be\u2028f\u{e0041}g");
  assert.match(await (await inbox("acme")).text(), /a\ufffd\[2Jb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg/);
  await post("acme", JSON.stringify({ type: "x\ud800\u0007y" }));
  assert.ok(!/[\u0000-\u0008\u200b\u202e\ud800]/.test(await (await inbox("acme")).text()));
});

test("what is wrong is said", async () => {
  for (const name of ["Acme", "a_b", "a".repeat(65), "%2f"]) assert.equal((await post(name, "x")).status, 400, name);
  const refused = await put("acme", { status: 42, colour: "red" });
  assert.equal(refused.status, 400);
  assert.match((await refused.json()).message, /status: .*colour: is unknown/);
});

test("texts go to a queue as they are, and nothing else does", async () => {
  const send = (name, body) => server.fetch(`http://localhost/queues/${name}`, { method: "POST", body });
  assert.equal((await send("webhook-retries", JSON.stringify(["nonsense", "{}"]))).status, 202);
  for (const bad of ["", "{}", "[]", "[1]"]) assert.equal((await send("webhook-events", bad)).status, 400);
  assert.equal((await send("other", "[]")).status, 404);
  let seen = [];
  for (let tries = 0; seen.length < 2 && tries < 100; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    seen = (await (await server.fetch("http://webhook-delivery.localhost:8787/")).json()).messages;
  }
  assert.deepEqual(seen, [{ queue: "webhook-retries", body: "nonsense" }, { queue: "webhook-retries", body: "{}" }]);
});

test("cron runs when it is asked to, and tells of a failure", async () => {
  const good = { worker: "webhook-delivery", cron: "* * * * *", outcome: "ok" };
  const answer = await server.fetch("http://localhost/cron?worker=webhook-delivery", { method: "POST" });
  assert.equal(answer.status, 200);
  assert.deepEqual(await answer.json(), { runs: [good] });
  const { runs } = await (await server.fetch("http://webhook-delivery.localhost/")).json();
  assert.equal(runs, 1);
  const all = await server.fetch("http://localhost/cron", { method: "POST" });
  assert.equal(all.status, 500);
  assert.deepEqual(await all.json(), { runs: [good, { worker: "partner-portal", cron: "0 0 1 1 *", outcome: "exception" }] });
  assert.equal((await server.fetch("http://localhost/cron?worker=admin-api", { method: "POST" })).status, 400);
  assert.equal((await server.fetch("http://localhost/cron")).status, 405);
});
