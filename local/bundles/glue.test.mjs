// What the glue makes of odd values: the rest of a Worker never sees them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { backlog, bindings, open, run, send, start, setting, version, binding } from "../../cloudflare/src/glue.js";
import { aes, deflate } from "../../cloudflare/src/glue_crypto.js";
import { answer, attempt, describeBatch, exchange, message, read, settleBatch, take } from "../../cloudflare/src/glue_http.js";

const [FAILED, LATE] = [-1, -2];
const waiting = new Map();
start((call, now, code, text, bytes) => {
  assert.ok(Math.abs(now - Date.now()) < 10_000);
  waiting.get(call)({ code, text, bytes: Buffer.from(bytes).toString() });
});
let calls = 0;
/** The outcome of a call. */
function outcome(make) {
  calls += 1;
  const call = calls;
  return new Promise((resolve) => {
    waiting.set(call, resolve);
    make(call);
  });
}
const bytes = (text) => new TextEncoder().encode(text);
/** A place of this binding. */
const place = (value) => bindings.push(value) - 1;
/** Answers every `fetch` with this. */
const fetching = (make) => { globalThis.fetch = async (...args) => make(...args); };
/** A body whose second chunk never comes. */
const broken = (first) => new ReadableStream({
  start(controller) { controller.enqueue(bytes(first)); },
  pull() { throw new Error("the connection is gone"); },
});

test("a request has the headers that were asked for, each on its line, also beyond ASCII", async () => {
  const headers = { "content-type": "text/plain", cookie: "a=\u00fc" };
  const request = new Request("https://h/a?b", { method: "POST", headers, body: "body" });
  read("cookie\nauthorization\ncontent-type");
  const taken = await outcome((call) => take(call, request, 10));
  assert.deepEqual(taken, { code: 0, text: "POST\nhttps://h/a?b\n+a=\u00fc\n\n+text/plain", bytes: "body" });
});

test("of a request's body, one byte more than the limit is taken, with a length and without", async () => {
  for (const headers of [{}, { "content-length": "7" }, { "content-length": "nonsense" }]) {
    const request = { method: "POST", url: "https://h/", headers: new Headers(headers), body: new Response("1234567").body };
    assert.equal((await outcome((call) => take(call, request, 5))).bytes, "123456");
  }
});

test("a request whose body fails to come is a failure that says why", async () => {
  const request = { method: "POST", url: "https://h/", headers: new Headers(), body: broken("first") };
  const taken = await outcome((call) => take(call, request, 100));
  assert.deepEqual([taken.code, taken.text], [FAILED, "the connection is gone"]);
});

test("an answer that the platform refuses is one without details", async () => {
  const answered = (call, ...rest) => {
    const promise = open(call);
    answer(call, ...rest);
    return promise;
  };
  assert.equal((await answered(9_001, 200, "x-a\nb\n", bytes("body"))).headers.get("x-a"), "b");
  const log = console.error;
  console.error = () => {};
  for (const odd of [[200, "x-a\n\u{1F511}\n"], [99, ""], [200, "x a\nb\n"]]) {
    const refused = await answered(9_002, ...odd, bytes("secret"));
    assert.deepEqual([refused.status, await refused.text()], [500, "INTERNAL SERVER ERROR"]);
  }
  console.error = log;
});

test("an answer may set several cookies", async () => {
  const promise = open(9_003);
  answer(9_003, 303, "set-cookie\na=1; Path=/\nlocation\n/\nset-cookie\nb=2\n", bytes(""));
  const { headers } = await promise;
  assert.deepEqual(headers.getSetCookie(), ["a=1; Path=/", "b=2"]);
  assert.equal(headers.get("location"), "/");
});

test("the status decides about an attempt, whatever becomes of its body", async () => {
  const attempted = () => outcome((call) => attempt(call, "https://h/", "x-a\nb\n", calls, bytes("{}"), 1000, 8));
  fetching(() => new Response(broken("why it "), { status: 500, headers: { "retry-after": "7" } }));
  assert.deepEqual(await attempted(), { code: 500, text: "7", bytes: "why it " });
  fetching(() => new Response("why it failed", { status: 404 }));
  assert.deepEqual(await attempted(), { code: 404, text: "", bytes: "why it f" });
  fetching(() => new Response(broken("unread"), { status: 200, headers: { "retry-after": "7" } }));
  assert.deepEqual(await attempted(), { code: 200, text: "", bytes: "" });
});

test("an attempt that throws says why, and a late one is late", async () => {
  const attempted = () => outcome((call) => attempt(call, "https://h/", "", calls, bytes("{}"), 20, 8));
  for (const [thrown, text] of [[new TypeError("no such host"), "no such host"], ["text", "text"], [undefined, "unknown error"], [{}, "unknown error"]]) {
    fetching(() => { throw thrown; });
    assert.deepEqual(await attempted(), { code: FAILED, text, bytes: "" });
  }
  let aborted;
  fetching((_, { signal }) => new Promise(() => { signal.onabort = () => { aborted = true; }; }));
  assert.equal((await attempted()).code, LATE);
  assert.ok(aborted);
  fetching(() => new Response(new ReadableStream({}), { status: 500 }));
  assert.equal((await attempted()).code, 500, "the status was there in time");
});

test("an attempt has one outcome, whatever comes after its deadline", async () => {
  const [call, codes] = [8_001, []];
  waiting.set(call, ({ code }) => codes.push(code));
  let fail;
  fetching(() => new Promise((_, reject) => { fail = reject; }));
  const attempted = attempt(call, "https://h/", "", call, bytes("{}"), 5, 8);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(codes, [LATE]);
  fail(new Error("aborted"));
  await attempted;
  assert.deepEqual(codes, [LATE]);
});

test("a header that is not Latin-1 fails its attempt alone", async () => {
  fetching((url, init) => { new Request(url, init); return new Response("ok"); });
  const attempted = await outcome((call) => attempt(call, "https://h/", "x-a\n\u{1F511}\n", calls, bytes("{}"), 1000, 8));
  assert.equal(attempted.code, FAILED);
});

test("a body is copied before the memory of Wasm changes, and once for all webhooks of a batch", async () => {
  const sent = [];
  fetching((_, { body }) => { sent.push(body); return new Response("ok"); });
  const memory = bytes("first");
  const attempted = (number) => outcome((call) => attempt(call, "https://h/", "", number, memory, 1000, 8));
  await attempted(70_001);
  memory.fill(120);
  await attempted(70_001);
  await attempted(70_002);
  assert.deepEqual(sent.map((body) => Buffer.from(body).toString()), ["first", "first", "xxxxx"]);
  settleBatch({ messages: [] }, []);
  await attempted(70_001);
  assert.equal(Buffer.from(sent[3]).toString(), "xxxxx");
});

test("an answer over a binding is cut one byte after the limit, and one that breaks off is a failure", async () => {
  let response;
  const service = place({ fetch: async () => response });
  const asked = () => outcome((call) => exchange(call, service, "GET", "https://service/", "", "", 1000, 4));
  response = new Response("123456", { status: 203 });
  assert.deepEqual(await asked(), { code: 203, text: "", bytes: "12345" });
  response = new Response(null, { status: 204 });
  assert.deepEqual(await asked(), { code: 204, text: "", bytes: "" });
  response = new Response(broken("1"));
  assert.deepEqual((await asked()).code, FAILED);
});

test("D1's answer is handed over whatever its shape", async () => {
  let results;
  const statements = [];
  const database = place({
    prepare: (sql) => ({ bind: (...values) => ({ sql, values }) }),
    async batch(given) { statements.push(...given); return results; },
  });
  const layout = [8, 0, 9, 4, 3, 2, 2, 1.5, 1, 1, 0];
  const ran = () => outcome((call) => run(call, database, "SELECT 1SELECT ?1\u{1F511}", layout));
  for (const [shape, text] of [[[{ results: [] }], '[{"results":[]}]'], [null, "null"], [undefined, ""], [{}, "{}"], [[7], "[7]"]]) {
    results = shape;
    assert.deepEqual(await ran(), { code: 0, text, bytes: "" });
  }
  assert.deepEqual(statements.slice(0, 2), [{ sql: "SELECT 1", values: [] }, { sql: "SELECT ?1", values: ["\u{1F511}", 1.5, true, null] }]);
  results = [{ results: [7n] }];
  assert.equal((await ran()).code, FAILED);
});

test("messages are read from the memory of Wasm, and what is no text is empty", async () => {
  const sent = [];
  const queue = place({
    async sendBatch(messages) { sent.push(...messages); },
    async send(body, { contentType, delaySeconds }) { sent.push({ body, contentType, delaySeconds }); },
  });
  const memory = new ArrayBuffer(64);
  new Uint8Array(memory).set(bytes('\u{feff}{"\u00fc":1}second'));
  const layout = new Uint32Array(memory, 40, 6);
  layout.set([0, 11, 0, 11, 6, 5]);
  assert.equal((await outcome((call) => send(call, queue, layout))).code, 0);
  assert.deepEqual(sent.map(({ body, delaySeconds }) => [body, delaySeconds]), [['\u{feff}{"\u00fc":1}', 0], ["second", 5]]);
  sent.length = 0;
  assert.equal((await outcome((call) => send(call, queue, new Uint32Array(memory, 40 + 12, 3)))).code, 0);
  assert.deepEqual(sent, [{ body: "second", contentType: "text", delaySeconds: 5 }]);
  sent.length = 0;
  assert.equal((await outcome((call) => send(call, queue, new Uint32Array(memory, 40, 0)))).code, 0);
  assert.deepEqual(sent, [], "nothing to send is no message");
  const messages = [{ body: "text", timestamp: new Date(7) }, { body: { a: 1 }, timestamp: "nonsense" }];
  assert.equal(describeBatch({ queue: "name", messages }), "name\n7\n0");
  assert.deepEqual([0, 1].map((index) => message({ messages }, index)), ["text", ""]);
});

test("a backlog crosses as two numbers, in whatever form the runtime tells the time", async () => {
  const told = async (metrics) => (await outcome((call) => backlog(call, place({ async metrics() { return metrics; } })))).text;
  assert.equal(await told({ backlogCount: 7, oldestMessageTimestamp: new Date(1_900) }), "7 1900");
  assert.equal(await told({ backlogCount: 7, oldestMessageTimestamp: 1_900 }), "7 1900");
  assert.equal(await told({ backlogCount: 0 }), "0 0");
  assert.equal((await outcome((call) => backlog(call, place({})))).code, FAILED);
});

test("what a Worker is not bound to is not there", () => {
  assert.deepEqual([version({}), version({ VERSION: { id: 7 } }), setting({ A: 7 }, "A"), setting({ A: "a" }, "A")], [undefined, undefined, undefined, "a"]);
  assert.equal(binding({ A: {} }, "A", "batch"), -1);
  assert.equal(binding({}, "A", "batch"), -1);
});

test("what was sealed otherwise does not open, and what is no DEFLATE is none", async () => {
  const [key, nonce, context] = [new Uint8Array(32).fill(1), new Uint8Array(12), bytes("context")];
  const cipher = (...args) => outcome((call) => aes(call, ...args));
  const data = await new Promise((resolve) => {
    waiting.set(8_000, resolve);
    start((call, _, code, __, raw) => waiting.get(call)({ code, raw: new Uint8Array(raw) }));
    aes(8_000, "encrypt", "one", key, nonce, context, bytes("secret"));
  });
  start((call, _, code, text, raw) => waiting.get(call)({ code, text, bytes: Buffer.from(raw).toString() }));
  assert.equal((await cipher("decrypt", "one", key, nonce, context, data.raw)).bytes, "secret");
  assert.equal((await cipher("decrypt", "one", key, nonce, bytes("other"), data.raw)).code, FAILED);
  assert.equal((await cipher("decrypt", "two", new Uint8Array(32), nonce, context, data.raw)).code, FAILED);
  assert.equal((await outcome((call) => deflate(call, new Uint8Array([7, 7, 7]), true))).code, FAILED);
});
