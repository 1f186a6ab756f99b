// Messages by hand, as from another Worker of the account or from a Queue that delivers a message twice.
import { problem } from "./responses.js";

/** The queues, by name, and their producer bindings. */
const QUEUES = { "webhook-events": "EVENTS", "webhook-retries": "RETRIES" };

/** `POST /queues/<name>` puts each text of a JSON array on that queue. */
export async function sendMessages(request, env, url) {
  const binding = QUEUES[url.pathname.slice("/queues/".length)];
  if (!binding) return problem(404, "unknown_queue", `There are these queues: ${Object.keys(QUEUES).join(", ")}.`);
  if (request.method !== "POST") return problem(405, "method_not_allowed", "POST a JSON array of texts.");
  const messages = await request.json().catch(() => undefined);
  const texts = Array.isArray(messages) && messages.length > 0 && messages.every((message) => typeof message === "string");
  if (!texts) return problem(400, "invalid_request", "body: must be a JSON array of texts, at least one");
  await env[binding].sendBatch(messages.map((body) => ({ body, contentType: "text" })));
  return Response.json({ sent: messages.length }, { status: 202 });
}
