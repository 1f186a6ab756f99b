// The glue between the runtime and Wasm: one call across the edge does here what would take dozens from Rust. Work that takes time
// gets a `call`, the number that Rust waits for. `finish` hands over its outcome: the number, the time, a code, a text and bytes.
// Arguments that are bytes lie in the memory of Wasm, and are copied before the first `await`.
/** Codes beside statuses: something was thrown, the deadline passed, there is nothing. */
export const [FAILED, LATE, ABSENT] = [-1, -2, -3];
const NOTHING = new Uint8Array();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
export const bindings = [];
const [promises, timers] = [new Map(), new Map()];
/** @type {(call: number, now: number, code: number, text: string, bytes: Uint8Array) => void} */
let finish;

/** Begins an instance of Wasm. What is under way still belongs to the instance before. */
export function start(callback) { finish = callback; }

/** The way to hand over the outcome of a call: its code, a text and bytes. The first outcome counts. */
export function outcomeOf(call) {
  let hand = finish;
  return (code = 0, text = "", bytes = NOTHING) => {
    const done = hand;
    hand = undefined;
    // Wasm runs within `done`. What ends Wasm is for `entry.js`.
    try { done?.(call, Date.now(), code, text, bytes); } catch (error) { reportError(error); }
  };
}
/** Hands over the outcome of `work`: by turns a code, a text and bytes. */
export function settle(call, work) {
  const end = outcomeOf(call);
  work().then((outcome = []) => end(...outcome), (error) => end(FAILED, described(error)));
}
/** Hands over, at once, what took no time. */
export function settled(call, text) { finish(call, Date.now(), 0, text, NOTHING); }
/** The text of what was thrown. */
export function described(error) {
  if (typeof error?.message === "string") return error.message;
  return typeof error === "string" ? error : "unknown error";
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
/** Sends messages: `layout` has of each the address and length of its text in the memory of Wasm, and its delay. */
export function send(call, place, layout) {
  const messages = [];
  for (let next = 0; next < layout.length; next += 3) {
    const body = decoder.decode(new Uint8Array(layout.buffer, layout[next], layout[next + 1]));
    messages.push({ body, contentType: "text", delaySeconds: layout[next + 2] });
  }
  const [first, ...others] = messages;
  settle(call, async () => {
    if (others.length > 0) await bindings[place].sendBatch(messages);
    // A single message goes without the JSON and the base64 of a batch.
    else if (first) await bindings[place].send(first.body, first);
  });
}
/** What waits on a Queue: the number of messages, and when the oldest was sent. */
export function backlog(call, place) {
  settle(call, async () => {
    const { backlogCount, oldestMessageTimestamp } = await bindings[place].metrics();
    return [0, `${backlogCount} ${Number(oldestMessageTimestamp ?? 0)}`];
  });
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
