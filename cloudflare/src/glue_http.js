// Requests and batches that come in, and requests that go out.
import { FAILED, LATE, bindings, close, described, open, outcomeOf, settle, settled } from "./glue.js";

/** Bytes of bodies that are kept at a time. */
const MOST_IN_BODIES = 8_000_000;
const bodies = new Map();
let bytesInBodies = 0;

/**
 * The headers in `text`, which has names and values by turns, a line each; and the cookies, of which there may be several. The
 * runtime reads an object much faster than a list of pairs.
 */
function headersOf(text) {
  const [lines, headers, cookies] = [text.split("\n"), { __proto__: null }, []];
  for (let at = 0; at + 1 < lines.length; at += 2) {
    if (lines[at] === "set-cookie") cookies.push(lines[at + 1]);
    else headers[lines[at]] = lines[at + 1];
  }
  return { headers, cookies };
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

let readHeaders = [];
/** The names of the headers that the Worker reads, a line each. */
export function read(names) { readHeaders = names.split("\n"); }
/** Takes a request over: its method, its URL and, marked by `+`, the values of the headers that the Worker reads; and its body. */
export function take(call, request, most) {
  const { headers, method } = request;
  let text = `${method}\n${request.url}`;
  for (const name of readHeaders) {
    const value = headers.get(name);
    text += value === null ? "\n" : `\n+${value}`;
  }
  const promise = open(call);
  if (method === "GET" || method === "HEAD" || !request.body) settled(call, text);
  else settle(call, async () => [0, text, await bodyOfRequest(request, most)]);
  return promise;
}
/** At most one byte more than `most` of a request's body. */
async function bodyOfRequest(request, most) {
  const length = request.headers.get("content-length");
  if (length !== null && /^\d+$/.test(length) && Number(length) <= most) return new Uint8Array(await request.arrayBuffer());
  const chunks = [];
  await readInto(chunks, request.body, most);
  return joined(chunks, most + 1);
}
/** The headers of the answer in place of an answer that the platform refuses: those of every answer (`edge::serve`). */
const REFUSED_ANSWER = {
  "cache-control": "no-store",
  "strict-transport-security": "max-age=63072000; includeSubDomains",
  "x-content-type-options": "nosniff",
};
/** Gives an answer back. What the platform refuses becomes an answer without details. */
export function answer(call, status, text, body) {
  let response;
  try {
    const { headers, cookies } = headersOf(text);
    response = new Response(body.length > 0 ? body.slice() : null, { status, headers });
    for (const cookie of cookies) response.headers.append("set-cookie", cookie);
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
export async function attempt(call, url, text, number, bytes, timeout, most) {
  const [body, chunks, { headers }, end] = [bodyOf(number, bytes), [], headersOf(text), outcomeOf(call)];
  const controller = new AbortController();
  let response;
  const answered = () => {
    if (response.ok) end(response.status);
    else end(response.status, response.headers.get("retry-after") ?? "", joined(chunks, most));
  };
  const timer = setTimeout(() => {
    controller.abort();
    if (response) answered();
    else end(LATE);
  }, timeout);
  try {
    response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal: controller.signal });
    if (response.ok) response.body?.cancel().catch(() => {});
    else await readAnswer(chunks, response, most);
  } catch (error) {
    if (!response) end(FAILED, described(error));
  }
  clearTimeout(timer);
  if (response) answered();
}
/** Sends a request over a binding, or to the Internet where `place` is negative, and reads the answer's body. */
export function exchange(call, place, method, url, text, body, timeout, most) {
  settle(call, () => within(timeout, async (signal) => {
    const { headers } = headersOf(text);
    const init = { method, headers, body: body === "" ? undefined : body, redirect: "manual", signal };
    const response = await (place < 0 ? fetch(url, init) : bindings[place].fetch(url, init));
    const chunks = [];
    await readAnswer(chunks, response, most);
    return [response.status, "", joined(chunks, most + 1)];
  }));
}
