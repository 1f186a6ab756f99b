// Picks a Worker by the first label of the host name, or by the port in the host that the client asked for: the Workers' own
// ports are passed on to the gateway's. On plain localhost are the inbox, the cron trigger, and a way to put messages on the
// Queues.
import { runCrons } from "./cron.js";
import { routeInbox } from "./inbox_routes.js";
import { indexPage } from "./pages.js";
import { sendMessages } from "./queues.js";
import { html, problem } from "./responses.js";

export { Inbox } from "./inbox.js";
export { InboxNames } from "./inbox_names.js";

/** The Workers behind the gateway: the first label of the host name, and the service binding. */
const WORKERS = {
  "admin-api": "ADMIN_API",
  "partner-portal": "PARTNER_PORTAL",
  "webhook-delivery": "WEBHOOK_DELIVERY",
};

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    const named = url.hostname.endsWith(".localhost") ? url.hostname.split(".")[0] : env.WORKER_PORTS[url.port];
    const worker = WORKERS[named];
    // A redirect is the Worker's answer, which the browser has to follow and not the gateway.
    if (worker) return env[worker].fetch(new Request(request, { redirect: "manual" }));
    if (!["localhost", "127.0.0.1", "[::1]"].includes(url.hostname)) {
      return problem(404, "unknown_host", `No Worker answers to ${url.hostname}; try ${Object.keys(WORKERS).join(", ")} under .localhost.`);
    }

    if (url.pathname === "/health") return Response.json({ status: "ok", stack: env.STACK });
    if (url.pathname === "/cron") return runCrons(request, env, WORKERS);
    if (url.pathname.startsWith("/queues/")) return sendMessages(request, env, url);
    if (url.pathname === "/" || url.pathname === "/inbox") {
      if (request.method !== "GET" && request.method !== "HEAD") {
        return problem(405, "method_not_allowed", "Name the inbox: POST /inbox/<name>.");
      }
      const names = await env.INBOX_NAMES.getByName("all").list();
      return html(indexPage({ origin: url.origin, port: url.port, workers: Object.keys(WORKERS), ports: env.WORKER_PORTS, names }));
    }
    if (url.pathname.startsWith("/inbox/")) return routeInbox(request, env, url);
    return problem(404, "not_found", "There is nothing here; the front page lists what there is.");
  },
};
