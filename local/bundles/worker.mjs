// A Worker's release build in Node, with every call that its Wasm makes across the edge counted. D1 is SQLite, Queues and KV are
// lists and maps, and `fetch` is the test's.
import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

const ROOT = new URL("../../", import.meta.url);

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.endsWith(".wasm")) {
      return { url: new URL(specifier, context.parentURL).href, format: "module", shortCircuit: true };
    }
    return next(specifier, context);
  },
  load(url, context, next) {
    const source = (text) => ({ source: text, format: "module", shortCircuit: true });
    if (url.endsWith(".wasm")) {
      const path = JSON.stringify(fileURLToPath(url));
      return source(`import { readFileSync } from "node:fs"; export default new WebAssembly.Module(readFileSync(${path}));`);
    }
    return next(url, context);
  },
});

// The bundle listens for errors of the runtime.
globalThis.addEventListener ??= () => {};

let [counting, made] = [undefined, 0];
const { Instance } = WebAssembly;
WebAssembly.Instance = new Proxy(Instance, {
  construct(target, [module, imports]) {
    made += 1;
    const counted = (name, call) => (...args) => {
      counting?.set(name, (counting.get(name) ?? 0) + 1);
      return call(...args);
    };
    const wrapped = Object.entries(imports).map(([from, functions]) => [from, Object.fromEntries(
      Object.entries(functions).map(([name, call]) => [name, typeof call === "function" ? counted(name, call) : call]),
    )]);
    return new target(module, Object.fromEntries(wrapped));
  },
});

/** Runs `work` and returns how often each import was called, the most frequent first. */
export async function crossings(work) {
  counting = new Map();
  try { await work(); } finally {
    const counted = counting;
    counting = undefined;
    return new Map([...counted].sort(([, one], [, other]) => other - one));
  }
}

/** The number of instances of Wasm that were made so far. */
export const instances = () => made;

export const total = (counted) => [...counted.values()].reduce((sum, count) => sum + count, 0);

/** The Worker of this name with its environment: `call("fetch", request)`. */
export async function worker(name, env) {
  const { default: handlers } = await import(new URL(`${name}/build/index.js`, ROOT));
  return { call: (event, argument) => handlers[event](argument, env) };
}

/** A D1 database with the tables of a shard. */
export function database() {
  const sqlite = new DatabaseSync(":memory:");
  const migrations = new URL("migrations/0001_tenants_api_keys_webhooks_deliveries.sql", ROOT);
  sqlite.exec(readFileSync(migrations, "utf8"));
  const run = ({ sql, values }) => {
    const statement = sqlite.prepare(sql);
    const results = statement.all(...values.map((value) => typeof value === "boolean" ? Number(value) : value));
    return { results, success: true, meta: { rows_read: results.length, rows_written: 0 } };
  };
  return {
    prepare: (sql) => ({ bind: (...values) => ({ sql, values }) }),
    async batch(statements) {
      sqlite.exec("BEGIN");
      try {
        const results = statements.map(run);
        sqlite.exec("COMMIT");
        return results;
      } catch (error) {
        sqlite.exec("ROLLBACK");
        throw error;
      }
    },
  };
}

/** A Queue: `messages` are those sent. */
export function queue() {
  const messages = [];
  return {
    messages,
    async send(body, options) { messages.push({ body, ...options }); },
    async sendBatch(sent) { messages.push(...sent); },
  };
}

/** A batch of a Queue's messages, and which were acknowledged or handed back. */
export function batch(name, bodies) {
  const [acknowledged, retried] = [new Set(), new Set()];
  const messages = bodies.map((body, index) => ({
    body, timestamp: new Date(), ack: () => acknowledged.add(index), retry: () => { acknowledged.delete(index); retried.add(index); },
  }));
  return { queue: name, messages, acknowledged, retried };
}

/** A rate limit that is never reached. */
export function limiter() {
  return { limit: async () => ({ success: true }) };
}

/** A KV namespace. */
export function namespace() {
  const values = new Map();
  const get = async (key) => values.get(key) ?? null;
  return { get, getWithMetadata: get, async put(key, value) { values.set(key, value); } };
}
