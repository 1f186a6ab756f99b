// In a Worker the runtime's own parser reads URLs, where the tests in Rust have a crate: here the release build reads them.
import assert from "node:assert/strict";
import { test } from "node:test";
import { database, limiter, namespace, queue, worker } from "./worker.mjs";

const ISSUER = "https://login.example.com/";
const ALGORITHM = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
const ADMIN_KEY = "0123456789abcdef0123456789abcdef01234567";

const pair = await crypto.subtle.generateKey({ ...ALGORITHM, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }, true, ["sign", "verify"]);
const jwk = { ...await crypto.subtle.exportKey("jwk", pair.publicKey), kid: "one", use: "sig", alg: "RS256" };
globalThis.fetch = async () => Response.json({ keys: [jwk] });
console.log = () => {};

async function token() {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const seconds = Math.floor(Date.now() / 1000);
  const claims = {
    iss: ISSUER, aud: "https://admin-api.smartphonekey.com", sub: "auth0|one", iat: seconds, exp: seconds + 600,
    "https://smartphonekey.com/email": "admin@smartphonekey.com", "https://smartphonekey.com/email_verified": true,
    email: "admin@smartphonekey.com", email_verified: true,
  };
  const signed = `${part({ alg: "RS256", typ: "JWT", kid: "one" })}.${part(claims)}`;
  const signature = await crypto.subtle.sign(ALGORITHM.name, pair.privateKey, Buffer.from(signed));
  return `${signed}.${Buffer.from(signature).toString("base64url")}`;
}

const api = await worker("admin-api", {
  ENVIRONMENT: "prod", SHARDS: "1", WEBHOOK_SECRETS_KEY: Buffer.alloc(32, 7).toString("base64"), DATABASE_0: database(),
  EVENTS: queue(), RETRIES: queue(), VERSION: { id: "v" }, ADMIN_API_KEY: ADMIN_KEY, SERVICE_JWT_SECRET: "0123456789abcdef".repeat(3),
  AUTH0_ISSUER: ISSUER, AUTH0_AUDIENCE: "https://admin-api.smartphonekey.com", CACHE: namespace(), FAILURES: limiter(), PARTNER_REQUESTS: limiter(),
});
const headers = { "x-admin-api-key": ADMIN_KEY, authorization: `Bearer ${await token()}`, "content-type": "application/json" };
async function post(path, body) {
  const request = new Request(`https://api.example${path}`, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await api.call("fetch", request);
  return { status: answer.status, body: await answer.json() };
}

let tenants = 0;
/** The URL as a new webhook has it, or what is wrong with it. */
async function read(url) {
  const org = `tenant-${++tenants}`;
  const registered = await post(`/tenants/${org}/register`, { orgName: org, ownerEmail: "owner@example.com" });
  assert.equal(registered.status, 201, JSON.stringify(registered.body));
  const { status, body } = await post(`/tenants/${org}/webhooks`, { url, events: ["*"] });
  if (status !== 201) return body.fields.url;
  const listed = await api.call("fetch", new Request(`https://api.example/tenants/${org}/webhooks`, { headers }));
  const { webhooks } = await listed.json();
  return webhooks[0].url;
}

for (const [url, expected] of [
  ["https://example.com", "https://example.com/"],
  ["HTTPS://Hooks.Example.COM:443/a/../b?x=1&y=@:/?%20", "https://hooks.example.com/b?x=1&y=@:/?%20"],
  ["https://example.com:1024/ä", "https://example.com:1024/%C3%A4"],
  ["https://münchen.example.com/", "https://xn--mnchen-3ya.example.com/"],
  ["https://пример.рф/", "https://xn--e1afmkfd.xn--p1ai/"],
  ["https://ｅｘａｍｐｌｅ。ｃｏｍ/", "https://example.com/"],
  ["https://8.8.8.8.example.com/", "https://8.8.8.8.example.com/"],
  ["http://example.com/", "must use https"],
  ["https:/example.com/", "must use https"],
  ["https://user@example.com/", "must not contain user name or password"],
  ["https://example.com/#", "must not contain a fragment (#)"],
  ["https:///example.com/", "must name a host"],
  ["https://exam%70le.com/", "must not percent-encode its host"],
  ...["https://example.com:80/", "https://example.com:65536/", "https://example.com:4４3/", "https://example.com:44a/"].map((one) => [one, "must use port 443 or a port from 1024 to 65535"]),
  ...["127.0.0.1", "0x7f.1", "2130706433", "0177.1", "[::1]", "１２７.０.０.１", "①②⑦.⓪.⓪.①", "1.2.3.4.5", "example.123", "127.0.0.1."].map((host) => [`https://${host}/`, "must name a host, not an IP address"]),
  ["https://ｌｏｃａｌｈｏｓｔ/", "must name a host in the public DNS; localhost is not"],
  ["https://foo.𝐥𝐨𝐜𝐚𝐥/", "must name a host in the public DNS; foo.local is not"],
  ["https://ＣＯ.ＵＫ/", "must name a host of its own; co.uk is a public suffix, below which names belong to different owners"],
  ["https://smartphone\u212aey.com/", "must not point to SmartphoneKey's own hosts"],
  ...["a＠b.com", "xn--a.example.com", "example.com.", "a℀b.com", "exa<mple.com", "_dmarc.example.com"].map((host) => [`https://${host}/`, "must name a valid host: labels of 1 to 63 letters, digits and hyphens, at most 253 characters"]),
]) {
  test(`${url}`, async () => assert.equal(await read(url), expected));
}
