// Cron by hand: the local runtime does not fire the Workers' triggers by itself.
import { problem } from "./responses.js";

/**
 * `POST /cron` runs the scheduled handler of every Worker that has cron triggers, once per expression; with `?worker=`,
 * of that Worker only. Answers when all have run, with 500 if any of them failed.
 */
export async function runCrons(request, env, workers) {
  if (request.method !== "POST") return problem(405, "method_not_allowed", "Use POST to run the cron triggers.");
  const only = new URL(request.url).searchParams.get("worker");
  if (only !== null && !(only in env.CRONS)) {
    return problem(400, "unknown_worker", `worker: ${only} has no cron triggers; those that do: ${Object.keys(env.CRONS).join(", ")}.`);
  }
  const runs = [];
  for (const [worker, crons] of Object.entries(env.CRONS)) {
    if (only !== null && worker !== only) continue;
    for (const cron of crons) {
      try {
        const { outcome } = await env[workers[worker]].scheduled({ cron, scheduledTime: new Date() });
        runs.push({ worker, cron, outcome });
      } catch (error) {
        runs.push({ worker, cron, outcome: "exception", error: String(error) });
      }
    }
  }
  return Response.json({ runs }, { status: runs.every((run) => run.outcome === "ok") ? 200 : 500 });
}
