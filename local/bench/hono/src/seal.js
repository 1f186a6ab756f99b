// Seals a secret with AES-256-GCM, as ours is sealed. The key is imported once.

let key;

/** Returns the sealed text: the nonce and the ciphertext in base64. */
export async function seal(secret, context, text) {
  const bytes = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  key ??= crypto.subtle.importKey("raw", bytes(secret), "AES-GCM", false, ["encrypt"]);
  const encoder = new TextEncoder();
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const parameters = { name: "AES-GCM", iv, additionalData: encoder.encode(context) };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(parameters, await key, encoder.encode(text)));
  return `1.${btoa(String.fromCharCode(...iv, ...sealed))}`;
}
