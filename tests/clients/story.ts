// The README's story by the client that @hey-api/openapi-ts makes of the document, as a partner's developer would write it.
import { createClient } from "./hey-api-admin/client";
import * as api from "./hey-api-admin/sdk.gen";
import { verify } from "./verify.mjs";

type Settings = { adminApiUrl: string; adminApiKey: string; adminJwt: string; deliveryUrl: string; eventsKey: string; inboxUrl: string };

declare const process: { argv: string[] };
const settings: Settings = JSON.parse(process.argv[2]!);
const orgId = "story-in-typescript";
const inbox = `${settings.inboxUrl}/${orgId}`;
const json = { "content-type": "application/json" };

const client = createClient({
  baseUrl: settings.adminApiUrl,
  auth: ({ type }) => (type === "apiKey" ? settings.adminApiKey : settings.adminJwt),
});

function equal(found: unknown, expected: unknown, what: string): void {
  const [left, right] = [found, expected].map((value) => JSON.stringify(value));
  if (left !== right) throw new Error(`${what}: ${left} instead of ${right}`);
}

/** The answer of a call that has this status. */
function answer<T>(result: { data?: T; error?: unknown; response?: Response }, status: number): T {
  equal(result.response?.status, status, JSON.stringify(result.error));
  if (result.data === undefined) throw new Error("there is no answer");
  return result.data;
}

/** The code of a refusal that has this status. */
function refusal(result: { error?: { error: string }; response?: Response }, status: number): string {
  equal(result.response?.status, status, "status");
  if (result.error === undefined) throw new Error("there is no refusal");
  return result.error.error;
}

async function eventually<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 250))) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`${what} did not happen`);
}

async function publish(id: string): Promise<void> {
  const event = {
    version: "0", id, "detail-type": "KeyAdded", source: "spk.api", time: "2026-04-02T10:00:00Z",
    detail: { partnerId: orgId, data: { lockId: 7 } },
  };
  const headers = { ...json, "x-events-key": settings.eventsKey };
  const taken = await fetch(`${settings.deliveryUrl}/events`, { method: "POST", headers, body: JSON.stringify(event) });
  equal(await taken.json(), { accepted: 1 }, "published");
}

const path = { orgId };
equal(refusal(await api.issueApiKey({ client, body: { orgId } }), 404), "tenant_not_registered", "before");
const owner = { orgName: "Story in TypeScript", ownerEmail: "owner@example.com" };
const registered = answer(await api.registerTenant({ client, path, body: owner }), 201);
equal([registered.success, registered.aggregateId, registered.version], [true, orgId, 1], "registered");
const issued = answer(await api.issueApiKey({ client, body: { orgId } }), 201);
equal([issued.apiKey.length, issued.orgName, issued.expiresAt], [40, owner.orgName, null], "issued");
equal(refusal(await api.issueApiKey({ client, body: { orgId } }), 409), "active_key_exists", "twice");
const faults = await api.createWebhook({ client, path, body: { url: "ftp://example.com" } });
equal(refusal(faults, 400), "invalid_request", "a wrong URL");
equal(Object.keys(faults.error?.fields ?? {}), ["url"], "the wrong field");

const wanted: api.Options<import("./hey-api-admin").CreateWebhookData>["body"] = {
  url: inbox, events: ["LockCreated", "KeyAdded"], auth: { type: "apiKeyHeader", headerName: "X-Partner-Token" },
};
const created = answer(await api.createWebhook({ client, path, body: wanted }), 201);
if (created.auth.type !== "apiKeyHeader") throw new Error(`the auth is ${created.auth.type}`);
const { token } = created.auth;
const listed = answer(await api.listWebhooks({ client, path }), 200);
equal([listed.total, listed.limit, listed.offset], [1, 50, 0], "the page");
equal([listed.webhooks[0]?.status, listed.webhooks[0]?.events], ["active", wanted.events], "listed");

type Message = { headers: Record<string, string>; body: string };
const messages = async (): Promise<Message[]> => (await (await fetch(`${inbox}.json`)).json()).messages;
const webhook = { orgId, webhookId: created.webhookId };
await publish("7bf73129-1428-4cd3-a780-95db273d1611");
const first = await eventually("the event's arrival", async () => (await messages())[0]);
equal(first.headers["x-partner-token"], token, "the token");
verify(created.secret!, new Headers(first.headers), first.body);

await fetch(`${inbox}/behavior`, { method: "PUT", body: JSON.stringify({ status: 500, times: 2 }) });
const again = "0c9f6a1e-5d1b-4d6e-9d51-3a3f0b3d5d11";
await publish(again);
const delivered = await eventually("the third attempt", async () => {
  const { deliveries } = answer(await api.listDeliveries({ client, path: webhook }), 200);
  return deliveries.find(({ eventId, state }) => eventId === again && state === "delivered");
});
equal(delivered.attempts.map(({ status }) => status), [500, 500, 200], "attempts");
const one = answer(await api.getDelivery({ client, path: { ...webhook, eventId: again } }), 200);
equal([one.state, one.attempts.length], ["delivered", 3], "one delivery");

const changed = answer(await api.changeWebhook({ client, path: webhook, body: { auth: { type: "bearerToken" } } }), 200);
equal([changed.version, changed.auth?.type], [2, "bearerToken"], "changed");
const secret = answer(await api.revealWebhookSecret({ client, path: webhook }), 200);
equal([secret.secret, secret.previous], [created.secret, []], "the secret");
const rotated = answer(await api.rotateWebhookSecret({ client, path: webhook }), 200);
equal(rotated.secret.startsWith("whsec_"), true, "a new secret");
const partner = createClient({ baseUrl: settings.adminApiUrl, auth: issued.apiKey });
equal(answer(await api.listOwnWebhooks({ client: partner }), 200).webhooks.length, 1, "the partner's own");
equal(answer(await api.closeTenant({ client, path }), 200).success, true, "closed");
equal(refusal(await api.getTenant({ client, path }), 404), "tenant_not_registered", "after");
