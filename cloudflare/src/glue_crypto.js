// What is too large to carry in Wasm: AES, RSA and DEFLATE. Arguments that are bytes lie in the memory of Wasm, and are copied
// before the first `await`.
import { settle } from "./glue.js";

const MOST_KEYS = 32;
const keys = new Map();

/** The kept key of this id, or the one that `make` imports. */
async function kept(id, make) {
  if (keys.has(id)) return keys.get(id);
  const key = await make();
  if (keys.size >= MOST_KEYS) keys.clear();
  keys.set(id, key);
  return key;
}
/** AES-256-GCM: `operation` is `encrypt` or `decrypt`. */
export function aes(call, operation, id, raw, iv, additionalData, data) {
  const [bytes, input] = [raw.slice(), data.slice()];
  const parameters = { name: "AES-GCM", iv: iv.slice(), additionalData: additionalData.slice(), tagLength: 128 };
  settle(call, async () => {
    const key = await kept(id, () => crypto.subtle.importKey("raw", bytes, "AES-GCM", false, ["encrypt", "decrypt"]));
    return [0, "", new Uint8Array(await crypto.subtle[operation](parameters, key, input))];
  });
}
/** RS256. */
export function verify(call, id, n, e, data, signature) {
  const [signed, by] = [data.slice(), signature.slice()];
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  settle(call, async () => {
    const key = await kept(id, () => crypto.subtle.importKey("jwk", { kty: "RSA", alg: "RS256", n, e }, algorithm, false, ["verify"]));
    return [(await crypto.subtle.verify(algorithm.name, key, by, signed)) ? 1 : 0];
  });
}
/** Raw DEFLATE, there or back. */
export function deflate(call, bytes, back) {
  const input = bytes.slice();
  settle(call, async () => {
    const stream = back ? new DecompressionStream("deflate-raw") : new CompressionStream("deflate-raw");
    const writer = stream.writable.getWriter();
    // A refusal shows at the other end.
    for (const step of [writer.write(input), writer.close()]) step.catch(() => {});
    return [0, "", new Uint8Array(await new Response(stream.readable).arrayBuffer())];
  });
}
