// The routes under /inbox/<name>.
import { parseBehavior } from "./behavior.js";
import { inboxPage } from "./pages.js";
import { html, problem } from "./responses.js";

const NAME = /^[a-z0-9-]{1,64}$/;

/** Names that this isolate has already put on the list, so that few messages need the second Durable Object. */
const listed = new Set();

/** Any method but GET, HEAD and DELETE on `/inbox/<name>` is a message; the front page explains the rest. */
export async function routeInbox(request, env, url) {
  const [, , segment, action, ...rest] = url.pathname.split("/");
  const reads = request.method === "GET" || request.method === "HEAD";
  const asJson = action === undefined && reads && segment.endsWith(".json");
  const name = asJson ? segment.slice(0, -".json".length) : segment;
  if (!NAME.test(name)) {
    return problem(400, "invalid_name", "name: an inbox's name is 1 to 64 of the characters a-z, 0-9 and -.", {
      name: "must be 1 to 64 of a-z, 0-9 and -",
    });
  }
  const inbox = env.INBOX.getByName(name);
  if (action === "behavior" && rest.length === 0) return routeBehavior(request, inbox);
  if (action !== undefined) return problem(404, "not_found", "An inbox has /inbox/<name>, /inbox/<name>.json and /inbox/<name>/behavior.");

  if (asJson) return Response.json({ name, messages: await inbox.messages() }, { headers: { "cache-control": "no-store" } });
  if (reads) {
    const [messages, behavior] = [await inbox.messages(), await inbox.behavior()];
    return html(inboxPage({ name, origin: url.origin, messages, behavior }));
  }
  if (request.method === "DELETE") {
    await inbox.clear();
    await env.INBOX_NAMES.getByName("all").remove(name);
    listed.delete(name);
    return new Response(null, { status: 204 });
  }
  if (!listed.has(name)) {
    await env.INBOX_NAMES.getByName("all").add(name);
    listed.add(name);
  }
  return inbox.fetch(new Request(request, { redirect: "manual" }));
}

async function routeBehavior(request, inbox) {
  if (request.method === "GET") return Response.json(await inbox.behavior());
  if (request.method !== "PUT") return problem(405, "method_not_allowed", "GET shows the behaviour, PUT changes it.");
  const { behavior, fields } = parseBehavior(await request.text());
  if (fields) {
    const message = Object.entries(fields).map(([field, reason]) => `${field}: ${reason}`).join("; ");
    return problem(400, "invalid_behavior", message, fields);
  }
  return Response.json(await inbox.setBehavior(behavior));
}
