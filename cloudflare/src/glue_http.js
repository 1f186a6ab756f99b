// Requests and batches that come in, and requests that go out.
import { LATE, bindings, close, described, open, settle } from "./glue.js";

/** Bytes of bodies that are kept at a time. */
const MOST_IN_BODIES = 8_000_000;
const bodies = new Map();
let bytesInBodies = 0;

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
/** The headers of the answer in place of an answer that the platform refuses: those of every answer (`edge::serve`). */
const REFUSED_ANSWER = {
  "cache-control": "no-store",
  "strict-transport-security": "max-age=63072000; includeSubDomains",
  "x-content-type-options": "nosniff",
};
/** Gives an answer back. What the platform refuses becomes an answer without details. */
export function answer(call, status, headers, body) {
  let response;
  try {
    response = new Response(body.length > 0 ? body.slice() : null, { status, headers: pairs(headers) });
  } catch (error) {
    console.error(described(error));
    response = new Response("INTERNAL SERVER ERROR", { status: 500, headers: REFUSED_ANSWER });
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
  forgetBodies();
  messages.forEach((message, index) => delays[index] < 0 ? message.ack() : message.retry({ delaySeconds: delays[index] }));
}

/** The body of this number: copied once, for every webhook that gets it within a batch. */
function bodyOf(number, bytes) {
  const kept = bodies.get(number);
  if (kept) return kept;
  if (bytesInBodies + bytes.length > MOST_IN_BODIES) forgetBodies();
  bytesInBodies += bytes.length;
  const body = bytes.slice();
  bodies.set(number, body);
  return body;
}
function forgetBodies() {
  bodies.clear();
  bytesInBodies = 0;
}
/** Makes one attempt. From the status on, nothing changes the outcome. */
export function attempt(call, url, headers, number, bytes, timeout, most) {
  const [body, chunks] = [bodyOf(number, bytes), []];
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
