// Keys that last across restarts, so that tokens and sign-ins stay good.
import { generateKeyPair, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** The signing keys as a private JWKS, and the keys that sign cookies. They are made at the first start. */
export async function loadKeys(directory) {
  const path = join(directory, "openid-keys.json");
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const signing = { ...privateKey.export({ format: "jwk" }), kid: randomBytes(12).toString("base64url"), use: "sig", alg: "RS256" };
  const keys = { jwks: { keys: [signing] }, cookies: [randomBytes(32).toString("base64url")] };
  await mkdir(directory, { recursive: true });
  await writeFile(path, JSON.stringify(keys), { mode: 0o600 });
  return keys;
}
