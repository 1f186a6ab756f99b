// The least that somebody would accept for the same jobs, in plain JavaScript: what an EventBridge API destination
// would do without us. It has no retries, no signature and no log, and checks nothing but the keys.
import { isAdminToken } from "./token.js";

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/events") return takeEvents(request, env);
    const authorized =
      request.headers.get("x-admin-api-key") === env.ADMIN_API_KEY &&
      (await isAdminToken(request.headers.get("authorization"), env));
    if (!authorized) return refused();
    const orgId = pathname.slice("/tenants/".length);
    return request.method === "POST" ? register(orgId, await request.json(), env) : show(orgId, env);
  },

  async queue(batch, env) {
    await Promise.all(batch.messages.map((message) => forward(message.body, env)));
  },
};

function refused() {
  return Response.json({ success: false, error: "unauthorized" }, { status: 401 });
}

async function takeEvents(request, env) {
  if (request.headers.get("x-events-key") !== env.EVENTS_API_KEY) return refused();
  const body = await request.json();
  if (Array.isArray(body)) await env.EVENTS.sendBatch(body.map((event) => ({ body: event })));
  else await env.EVENTS.send(body);
  return Response.json({ accepted: Array.isArray(body) ? body.length : 1 }, { status: 202 });
}

/** Sends an event to the URLs of its tenant's webhooks, whatever they answer. */
async function forward(event, env) {
  const select = env.DATABASE.prepare("SELECT url FROM webhooks WHERE org_id = ?").bind(event.detail.partnerId);
  const { results } = await select.all();
  const body = JSON.stringify(event);
  const headers = { "content-type": "application/json" };
  await Promise.all(results.map(({ url }) => fetch(url, { method: "POST", headers, body })));
}

async function show(orgId, env) {
  const columns = "org_id AS orgId, org_name AS orgName, owner_email AS ownerEmail";
  const tenant = await env.DATABASE.prepare(`SELECT ${columns} FROM tenants WHERE org_id = ?`).bind(orgId).first();
  return tenant ? Response.json(tenant) : Response.json({ success: false, error: "not_found" }, { status: 404 });
}

/** Creates a tenant with its webhooks, before anything is measured. */
async function register(orgId, { orgName, ownerEmail, urls }, env) {
  const tenant = env.DATABASE.prepare("INSERT INTO tenants (org_id, org_name, owner_email) VALUES (?, ?, ?)");
  const webhook = env.DATABASE.prepare("INSERT INTO webhooks (org_id, url) VALUES (?, ?)");
  await env.DATABASE.batch([tenant.bind(orgId, orgName, ownerEmail), ...urls.map((url) => webhook.bind(orgId, url))]);
  return Response.json({ success: true }, { status: 201 });
}
