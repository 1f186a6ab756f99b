// Makes oidc-provider look like an Auth0 tenant.
import { MemoryAdapter } from "./adapter.mjs";
import { findAccount } from "./accounts.mjs";
import { errorPage, logoutPage, signedOutPage } from "./pages.mjs";

const HOUR = 3600;

/** The e-mail of an admin token when the request names none. */
const DEVELOPER = "developer@smartphonekey.com";

/** The provider's configuration: two clients, one for people through the portal, one for Admin API tokens. */
export function configuration({ keys, portalUrl, portalSecret, credentialsSecret, audience }) {
  return {
    adapter: MemoryAdapter,
    jwks: keys.jwks,
    cookies: { keys: keys.cookies },
    clients: [
      {
        client_id: "partner-portal",
        client_secret: portalSecret,
        token_endpoint_auth_method: "client_secret_post",
        grant_types: ["authorization_code"],
        response_types: ["code"],
        redirect_uris: [`${portalUrl}/callback`],
        post_logout_redirect_uris: [portalUrl, `${portalUrl}/`],
      },
      {
        client_id: "credentials",
        client_secret: credentialsSecret,
        token_endpoint_auth_method: "client_secret_post",
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
      },
    ],
    // Auth0's paths.
    routes: {
      authorization: "/authorize",
      token: "/oauth/token",
      userinfo: "/userinfo",
      jwks: "/.well-known/jwks.json",
      end_session: "/oidc/logout",
    },
    scopes: ["openid", "profile", "email"],
    claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"] },
    // Auth0 puts the claims of the scopes into the ID token itself.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount,
    loadExistingGrant: grantEverything,
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_context, client) => (client.grantTypeAllowed("client_credentials") ? audience : undefined),
        getResourceServerInfo: () => ({
          scope: "",
          audience,
          accessTokenTTL: HOUR,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
      rpInitiatedLogout: { enabled: true, logoutSource: logoutPage, postLogoutSuccessSource: signedOutPage },
    },
    extraTokenClaims: adminClaims,
    renderError: errorPage,
    ttl: {
      AccessToken: 24 * HOUR,
      AuthorizationCode: 60,
      ClientCredentials: HOUR,
      Grant: 72 * HOUR,
      IdToken: 10 * HOUR,
      Interaction: HOUR,
      Session: 72 * HOUR,
    },
  };
}

/** How the names of claims begin that Auth0's Action adds: `ADMIN_EMAIL_CLAIM` of the deployed environments. */
const NAMESPACE = "https://smartphonekey.com/";

/** Admin API tokens carry the e-mail that the token request names, so that refusals can be tried too. */
function adminClaims(context, token) {
  if (token.kind !== "ClientCredentials") return undefined;
  const { email = "", email_verified: verified } = context.oidc.body ?? {};
  const claims = { email: email || DEVELOPER, email_verified: verified !== "false" };
  // As Auth0's Action adds them, for the environments that read namespaced claims.
  const namespaced = Object.entries(claims).map(([name, value]) => [`${NAMESPACE}${name}`, value]);
  return { ...claims, ...Object.fromEntries(namespaced) };
}

/** Nobody is asked for consent: both clients are ours. */
async function grantEverything(context) {
  const { provider, session, client } = context.oidc;
  const known = session.grantIdFor(client.clientId);
  const existing = known && (await provider.Grant.find(known));
  if (existing) return existing;
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  grant.addOIDCScope("openid profile email");
  await grant.save();
  return grant;
}
