// Every e-mail address is an account.

const VERIFIED = "local|";
const UNVERIFIED = "local-unverified|";

/** The `sub` of an address. It says whether the address counts as verified, so nothing has to be stored. */
export function subjectOf(email, verified) {
  return (verified ? VERIFIED : UNVERIFIED) + email;
}

/** oidc-provider's `findAccount`: the claims of a `sub` that `subjectOf` made. */
export function findAccount(_context, sub) {
  const prefix = [VERIFIED, UNVERIFIED].find((start) => sub.startsWith(start));
  if (prefix === undefined) return undefined;
  const email = sub.slice(prefix.length);
  return {
    accountId: sub,
    claims: () => ({ sub, email, email_verified: prefix === VERIFIED, name: nameOf(email) }),
  };
}

/** The name that an address suggests: `jane.doe@example.com` is Jane Doe. */
function nameOf(email) {
  const words = email.split("@")[0].split(/[._+-]+/).filter(Boolean);
  return words.map((word) => word[0].toUpperCase() + word.slice(1)).join(" ") || email;
}
