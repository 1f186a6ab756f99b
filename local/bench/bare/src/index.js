// The bare floor: JavaScript that puts events on a Queue, and a consumer that fetches the tenants' URLs. Nothing else: no key is
// checked and nothing is kept. It shows how much of the time is the platform's own.

/** Each tenant's URLs. The consumer runs in the isolate that was told. */
const webhooks = new Map();

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const body = await request.json();
    if (pathname !== "/events") {
      webhooks.set(pathname.slice("/tenants/".length), body.urls);
      return Response.json({ success: true }, { status: 201 });
    }
    if (Array.isArray(body)) await env.EVENTS.sendBatch(body.map((event) => ({ body: event })));
    else await env.EVENTS.send(body);
    return Response.json({}, { status: 202 });
  },

  async queue(batch) {
    const events = batch.messages.map(({ body }) => body);
    await Promise.all(events.flatMap((event) => webhooks.get(event.detail.partnerId).map((url) => forward(event, url))));
  },
};

function forward(event, url) {
  return fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(event) });
}
