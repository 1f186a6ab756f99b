// Asks each Worker's /health, and Workers Logs for lines with `level: error`, for more than a few `events not settled`, and whether
// events come in by day. Tells ALERT_URL what it finds, and fails then.
//
// WORKER_ORIGINS: the Workers' origins with white space between them (`cargo xtask addresses --env ENVIRONMENT` prints them).
// CLOUDFLARE_ACCOUNT_ID and LOG_TOKEN (a token with Workers Observability: Read): without the token only /health is asked.
// WATCH_TRAFFIC: `true` where an hour without an event is a finding.
// ALERT_URL: takes a JSON object with `text`, as incoming webhooks of Slack, Mattermost and Teams do.
const { env } = process;
const API = env.CLOUDFLARE_API_BASE_URL ?? 'https://api.cloudflare.com/client/v4';
/** Longer than the five minutes between two runs: GitHub starts them late. */
const MINUTES = 10;
/** D1 fails to answer now and then. */
const MOST_UNSETTLED = 5;
/** The hours (UTC) in which locks and keys change at least once an hour. */
const DAY = { from: 7, to: 18 };
const findings = [];

async function ask(url, options = {}) {
  return await fetch(url, { signal: AbortSignal.timeout(20_000), redirect: 'manual', ...options });
}

/** Two attempts, so that one lost connection wakes nobody. */
async function health(origin) {
  let last;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const answer = await ask(`${origin}/health`);
      if (answer.status === 200) return;
      last = `answers ${answer.status}`;
    } catch (error) {
      last = `does not answer (${error.cause?.code ?? error.name})`;
    }
  }
  findings.push(`${origin}/health ${last}`);
}

const is = (key, value) => ({ key, operation: 'eq', type: 'string', value });

/** The lines in Workers Logs that pass these filters: each `message` with its number. */
async function lines(minutes, filters) {
  const to = Date.now();
  const question = {
    queryId: 'watch', view: 'calculations', timeframe: { from: to - minutes * 60_000, to },
    parameters: {
      datasets: ['cloudflare-workers'], filters, calculations: [{ operator: 'count' }],
      groupBys: [{ type: 'string', value: 'message' }],
    },
  };
  const answer = await ask(`${API}/accounts/${env.CLOUDFLARE_ACCOUNT_ID}/workers/observability/telemetry/query`, {
    method: 'POST', body: JSON.stringify(question),
    headers: { authorization: `Bearer ${env.LOG_TOKEN}`, 'content-type': 'application/json' },
  });
  if (answer.status !== 200) throw new Error(`it answers ${answer.status}`);
  const { result } = await answer.json();
  const aggregates = (result?.calculations ?? []).flatMap((calculation) => calculation.aggregates ?? []);
  const counted = aggregates.map(({ count = 0, value = 0, groups = [] }) => {
    return { message: groups[0]?.value ?? 'level: error', number: Number(count || value) };
  });
  return counted.filter(({ number }) => number > 0);
}

const total = (counted) => counted.reduce((sum, { number }) => sum + number, 0);

async function logs() {
  if (!env.LOG_TOKEN) return;
  try {
    for (const { message, number } of await lines(MINUTES, [is('level', 'error')])) {
      findings.push(`${number} × "${message}" in ${MINUTES} minutes`);
    }
    const unsettled = total(await lines(MINUTES, [is('message', 'events not settled')]));
    if (unsettled > MOST_UNSETTLED) findings.push(`${unsettled} × "events not settled" in ${MINUTES} minutes`);
    const hour = new Date(env.NOW ?? Date.now()).getUTCHours();
    if (env.WATCH_TRAFFIC === 'true' && hour >= DAY.from && hour < DAY.to) {
      const batches = total(await lines(60, [is('message', 'batch'), is('queue', 'webhook-events')]));
      if (batches === 0) findings.push('no event has come in for an hour');
    }
  } catch (error) {
    findings.push(`Workers Logs cannot be asked: ${error.message}`);
  }
}

const origins = (env.WORKER_ORIGINS ?? '').split(/\s+/).filter(Boolean);
if (origins.length === 0) findings.push('WORKER_ORIGINS is empty: nothing is watched');
await Promise.all([...origins.map(health), logs()]);
if (findings.length > 0) {
  console.error(findings.join('\n'));
  if (env.ALERT_URL) {
    const told = await ask(env.ALERT_URL, {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ text: findings.join('\n') }),
    }).catch((error) => ({ status: error.name }));
    if (!(told.status >= 200 && told.status < 300)) console.error(`ALERT_URL was not told: ${told.status}`);
  }
  process.exitCode = 1;
}
