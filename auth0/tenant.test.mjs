// The tenant as auth0-deploy-cli reads it, by its own schemas, and the Actions, called as Auth0 calls them.
// AUTH0_TOOLS names the folder of the npm packages: `cargo xtask test` sets that.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(process.env.AUTH0_TOOLS, 'index.js'));
const AUDIENCE = 'https://admin-api.smartphonekey.com';
const CLAIM = 'https://smartphonekey.com/email';
const mappings = {
  ADMIN_AUDIENCE: AUDIENCE,
  ADMIN_EMAIL_CLAIM: CLAIM,
  PORTAL_ORIGIN: 'https://partner-portal.spk-stage.workers.dev',
};

async function load(inputFile = path.join(folder, 'tenant.yaml')) {
  const { default: YAMLContext } = require('auth0-deploy-cli/lib/context/yaml');
  const config = { AUTH0_INPUT_FILE: inputFile, AUTH0_KEYWORD_REPLACE_MAPPINGS: mappings };
  const context = new YAMLContext(config, {});
  await context.loadAssetsFromLocal();
  return context.assets;
}

/** The exports of an Action, with the environment's words put in. */
function action(assets, name) {
  const { code } = assets.actions.find((known) => known.name === name);
  const module = { exports: {} };
  new Function('exports', 'module', code)(module.exports, module);
  return module.exports;
}

/** Auth0's `api` object: what an Action did with it. */
function recorder() {
  const claims = {};
  const denied = [];
  const api = {
    access: { deny: (...reasons) => denied.push(reasons) },
    accessToken: { setCustomClaim: (name, value) => { claims[name] = value; } },
  };
  return { api, claims, denied };
}

test('auth0-deploy-cli takes the tenant, with every word put in', async () => {
  const assets = await load();
  assert.doesNotMatch(JSON.stringify(assets), /##|@@/);
  const portal = assets.clients.find((client) => client.name === 'Partner Portal');
  assert.deepEqual(portal.callbacks, ['https://partner-portal.spk-stage.workers.dev/callback']);
  assert.deepEqual(portal.allowed_logout_urls, ['https://partner-portal.spk-stage.workers.dev/']);
  assert.equal(portal.token_endpoint_auth_method, 'client_secret_post');
  const [api] = assets.resourceServers;
  assert.equal(api.subject_type_authorization.user.policy, 'require_client_grant');
  assert.equal(api.subject_type_authorization.client.policy, 'require_client_grant');
  assert.ok(!assets.clientGrants.some((grant) => grant.client_id === 'Partner Portal'));
});

test('every name that the tenant refers to is there', async () => {
  const assets = await load();
  const clients = assets.clients.map((client) => client.name);
  const actions = assets.actions.map((known) => known.name);
  for (const grant of assets.clientGrants) {
    assert.ok(clients.includes(grant.client_id), grant.client_id);
    assert.equal(grant.audience, assets.resourceServers[0].identifier);
  }
  for (const [trigger, bound] of Object.entries(assets.triggers)) {
    for (const { action_name: name } of bound) {
      assert.ok(actions.includes(name), name);
      assert.equal(assets.actions.find((known) => known.name === name).supported_triggers[0].id, trigger);
    }
  }
  for (const client of assets.databases[0].enabled_clients) assert.ok(clients.includes(client), client);
});

test("auth0-deploy-cli's schemas refuse what Auth0 would", async (context) => {
  const { mkdtempSync, writeFileSync, rmSync } = await import('node:fs');
  const { tmpdir } = await import('node:os');
  const other = mkdtempSync(path.join(tmpdir(), 'auth0-'));
  context.after(() => rmSync(other, { recursive: true }));
  const text = readFileSync(path.join(folder, 'tenant.yaml'), 'utf8');
  writeFileSync(path.join(other, 'tenant.yaml'), text.replaceAll('require_client_grant', 'some_policy'));
  await assert.rejects(load(path.join(other, 'tenant.yaml')), /subject_type_authorization|Schema validation/);
});

test('a person with a verified address gets both claims, for the Admin API alone', async () => {
  const { onExecutePostLogin } = action(await load(), 'Admin Token of a Person');
  const user = { email: 'ada@smartphonekey.com', email_verified: true };
  const admin = recorder();
  await onExecutePostLogin({ user, resource_server: { identifier: AUDIENCE } }, admin.api);
  assert.deepEqual(admin.claims, { [CLAIM]: 'ada@smartphonekey.com', [`${CLAIM}_verified`]: true });
  for (const resource_server of [undefined, { identifier: 'https://other.example' }]) {
    const portal = recorder();
    await onExecutePostLogin({ user, resource_server }, portal.api);
    assert.deepEqual([portal.claims, portal.denied], [{}, []]);
  }
});

test('a person whose address is not verified is denied everywhere', async () => {
  const { onExecutePostLogin } = action(await load(), 'Admin Token of a Person');
  for (const email_verified of [false, undefined, 'true']) {
    for (const resource_server of [undefined, { identifier: AUDIENCE }]) {
      const { api, claims, denied } = recorder();
      await onExecutePostLogin({ user: { email: 'ada@smartphonekey.com', email_verified }, resource_server }, api);
      assert.equal(denied.length, 1);
      assert.deepEqual(claims, {});
    }
  }
});

test('a script gets the address of its application, and none without', async () => {
  const { onExecuteCredentialsExchange } = action(await load(), 'Admin Token of a Script');
  const exchange = async (metadata) => {
    const { api, claims, denied } = recorder();
    await onExecuteCredentialsExchange({ client: { metadata }, resource_server: { identifier: AUDIENCE } }, api);
    return { claims, denied: denied.length };
  };
  assert.deepEqual(await exchange({ admin_email: 'script@smartphonekey.com' }), {
    claims: { [CLAIM]: 'script@smartphonekey.com', [`${CLAIM}_verified`]: true },
    denied: 0,
  });
  for (const metadata of [undefined, {}, { admin_email: '' }]) {
    assert.deepEqual(await exchange(metadata), { claims: {}, denied: 1 });
  }
});
