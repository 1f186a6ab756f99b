// Starts a fresh isolate of a Worker for each request, and has the isolate answer: `GET /<Worker>/<a number never used before>`. What
// the isolate answers is the refusal of a request without credentials, so no binding is used: they are all stand-ins.
import adminScript from "./admin-api.txt";
import adminWasm from "./admin-api.bin";
import honoScript from "./hono.txt";

const MODULES = {
  "admin-api": () => ({ "index.js": { js: adminScript }, "index_bg.wasm": { wasm: adminWasm } }),
  hono: () => ({ "index.js": { js: honoScript } }),
  empty: () => ({ "index.js": { js: "export default { fetch: () => new Response(null, { status: 401 }) };" } }),
};
const BINDINGS = ["DATABASE", "DATABASE_0", "CACHE", "RETRIES", "EVENTS", "FAILURES", "PARTNER_REQUESTS"];

export default {
  fetch(request, { LOADER, STAND_IN, ...settings }) {
    const [, name, number] = new URL(request.url).pathname.split("/");
    const isolate = LOADER.get(`${name} ${number}`, () => ({
      compatibilityDate: "2026-11-01",
      compatibilityFlags: ["global_fetch_strictly_public", "no_nodejs_compat"],
      mainModule: "index.js",
      modules: MODULES[name](),
      env: { ...settings, ...Object.fromEntries(BINDINGS.map((binding) => [binding, STAND_IN])) },
      globalOutbound: null,
    }));
    return isolate.getEntrypoint().fetch("https://localhost/tenants/none");
  },
};
