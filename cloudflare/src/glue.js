// The glue between the runtime and Wasm: one call across the edge does here what would take dozens from Rust. Work that takes time
// gets a `call`, the number that Rust waits for. `finish` hands over its outcome: the number, the time, a code, a text and bytes.
// Arguments that are bytes lie in the memory of Wasm, and are copied before the first `await`.

/** Codes beside statuses: something was thrown, the deadline passed, there is nothing. */
const [FAILED, LATE, ABSENT] = [-1, -2, -3];
const NOTHING = new Uint8Array();
const MOST_KEYS = 32;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const [bindings, keys, promises, timers] = [[], new Map(), new Map(), new Map()];
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
/** Reads into `chunks` until there are more than `most` bytes. Returns the reader if there may be more. */
async function readInto(chunks, body, most) {
  const reader = body.getReader();
  for (let length = 0; length <= most;) {
    const { done, value } = await reader.read();
    if (done) return undefined;
    length += chunks[chunks.push(value) - 1].byteLength;
  }
  return reader;
}
/** Reads an answer that somebody else sends, and lets go of the rest. */
async function readAnswer(chunks, { body }, most) {
  if (body) (await readInto(chunks, body, most))?.cancel().catch(() => {});
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
  settle(call, async () => {
    const values = names.split("\n").map((name) => request.headers.get(name));
    const text = [request.method, request.url, ...values.map((value) => value === null ? "" : `+${value}`)].join("\n");
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
export function describeBatch({ queue, messages }) {
  return [queue, ...messages.map(({ timestamp }) => Number(timestamp) || 0)].join("\n");
}
export function message({ messages }, index) {
  return typeof messages[index].body === "string" ? messages[index].body : "";
}
/** Settles each message: a negative delay acknowledges, any other asks for the message again after so many seconds. */
export function settleBatch({ messages }, delays) {
  messages.forEach((message, index) => delays[index] < 0 ? message.ack() : message.retry({ delaySeconds: delays[index] }));
}

/** Makes one attempt. From the status on, nothing changes the outcome. */
export function attempt(call, url, headers, bytes, timeout, most) {
  const [body, chunks] = [bytes.slice(), []];
  settle(call, async () => {
    let response;
    const outcome = await within(timeout, async (signal) => {
      response = await fetch(url, { method: "POST", headers: pairs(headers), body, redirect: "manual", signal });
      if (response.ok) response.body?.cancel().catch(() => {});
      else await readAnswer(chunks, response, most);
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
    await readAnswer(chunks, response, most);
    return [response.status, "", joined(chunks, most + 1)];
  }));
}
export function sleep(call, milliseconds) {
  settle(call, () => new Promise((resolve) => timers.set(call, setTimeout(resolve, milliseconds))).finally(() => timers.delete(call)));
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
    const value = (kind) => kind === 0 ? null : kind === 1 ? layout[next++] === 1 : kind === 2 ? layout[next++] : cut(layout[next++]);
    while (next < layout.length) {
      const statement = database.prepare(cut(layout[next++]));
      statements.push(statement.bind(...Array.from({ length: layout[next++] }, () => value(layout[next++]))));
    }
    return [0, JSON.stringify(await database.batch(statements)) ?? ""];
  });
}
/** Sends messages: `layout` has where each ends in `texts`, and its delay. */
export function send(call, place, texts, layout) {
  const messages = [];
  for (let next = 0, at = 0; next < layout.length; next += 2) {
    const body = decoder.decode(texts.subarray(at, at = layout[next]));
    messages.push({ body, contentType: "text", delaySeconds: layout[next + 1] });
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
  if (keys.has(id)) return keys.get(id);
  const key = await make();
  if (keys.size >= MOST_KEYS) keys.clear();
  keys.set(id, key);
  return key;
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
    for (const step of [writer.write(input), writer.close()]) step.catch(() => {});
    return [0, "", new Uint8Array(await new Response(stream.readable).arrayBuffer())];
  });
}
