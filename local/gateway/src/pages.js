// The pages a person sees: the front page and an inbox.
import { escape, page } from "./html.js";

const STYLE = `
:root { color-scheme: light dark; --text: #1c2024; --soft: #60646c; --line: #d9dbe0; --page: #fbfbfc; --card: #fff; --accent: #0b62c4; --good: #18794e; --bad: #b42318; }
@media (prefers-color-scheme: dark) {
  :root { --text: #edeef0; --soft: #a6abb3; --line: #363a40; --page: #131417; --card: #1b1d21; --accent: #7ab8ff; --good: #4cc38a; --bad: #ff9592; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.125rem; margin: 2rem 0 .5rem; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
p { margin: .5rem 0; }
.soft { color: var(--soft); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .875rem 1rem; margin: .75rem 0; }
.head { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; }
.head time { margin-left: auto; }
.status { font-weight: 600; }
.good { color: var(--good); }
.bad { color: var(--bad); }
pre { margin: .5rem 0 0; padding: .625rem .75rem; border-radius: 8px; background: color-mix(in srgb, var(--text) 6%, transparent); font: .8125rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--soft); margin-top: .5rem; }
ul { margin: .25rem 0; padding-left: 1.25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .125rem .75rem; margin: .5rem 0 0; font: .8125rem/1.5 ui-monospace, monospace; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 30rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .25rem; } .head time { margin-left: 0; width: 100%; } }
`;

/** The front page: where the Workers are, the inboxes in use, and how to use one. */
export function indexPage({ origin, port, workers, ports, names }) {
  const link = (href, text) => `<li><a href="${escape(href)}">${escape(text)}</a></li>`;
  const scheme = new URL(origin).protocol;
  const own = Object.entries(ports).map(([port, name]) => `<code>${escape(`${scheme}//localhost:${port}`)}</code> (${escape(name)})`).join(", ");
  const inboxes = names.length > 0
    ? `<ul>${names.map((name) => link(`/inbox/${name}`, name)).join("")}</ul>`
    : `<p class="soft">None yet. An inbox begins with the first request to it; pick any name.</p>`;
  return page("SmartphoneKey, local", STYLE, `<main>
<h1>SmartphoneKey, on this machine</h1>
<p class="soft">The Workers, webhook inboxes to try them with, and a clock.</p>
<h2>Workers</h2>
<ul>${workers.map((name) => `${scheme}//${name}.localhost:${port}/`).map((href) => link(href, href)).join("")}</ul>
<p>Clients that resolve no name below localhost reach them at ${own}.</p>
<h2>Webhook inboxes</h2>
${inboxes}
<div class="card">
<p>Give <code>${escape(origin)}/inbox/&lt;name&gt;</code> as a webhook's URL, then look at it here, or at <code>/inbox/&lt;name&gt;.json</code>.</p>
<pre>${escape(`# Post something
curl -d '{"hello": "world"}' ${origin}/inbox/acme

# Fail twice, then answer 200 again
curl -X PUT ${origin}/inbox/acme/behavior -d '{"status": 500, "times": 2, "retryAfter": 2}'

# Empty it, and forget its behaviour
curl -X DELETE ${origin}/inbox/acme`)}</pre>
</div>
<h2>Cron</h2>
<p>The Workers' cron triggers run once a minute, and at once with <code>curl -X POST ${escape(origin)}/cron</code>.</p>
</main>`);
}

/** One inbox, newest message first: a person looks for what just came in. */
export function inboxPage({ name, origin, messages, behavior }) {
  const count = messages.length === 1 ? "1 message" : `${messages.length} messages`;
  const list = messages.length > 0
    ? messages.toReversed().map(messageCard).join("\n")
    : `<div class="card"><p>Nothing has arrived. Try:</p><pre>${escape(`curl -d '{"hello": "world"}' ${origin}/inbox/${name}`)}</pre></div>`;
  return page(`Inbox ${name}`, STYLE, `<header>
<p><a href="/">All inboxes</a></p>
<h1>Inbox ${escape(name)}</h1>
<p class="soft">${count}, newest first, the last 200 are kept · <a href="/inbox/${name}">Reload</a> · <a href="/inbox/${name}.json">JSON</a></p>
<p>Answers the next request with ${escape(describeBehavior(behavior))}.</p>
</header>
<main>
${list}
</main>`);
}

function messageCard(message) {
  const { status, delayMilliseconds } = message.answered;
  const tone = status < 300 ? "good" : status >= 400 ? "bad" : "";
  const delay = delayMilliseconds > 0 ? ` after ${delayMilliseconds} ms` : "";
  const headers = Object.entries(message.headers).map(([header, value]) => `<dt>${escape(header)}</dt><dd>${escape(value)}</dd>`);
  const kind = message.bodyBase64 === undefined ? "" : `<p class="soft">Not UTF-8; shown as well as it can be, and whole as base64 in the JSON.</p>`;
  const cut = message.bodyTruncatedFrom === undefined ? "" : `<p class="soft">Cut: ${message.bodyTruncatedFrom} bytes arrived.</p>`;
  return `<article class="card" id="message-${message.id}">
<div class="head"><strong>#${message.id}</strong> <span>${escape(message.method)} ${escape(message.query ?? "")}</span>
<span class="status ${tone}">answered ${status}${delay}</span> <time class="soft">${escape(message.receivedAt)}</time></div>
${message.body === "" ? `<p class="soft">No body.</p>` : `<pre>${escape(pretty(message.body))}</pre>`}${kind}${cut}
<details><summary>${headers.length} headers</summary><dl>${headers.join("")}</dl></details>
</article>`;
}

/** JSON is easier to read indented; the exact bytes are in the JSON document. */
function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

function describeBehavior({ status, delayMilliseconds, retryAfter, times, location }) {
  const parts = [String(status)];
  if (delayMilliseconds > 0) parts.push(`after ${delayMilliseconds} ms`);
  if (retryAfter !== undefined) parts.push(`and Retry-After ${retryAfter}`);
  if (location !== undefined) parts.push(`and Location ${location}`);
  if (times !== undefined) parts.push(times === 1 ? "once" : `${times} times`);
  return parts.join(" ");
}
