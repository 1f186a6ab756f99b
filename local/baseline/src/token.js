// Checks admins' tokens, which the OpenID provider signs with RS256. The provider's key is fetched once.

let key;

/** Whether an `Authorization` header has a good token for this API, of somebody at SmartphoneKey. */
export async function isAdminToken(authorization, env) {
  const [scheme, token] = authorization?.split(" ") ?? [];
  const [header, claims, signature] = token?.split(".") ?? [];
  if (scheme !== "Bearer" || !signature) return false;
  key ??= await providersKey(env);
  const signed = new TextEncoder().encode(`${header}.${claims}`);
  if (!(await crypto.subtle.verify("RSASSA-PKCS1-v1_5", key, decoded(signature), signed))) return false;
  const { iss, aud, exp, email } = JSON.parse(new TextDecoder().decode(decoded(claims)));
  const current = exp * 1000 > Date.now();
  return current && iss === env.AUTH0_ISSUER && aud === env.AUTH0_AUDIENCE && email.endsWith("@smartphonekey.com");
}

async function providersKey(env) {
  const answer = await fetch(`${env.AUTH0_ISSUER}.well-known/jwks.json`);
  const { keys } = await answer.json();
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  return crypto.subtle.importKey("jwk", keys[0], algorithm, false, ["verify"]);
}

function decoded(base64url) {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
