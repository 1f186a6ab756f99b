// The provider as its clients see it: a child process, plain HTTP.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, createPublicKey, randomBytes, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const PORTAL = "http://partner-portal.localhost:8787";
let directory, child, issuer;

// A port below those that the system gives to whoever asks for any: nobody takes it before the provider listens.
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return 10_000 + (port % 20_000);
}

async function start(port) {
  child = spawn(process.execPath, [fileURLToPath(new URL("server.mjs", import.meta.url))], {
    env: {
      PORT: port, STATE_DIRECTORY: directory, PORTAL_URL: PORTAL, PORTAL_CLIENT_SECRET: "portal-secret",
      CREDENTIALS_CLIENT_SECRET: "credentials-secret", AUDIENCE: "https://admin-api.smartphonekey.com",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await new Promise((resolve) => child.stdout.once("data", (data) => resolve(String(data).split("\n"))));
  assert.equal(line, `OpenID provider on http://localhost:${port}/`);
  issuer = `http://localhost:${port}/`;
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "openid-"));
  await start(await freePort());
});
after(async () => {
  child.kill();
  await rm(directory, { recursive: true });
});

async function keys() {
  return (await (await fetch(new URL(".well-known/jwks.json", issuer))).json()).keys;
}

/** The header and claims of a token whose signature is good. */
function read(token, jwks) {
  const [header, claims, signature] = token.split(".");
  const parse = (part) => JSON.parse(Buffer.from(part, "base64url"));
  const jwk = jwks.find(({ kid }) => kid === parse(header).kid);
  assert.ok(jwk, "the key is published");
  const key = createPublicKey({ key: jwk, format: "jwk" });
  assert.ok(verify("RSA-SHA256", Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, "base64url")));
  return { header: parse(header), claims: parse(claims) };
}

async function adminToken(extra = {}) {
  const body = new URLSearchParams({
    grant_type: "client_credentials", client_id: "credentials", client_secret: "credentials-secret", ...extra,
  });
  return (await (await fetch(new URL("oauth/token", issuer), { method: "POST", body })).json()).access_token;
}

/** A browser's cookies, and nothing more of a browser. */
function browser() {
  const jar = new Map();
  return async (url, init = {}) => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { redirect: "manual", ...init, headers: { cookie } });
    for (const header of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(header);
      if (value) jar.set(name, value);
      else jar.delete(name);
    }
    return response;
  };
}

/** What the page that asks whether to sign out sends. */
async function confirmation(page) {
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(await page.text())[1];
  return { method: "POST", body: new URLSearchParams({ xsrf, logout: "yes" }) };
}

/** Goes through the sign-in form; gives the ID token's claims, the token itself, and the browser. */
async function signIn(form, visit = browser()) {
  const verifier = randomBytes(32).toString("base64url");
  const authorize = new URL("authorize", issuer);
  authorize.search = new URLSearchParams({
    client_id: "partner-portal", response_type: "code", scope: "openid profile email", redirect_uri: `${PORTAL}/callback`,
    state: "the-state", nonce: "the-nonce", code_challenge_method: "S256",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"), prompt: "login",
  });
  const toForm = new URL((await visit(authorize)).headers.get("location"), issuer);
  assert.match(await (await visit(toForm)).text(), /<form method="post">/);
  let response = await visit(toForm, { method: "POST", body: new URLSearchParams(form) });
  while (response.status === 200 || new URL(response.headers.get("location"), issuer).origin === new URL(issuer).origin) {
    assert.ok(response.status < 400, `the provider answers ${response.status}`);
    // A page that sends its form by itself: somebody else was signed in.
    if (response.status === 200) response = await visit(new URL("oidc/logout/confirm", issuer), await confirmation(response));
    else response = await visit(new URL(response.headers.get("location"), issuer));
  }
  const callback = new URL(response.headers.get("location"));
  assert.equal(callback.origin + callback.pathname, `${PORTAL}/callback`);
  assert.equal(callback.searchParams.get("state"), "the-state");
  const body = new URLSearchParams({
    grant_type: "authorization_code", code: callback.searchParams.get("code"), redirect_uri: `${PORTAL}/callback`,
    client_id: "partner-portal", client_secret: "portal-secret", code_verifier: verifier,
  });
  const tokens = await (await fetch(new URL("oauth/token", issuer), { method: "POST", body })).json();
  return { ...read(tokens.id_token, await keys()), idToken: tokens.id_token, visit };
}

test("discovery names Auth0's paths and the issuer with its slash", async () => {
  const discovery = await (await fetch(new URL(".well-known/openid-configuration", issuer))).json();
  assert.equal(discovery.issuer, issuer);
  assert.equal(discovery.authorization_endpoint, `${issuer}authorize`);
  assert.equal(discovery.token_endpoint, `${issuer}oauth/token`);
  assert.equal(discovery.jwks_uri, `${issuer}.well-known/jwks.json`);
  assert.equal(discovery.end_session_endpoint, `${issuer}oidc/logout`);
});

test("an admin token is RS256, for an hour, and carries the e-mail asked for", async () => {
  const { header, claims } = read(await adminToken(), await keys());
  assert.equal(header.alg, "RS256");
  assert.equal(claims.iss, issuer);
  assert.equal(claims.aud, "https://admin-api.smartphonekey.com");
  assert.equal(claims.exp - claims.iat, 3600);
  assert.equal(claims.email, "developer@smartphonekey.com");
  assert.equal(claims.email_verified, true);
  assert.equal(claims["https://smartphonekey.com/email"], claims.email);
  assert.equal(claims["https://smartphonekey.com/email_verified"], true);
  const other = read(await adminToken({ email: "someone@example.com", email_verified: "false" }), await keys());
  assert.equal(other.claims.email, "someone@example.com");
  assert.equal(other.claims.email_verified, false);
});

test("any e-mail signs in, and its claims are in the ID token", async () => {
  const { claims } = await signIn({ email: "jane.doe@acme-corp.com" });
  assert.equal(claims.iss, issuer);
  assert.equal(claims.aud, "partner-portal");
  assert.equal(claims.nonce, "the-nonce");
  assert.equal(claims.email, "jane.doe@acme-corp.com");
  assert.equal(claims.email_verified, true);
  assert.equal(claims.name, "Jane Doe");
});

test("an address can be signed in as not verified", async () => {
  const { claims } = await signIn({ email: "new@acme-corp.com", unverified: "on" });
  assert.equal(claims.email, "new@acme-corp.com");
  assert.equal(claims.email_verified, false);
});

test("somebody else signs in where a person is signed in already", async () => {
  const { visit } = await signIn({ email: "first@acme-corp.com" });
  const { claims } = await signIn({ email: "second@acme-corp.com" }, visit);
  assert.equal(claims.email, "second@acme-corp.com");
});

test("signing out returns to the portal and forgets the person", async () => {
  const { idToken, visit } = await signIn({ email: "owner@acme-corp.com" });
  const logout = new URL("oidc/logout", issuer);
  logout.search = new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: `${PORTAL}/` });
  const done = await visit(new URL("oidc/logout/confirm", issuer), await confirmation(await visit(logout)));
  assert.equal(done.headers.get("location"), `${PORTAL}/`);
});

test("the keys outlive a restart", async () => {
  const token = await adminToken();
  child.kill();
  await new Promise((resolve) => child.once("exit", resolve));
  await start(Number(new URL(issuer).port));
  read(token, await keys());
});
