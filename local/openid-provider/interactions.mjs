// The sign-in form.
import { subjectOf } from "./accounts.mjs";
import { loginPage } from "./pages.mjs";

/** Handles `GET` and `POST /interaction/<id>`: shows the form, then gives the e-mail to the provider. */
export function interactions(provider) {
  return async (request, response) => {
    try {
      const { prompt, params } = await provider.interactionDetails(request, response);
      if (prompt.name !== "login") throw new Error(`nothing to show for the prompt ${prompt.name}`);
      if (request.method !== "POST") return send(response, 200, loginPage({ email: params.login_hint ?? "" }));
      const form = new URLSearchParams(await readBody(request));
      const email = (form.get("email") ?? "").trim();
      if (!/^[^@\s]+@[^@\s]+$/.test(email)) {
        return send(response, 400, loginPage({ email, fault: "Type an e-mail address, such as owner@acme-corp.com." }));
      }
      const login = { accountId: subjectOf(email, form.get("unverified") === null) };
      return await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
    } catch (error) {
      if (error.name !== "SessionNotFound") console.error("OpenID provider:", error);
      return send(response, 400, loginPage({ email: "", expired: true }));
    }
  };
}

function send(response, status, page) {
  response.writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" });
  response.end(page);
}

async function readBody(request) {
  let body = "";
  for await (const chunk of request) {
    body += chunk;
    if (body.length > 10_000) throw new Error("a form larger than any of ours");
  }
  return body;
}
