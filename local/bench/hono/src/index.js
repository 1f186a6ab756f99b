// The Admin API's busiest routes as many would write them: Hono for the routes, jose for the tokens, and the same SQL on the same
// tables as ours, one D1 batch a request. It checks both credentials, and what a body has to be; and it has no log, no audit of
// what it refuses, no limits on guessing, and no repeatable requests.
import { Hono } from "hono";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { seal } from "./seal.js";
import * as sql from "./sql.js";

const app = new Hono();
let keys;

app.use(async (context, next) => {
  const { env, req } = context;
  const refused = () => context.json({ success: false, error: "unauthorized" }, 401);
  if (req.header("x-admin-api-key") !== env.ADMIN_API_KEY) return refused();
  const [scheme, token] = req.header("authorization")?.split(" ") ?? [];
  if (scheme !== "Bearer" || !token) return refused();
  keys ??= createRemoteJWKSet(new URL(`${env.AUTH0_ISSUER}.well-known/jwks.json`));
  try {
    const { payload } = await jwtVerify(token, keys, { issuer: env.AUTH0_ISSUER, audience: env.AUTH0_AUDIENCE, algorithms: ["RS256"] });
    if (!payload.email.endsWith("@smartphonekey.com")) return context.json({ success: false, error: "email_domain_not_allowed" }, 403);
    context.set("actor", payload.email);
  } catch {
    return refused();
  }
  await next();
});

const notRegistered = (context) => context.json({ success: false, error: "tenant_not_registered" }, 404);
const invalid = (context, fields) => context.json({ success: false, error: "invalid_request", fields }, 400);
const transitioned = (context, orgId, version, more) => context.json({ success: true, aggregateId: orgId, version, ...more }, more ? 201 : 200);

app.get("/tenants/:orgId", async (context) => {
  const row = await context.env.DATABASE.prepare(sql.TENANT).bind(context.req.param("orgId"), Date.now()).first();
  if (!row) return notRegistered(context);
  const time = (milliseconds) => milliseconds && new Date(milliseconds).toISOString();
  const apiKey = row.prefix && {
    prefix: row.prefix, masked: `${row.prefix}…${row.suffix}`, createdAt: time(row.key_created_at), createdBy: row.key_created_by,
    expiresAt: time(row.expires_at),
  };
  return context.json({
    orgId: row.org_id, orgName: row.org_name, ownerEmail: row.owner_email, createdAt: time(row.created_at), createdBy: row.created_by,
    apiKey, webhookCount: row.webhook_count,
  });
});

app.patch("/tenants/:orgId", async (context) => {
  const { orgName, ...others } = await context.req.json();
  if (Object.keys(others).length > 0 || typeof orgName !== "string" || orgName.length < 1 || orgName.length > 120) {
    return invalid(context, { orgName: "must have 1 to 120 characters" });
  }
  const { DATABASE } = context.env;
  const orgId = context.req.param("orgId");
  const details = JSON.stringify({ orgName });
  const [{ results: [appended] }] = await DATABASE.batch([
    DATABASE.prepare(sql.APPEND_OF_TENANT).bind(orgId, "tenant", "TenantChanged", Date.now(), context.get("actor"), null, details),
    DATABASE.prepare(sql.UPDATE_TENANT).bind(orgId, orgName, null),
  ]);
  return appended ? transitioned(context, orgId, appended.version) : notRegistered(context);
});

app.post("/tenants/:orgId/webhooks", async (context) => {
  const { url, ...others } = await context.req.json();
  if (Object.keys(others).length > 0 || !URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    return invalid(context, { url: "must be a URL" });
  }
  const { DATABASE, WEBHOOK_SECRETS_KEY } = context.env;
  const [orgId, webhookId, now] = [context.req.param("orgId"), crypto.randomUUID(), Date.now()];
  const secret = `whsec_${btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))))}`;
  const sealed = await seal(WEBHOOK_SECRETS_KEY, `webhook secret ${webhookId}`, secret);
  const details = JSON.stringify({ webhookId, url, events: ["*"], auth: { type: "none" } });
  const [registered, , appended] = await DATABASE.batch([
    DATABASE.prepare(sql.REGISTERED).bind(orgId),
    DATABASE.prepare(sql.INSERT_WEBHOOK).bind(orgId, webhookId, url, '["*"]', sealed, now, "none", null, null, 20),
    DATABASE.prepare(sql.APPEND_OF_WEBHOOK).bind(orgId, "webhooks", "WebhookCreated", now, context.get("actor"), null, details, webhookId),
    DATABASE.prepare(sql.COUNT_WEBHOOKS).bind(orgId),
  ]);
  if (registered.results.length === 0) return notRegistered(context);
  const [row] = appended.results;
  if (!row) return context.json({ success: false, error: "webhook_limit_reached" }, 409);
  return transitioned(context, orgId, row.version, { webhookId, secret, auth: { type: "none" } });
});

// Creates a tenant, before anything is measured.
app.post("/tenants/:orgId/register", async (context) => {
  const { orgName, ownerEmail } = await context.req.json();
  await context.env.DATABASE.prepare(sql.REGISTER).bind(context.req.param("orgId"), orgName, ownerEmail, Date.now(), context.get("actor")).run();
  return transitioned(context, context.req.param("orgId"), 1, {});
});

export default app;
