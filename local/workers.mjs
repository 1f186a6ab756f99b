// Runs Workers in workerd by Miniflare's API: `node workers.mjs CONFIG...`, each a wrangler.json with its `.dev.vars`.
//
// `wrangler dev` has a proxy in front, which caps single requests near 450 a second. Here the first Worker is reached
// at PORT, and each that DIRECT_PORTS names (JSON, name → port) at a port of its own, with nothing in between.
// State is kept where `wrangler dev --persist-to STATE_DIRECTORY` would have it.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { unstable_getMiniflareWorkerOptions as optionsOf } from "wrangler";

// wrangler's own Miniflare: the very one that `wrangler dev` runs.
const { Log, LogLevel, Miniflare, convertV4MiniflareOptions } = createRequire(import.meta.resolve("wrangler"))("miniflare");

const HOST = "127.0.0.1";
const MODULES = { ".js": "ESModule", ".wasm": "CompiledWasm", ".txt": "Text", ".bin": "Data" };
const { PORT, STATE_DIRECTORY, DIRECT_PORTS } = process.env;
const directPorts = JSON.parse(DIRECT_PORTS);

function worker(config) {
  const { name } = JSON.parse(readFileSync(config, "utf8"));
  // Miniflare wants modules listed one by one, in place of wrangler's rules.
  const { workerOptions: { modulesRules, ...options }, main } = optionsOf(config);
  const folder = dirname(main);
  const paths = readdirSync(folder).map((file) => join(folder, file)).filter((path) => extname(path) in MODULES);
  const modules = [main, ...paths.filter((path) => path !== main)].map((path) => ({ type: MODULES[extname(path)], path }));
  const port = directPorts[name];
  return { ...options, name, modules, modulesRoot: folder, ...(port && { unsafeDirectSockets: [{ host: HOST, port }] }) };
}

const miniflare = new Miniflare(
  convertV4MiniflareOptions({
    workers: process.argv.slice(2).map(worker),
    host: HOST,
    port: Number(PORT),
    cf: false,
    log: new Log(LogLevel.WARN),
    resourcePersistencePath: join(STATE_DIRECTORY, "v3"),
  }),
);
process.on("SIGTERM", async () => {
  await miniflare.dispose();
  process.exit();
});
await miniflare.ready;
