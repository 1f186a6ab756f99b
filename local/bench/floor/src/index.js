// The floor with a database: the least that takes events in and delivers them in plain JavaScript. It checks nothing but the keys,
// and has no retries, no signature and no log. Of each batch of events it reads D1 once, and writes D1 once, two rows a delivery.
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/events") return takeEvents(request, env);
    if (request.headers.get("x-admin-api-key") !== env.ADMIN_API_KEY) return refused();
    return register(pathname.slice("/tenants/".length), await request.json(), env);
  },

  async queue(batch, env) {
    const events = batch.messages.map(({ body }) => body);
    const byTenant = Map.groupBy(events, ({ detail }) => detail.partnerId);
    const read = "SELECT id, org_id AS orgId, url FROM webhooks WHERE org_id IN (SELECT value FROM json_each(?))";
    const { results } = await env.DATABASE.prepare(read).bind(JSON.stringify([...byTenant.keys()])).all();
    const sent = results.flatMap((webhook) => byTenant.get(webhook.orgId).map((event) => forward(event, webhook)));
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

/** Creates a tenant's webhooks, before anything is measured. */
async function register(orgId, { urls }, env) {
  const webhook = env.DATABASE.prepare("INSERT INTO webhooks (org_id, url) VALUES (?, ?)");
  if (urls.length > 0) await env.DATABASE.batch(urls.map((url) => webhook.bind(orgId, url)));
  return Response.json({ success: true }, { status: 201 });
}
