// The floor with a database: the least that does the same jobs in plain JavaScript. It checks nothing but the keys, and has no
// retries, no signature and no log. Of each batch of events it reads D1 once, and writes D1 once, two rows a delivery.
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
    const events = batch.messages.map(({ body }) => body);
    const tenants = [...new Set(events.map(({ detail }) => detail.partnerId))];
    const read = "SELECT id, org_id AS orgId, url FROM webhooks WHERE org_id IN (SELECT value FROM json_each(?))";
    const { results } = await env.DATABASE.prepare(read).bind(JSON.stringify(tenants)).all();
    const wanted = ({ orgId }) => events.filter(({ detail }) => detail.partnerId === orgId);
    const sent = results.flatMap((webhook) => wanted(webhook).map((event) => forward(event, webhook)));
    await env.DATABASE.prepare(WRITE).bind(JSON.stringify(await Promise.all(sent))).run();
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

const WRITE =
  "INSERT OR REPLACE INTO deliveries (webhook, event, at, status) " +
  "SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)";

/** Sends an event to a webhook. Returns the delivery's row, whatever the endpoint answers. */
async function forward(event, { id, url }) {
  const headers = { "content-type": "application/json" };
  const { status } = await fetch(url, { method: "POST", headers, body: JSON.stringify(event) });
  return [id, event.id, Date.now(), status];
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
