// A deployment uploads a Worker's script and its Wasm, and a fresh isolate compiles both: their compressed size is held down.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

/** Compressed kilobytes. */
const MOST = { "admin-api": 468, "partner-portal": 394, "webhook-delivery": 383 };

for (const [worker, most] of Object.entries(MOST)) {
  test(`the size of ${worker}`, () => {
    const file = (name) => gzipSync(readFileSync(new URL(`../../${worker}/build/${name}`, import.meta.url)), { level: 9 });
    const kilobytes = (file("index.js").length + file("index_bg.wasm").length) / 1000;
    assert.ok(kilobytes <= most, `${kilobytes} KB, where ${most} are allowed`);
  });
}
