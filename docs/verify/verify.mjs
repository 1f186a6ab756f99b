// Verifies a webhook request: Node 20 or newer, nothing to install.
import { createHmac, timingSafeEqual } from "node:crypto";

/** Throws unless the request is ours. `body` is the request's bytes as they came: parse them afterwards. */
export function verify(secret, headers, body, now = Date.now() / 1000) {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures } = headers;
  if (!id || !signatures || !/^\d+$/.test(timestamp ?? "")) throw new Error("a webhook header is missing");
  if (Math.abs(now - Number(timestamp)) > 300) throw new Error("the timestamp is more than five minutes away");
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
  // Two signatures while a rotated secret overlaps: one that fits will do.
  const fits = signatures.split(" ").some((signature) => {
    const [version, text] = signature.split(",", 2);
    const given = Buffer.from(text ?? "", "base64");
    return version === "v1" && given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!fits) throw new Error("the signature is wrong");
}
