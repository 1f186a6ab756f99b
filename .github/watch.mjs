// Asks each Worker's /health, and Workers Logs for lines with `level: error`. Tells ALERT_URL what it finds, and fails then.
//
// WORKER_ORIGINS: the Workers' origins with white space between them (`cargo xtask addresses --env ENVIRONMENT` prints them).
// CLOUDFLARE_ACCOUNT_ID and LOG_TOKEN (a token with Workers Observability: Read): without the token only /health is asked.
// ALERT_URL: takes a JSON object with `text`, as incoming webhooks of Slack, Mattermost and Teams do.
const { env } = process;
const API = env.CLOUDFLARE_API_BASE_URL ?? 'https://api.cloudflare.com/client/v4';
/** Longer than the five minutes between two runs: GitHub starts them late. */
const MINUTES = 10;
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

async function errorLines() {
  if (!env.LOG_TOKEN) return;
  const to = Date.now();
  const question = {
    queryId: 'errors', view: 'calculations', timeframe: { from: to - MINUTES * 60_000, to },
    parameters: {
      datasets: ['cloudflare-workers'],
      filters: [{ key: 'level', operation: 'eq', type: 'string', value: 'error' }],
      calculations: [{ operator: 'count' }], groupBys: [{ type: 'string', value: 'message' }],
    },
  };
  try {
    const answer = await ask(`${API}/accounts/${env.CLOUDFLARE_ACCOUNT_ID}/workers/observability/telemetry/query`, {
      method: 'POST', body: JSON.stringify(question),
      headers: { authorization: `Bearer ${env.LOG_TOKEN}`, 'content-type': 'application/json' },
    });
    if (answer.status !== 200) throw new Error(`it answers ${answer.status}`);
    const { result } = await answer.json();
    for (const { aggregates = [] } of result?.calculations ?? []) {
      for (const { count = 0, value = 0, groups = [] } of aggregates) {
        const lines = Number(count || value);
        if (lines > 0) findings.push(`${lines} × "${groups[0]?.value ?? 'level: error'}" in ${MINUTES} minutes`);
      }
    }
  } catch (error) {
    findings.push(`Workers Logs cannot be asked: ${error.message}`);
  }
}

const origins = (env.WORKER_ORIGINS ?? '').split(/\s+/).filter(Boolean);
if (origins.length === 0) findings.push('WORKER_ORIGINS is empty: nothing is watched');
await Promise.all([...origins.map(health), errorLines()]);
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
