// The glue between the runtime and Wasm: one call across the edge does here what would take dozens from Rust.
// Work that takes time gets a `call`, the number that Rust waits for. `finish` hands over its outcome: the number, the time, a code,
// a text and bytes. Arguments that are bytes lie in the memory of Wasm, and are copied before the first `await`.

/** What stands for a status where there is none. */
const FAILED = -1;
const LATE = -2;
const ABSENT = -3;
const NOTHING = new Uint8Array();
const MOST_KEYS = 32;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const bindings = [];
const keys = new Map();
const promises = new Map();
const timers = new Map();
/** @type {(call: number, now: number, code: number, text: string, bytes: Uint8Array) => void} */
let finish;

/** Begins an instance of Wasm. What is under way still belongs to the instance before. */
export function start(callback) { finish = callback; }

function settle(call, work) {
  const done = finish;
  work().then(
    ([code = 0, text = "", bytes = NOTHING] = []) => done(call, Date.now(), code, text, bytes),
    (error) => done(call, Date.now(), FAILED, described(error), NOTHING),
  );
}

function described(error) {
  if (typeof error?.message === "string") return error.message;
  return typeof error === "string" ? error : "unknown error";
}

/** Header names and values by turns, a line each. */
function pairs(text) {
  const lines = text.split("\n");
  return Array.from({ length: lines.length >> 1 }, (_, index) => lines.slice(2 * index, 2 * index + 2));
}

/** Runs `work` with a signal, until `timeout` milliseconds have passed. */
async function within(timeout, work) {
  const controller = new AbortController();
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => { controller.abort(); resolve([LATE]); }, timeout);
  });
  try { return await Promise.race([work(controller.signal), late]); } finally { clearTimeout(timer); }
}

/** Reads into `chunks` until there are more than `most` bytes. */
async function readInto(chunks, body, most) {
  const reader = body.getReader();
  for (let length = 0; length <= most;) {
    const { done, value } = await reader.read();
    if (done) return;
    chunks.push(value);
    length += value.byteLength;
  }
  return reader;
}

/** The chunks as one, at most `most` bytes. */
function joined(chunks, most) {
  const bytes = new Uint8Array(Math.min(most, chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0)));
  let at = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(0, bytes.length - at);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function now() { return Date.now(); }
export function log(line) { console.log(line); }
export function random(bytes) { crypto.getRandomValues(bytes); }
export function version(env) { return typeof env.VERSION?.id === "string" ? env.VERSION.id : undefined; }
export function setting(env, name) { return typeof env[name] === "string" ? env[name] : undefined; }
/** The place of the binding that has this method, from 0. */
export function binding(env, name, method) {
  return typeof env[name]?.[method] === "function" ? bindings.push(env[name]) - 1 : -1;
}

export function open(call) { return new Promise((resolve) => promises.set(call, resolve)); }
export function close(call, value) {
  promises.get(call)?.(value);
  promises.delete(call);
}

/** Takes a request over: its method, its URL and, marked by `+`, the values of the named headers; and its body. */
export function take(call, request, names, most) {
  const values = names.split("\n").map((name) => request.headers.get(name)).map((value) => value === null ? "" : `+${value}`);
  settle(call, async () => {
    const text = [request.method, request.url, ...values].join("\n");
    if (!request.body || request.method === "GET" || request.method === "HEAD") return [0, text];
    const length = request.headers.get("content-length");
    if (length !== null && /^\d+$/.test(length) && Number(length) <= most) {
      return [0, text, new Uint8Array(await request.arrayBuffer())];
    }
    const chunks = [];
    await readInto(chunks, request.body, most);
    return [0, text, joined(chunks, most + 1)];
  });
  return open(call);
}

/** Gives an answer back. What the platform refuses becomes an answer without details. */
export function answer(call, status, headers, body) {
  let response;
  try {
    response = new Response(body.length > 0 ? body.slice() : null, { status, headers: pairs(headers) });
  } catch (error) {
    console.error(described(error));
    response = new Response("INTERNAL SERVER ERROR", { status: 500 });
  }
  close(call, response);
}

/** A batch of messages: the queue's name, and each message's time. */
export function describeBatch(batch) {
  return [batch.queue, ...batch.messages.map((message) => Number(message.timestamp) || 0)].join("\n");
}
export function message(batch, index) {
  const { body } = batch.messages[index];
  return typeof body === "string" ? body : "";
}
/** Settles each message: a negative delay acknowledges, any other asks for the message again after so many seconds. */
export function settleBatch(batch, delays) {
  batch.messages.forEach((message, index) => {
    if (delays[index] < 0) message.ack(); else message.retry({ delaySeconds: delays[index] });
  });
}

/** Makes one attempt. From the status on, nothing changes the outcome. */
export function attempt(call, url, headers, body, timeout, most) {
  const sent = body.slice();
  settle(call, async () => {
    let response;
    const chunks = [];
    const outcome = await within(timeout, async (signal) => {
      response = await fetch(url, { method: "POST", headers: pairs(headers), body: sent, redirect: "manual", signal });
      if (response.ok) response.body?.cancel().catch(() => {});
      else if (response.body) (await readInto(chunks, response.body, most))?.cancel().catch(() => {});
    }).catch((error) => { if (!response) throw error; });
    if (!response) return outcome;
    return [response.status, response.ok ? "" : response.headers.get("retry-after") ?? "", joined(chunks, most)];
  });
}

/** Sends a request over a binding, or to the Internet where `place` is negative, and reads the answer's body. */
export function exchange(call, place, method, url, headers, body, timeout, most) {
  settle(call, () => within(timeout, async (signal) => {
    const init = { method, headers: pairs(headers), body: body === "" ? undefined : body, redirect: "manual", signal };
    const response = await (place < 0 ? fetch(url, init) : bindings[place].fetch(url, init));
    const chunks = [];
    if (response.body) (await readInto(chunks, response.body, most))?.cancel().catch(() => {});
    return [response.status, "", joined(chunks, most + 1)];
  }));
}

export function sleep(call, milliseconds) {
  settle(call, () => new Promise((resolve) => timers.set(call, setTimeout(() => { timers.delete(call); resolve(); }, milliseconds))));
}
export function wake(call) {
  clearTimeout(timers.get(call));
  timers.delete(call);
}

/** Runs statements in one transaction. `text` has their SQL and texts in order; `layout` their lengths, and all other values. */
export function run(call, place, text, layout) {
  settle(call, async () => {
    const [database, statements] = [bindings[place], []];
    let [at, next] = [0, 0];
    const cut = (length) => text.slice(at, at += length);
    while (next < layout.length) {
      const statement = database.prepare(cut(layout[next++]));
      const values = Array.from({ length: layout[next++] }, () => {
        const kind = layout[next++];
        if (kind === 0) return null;
        const value = layout[next++];
        return kind === 1 ? value === 1 : kind === 2 ? value : cut(value);
      });
      statements.push(statement.bind(...values));
    }
    return [0, JSON.stringify(await database.batch(statements)) ?? ""];
  });
}

/** Sends messages: of each, `layout` has the end of what comes before the shared part, the shared part's range, its own end, the delay. */
export function send(call, place, own, shared, layout) {
  const text = (bytes, from, to) => decoder.decode(bytes.subarray(from, to));
  const messages = [];
  for (let next = 0, at = 0; next < layout.length; next += 5) {
    const [middle, from, to, end, delaySeconds] = layout.subarray(next, next + 5);
    const body = text(own, at, middle) + text(shared, from, to) + text(own, middle, end);
    messages.push({ body, contentType: "text", delaySeconds });
    at = end;
  }
  settle(call, async () => { await bindings[place].sendBatch(messages); });
}

export function get(call, place, key) {
  settle(call, async () => {
    const text = await bindings[place].get(key);
    return typeof text === "string" ? [0, text] : [ABSENT];
  });
}
export function put(call, place, key, text, expirationTtl) {
  settle(call, async () => { await bindings[place].put(key, text, { expirationTtl }); });
}
export function limit(call, place, key) {
  settle(call, async () => [(await bindings[place].limit({ key })).success ? 1 : 0]);
}
export function mail(call, place, from, to, subject, text) {
  settle(call, async () => { await bindings[place].send({ from, to, subject, text }); });
}
/** Writes data points. Returns why that failed. */
export function writePoints(place, json) {
  try { JSON.parse(json).forEach((point) => bindings[place].writeDataPoint(point)); } catch (error) { return described(error); }
}

/** The kept key of this id, or the one that `make` imports. */
async function kept(id, make) {
  if (!keys.has(id)) {
    const key = await make();
    if (keys.size >= MOST_KEYS) keys.clear();
    keys.set(id, key);
  }
  return keys.get(id);
}
/** AES-256-GCM: `operation` is `encrypt` or `decrypt`. */
export function aes(call, operation, id, raw, iv, additionalData, data) {
  const [bytes, input] = [raw.slice(), data.slice()];
  const parameters = { name: "AES-GCM", iv: iv.slice(), additionalData: additionalData.slice(), tagLength: 128 };
  settle(call, async () => {
    const key = await kept(id, () => crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]));
    return [0, "", new Uint8Array(await crypto.subtle[operation](parameters, key, input))];
  });
}
/** RS256. */
export function verify(call, id, n, e, data, signature) {
  const [signed, by] = [data.slice(), signature.slice()];
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  settle(call, async () => {
    const key = await kept(id, () => crypto.subtle.importKey("jwk", { kty: "RSA", alg: "RS256", n, e }, algorithm, false, ["verify"]));
    return [(await crypto.subtle.verify(algorithm.name, key, by, signed)) ? 1 : 0];
  });
}

/** Raw DEFLATE, there or back. */
export function deflate(call, bytes, back) {
  const input = bytes.slice();
  settle(call, async () => {
    const stream = back ? new DecompressionStream("deflate-raw") : new CompressionStream("deflate-raw");
    const writer = stream.writable.getWriter();
    // A refusal shows at the other end.
    writer.write(input).catch(() => {});
    writer.close().catch(() => {});
    return [0, "", new Uint8Array(await new Response(stream.readable).arrayBuffer())];
  });
}
