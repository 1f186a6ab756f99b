// Verifies a webhook request: Node 20 or newer, nothing to install.
import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Throws unless the request is ours. `headers` is a `Headers`, or Node's object with names in lower case.
 * `body` is the request's bytes or text as they came: parse them afterwards.
 */
export function verify(secret, headers, body, now = Date.now() / 1000) {
  const header = (name) => (typeof headers.get === "function" ? headers.get(name) : headers[name]);
  const [id, timestamp, signatures] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
  if (!id || !signatures || !/^\d+$/.test(timestamp ?? "")) throw new Error("a webhook header is missing");
  if (Math.abs(now - Number(timestamp)) > 300) throw new Error("the timestamp is more than five minutes away");
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // Several signatures while rotated secrets overlap: one that fits will do.
  const fits = signatures.split(" ").some((signature) => {
    const [version, text] = signature.split(",", 2);
    const given = Buffer.from(text ?? "", "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!fits) throw new Error("the signature is wrong");
}
