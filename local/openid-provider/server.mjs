// The OpenID provider that stands in for Auth0 on one machine. Settings come from the environment:
//   PORT                       where it listens, on loopback
//   STATE_DIRECTORY            where the signing keys last across restarts
//   PORTAL_URL                 the Partner Portal's origin, for its redirect URIs
//   PORTAL_CLIENT_SECRET       the secret of the client `partner-portal`
//   CREDENTIALS_CLIENT_SECRET  the secret of the client `credentials`, which gets Admin API tokens
//   AUDIENCE                   the Admin API's audience
//   TLS_KEY, TLS_CERTIFICATE   files, both or none: with them it speaks HTTPS
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { Provider } from "oidc-provider";
import { configuration } from "./configuration.mjs";
import { interactions } from "./interactions.mjs";
import { loadKeys } from "./keys.mjs";

function setting(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`The OpenID provider needs ${name} in its environment.`);
    process.exit(1);
  }
  return value;
}

const port = Number(setting("PORT"));
// With the trailing slash, as Auth0 has it: an issuer is compared byte by byte.
const secure = Boolean(process.env.TLS_KEY);
const issuer = `${secure ? "https" : "http"}://localhost:${port}/`;
const provider = new Provider(
  issuer,
  configuration({
    keys: await loadKeys(setting("STATE_DIRECTORY")),
    portalUrl: setting("PORTAL_URL"),
    portalSecret: setting("PORTAL_CLIENT_SECRET"),
    credentialsSecret: setting("CREDENTIALS_CLIENT_SECRET"),
    audience: setting("AUDIENCE"),
  }),
);
provider.on("server_error", (_context, error) => console.error("OpenID provider:", error));

const answer = provider.callback();
const interact = interactions(provider);
const respond = (request, response) => {
  (request.url.startsWith("/interaction/") ? interact : answer)(request, response);
};
const server = secure
  ? createSecureServer({ key: readFileSync(setting("TLS_KEY")), cert: readFileSync(setting("TLS_CERTIFICATE")) }, respond)
  : createServer(respond);
server.on("error", (error) => {
  console.error(`The OpenID provider cannot listen on port ${port}: ${error.message}`);
  process.exit(1);
});
server.listen(port, "127.0.0.1", () => console.log(`OpenID provider on ${issuer}`));
