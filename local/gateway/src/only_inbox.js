// The webhook inbox without the local stack around it (inbox.toml).
import { routeInbox } from "./inbox_routes.js";
import { problem } from "./responses.js";

export { Inbox } from "./inbox.js";
export { InboxNames } from "./inbox_names.js";

export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname.startsWith("/inbox/")) return routeInbox(request, env, url);
    return problem(404, "not_found", "There is an inbox at /inbox/<name>.");
  },
};
