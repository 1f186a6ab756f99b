import assert from "node:assert/strict";
import { test } from "node:test";
import { parseBehavior } from "./src/behavior.js";

const parse = (value) => parseBehavior(JSON.stringify(value));

test("what is absent has a default", () => {
  assert.deepEqual(parse({}), { behavior: { status: 200, delayMilliseconds: 0 } });
  assert.deepEqual(parse({ status: 500, times: 2 }), { behavior: { status: 500, delayMilliseconds: 0, times: 2 } });
});

test("Retry-After is a number of seconds or an HTTP date", () => {
  assert.equal(parse({ retryAfter: 2 }).behavior.retryAfter, 2);
  assert.equal(parse({ retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT" }).behavior.retryAfter, "Wed, 21 Oct 2026 07:28:00 GMT");
  for (const retryAfter of [-1, 1.5, "soon", null, ["2"]]) {
    assert.match(parse({ retryAfter }).fields.retryAfter, /number of seconds or an HTTP date/);
  }
});

test("each wrong field is named", () => {
  const { fields } = parse({ status: 99, delayMilliseconds: "1", times: 0, location: "a\nb", body: 1, colour: "red" });
  assert.deepEqual(Object.keys(fields), ["status", "delayMilliseconds", "times", "location", "body", "colour"]);
  assert.match(fields.colour, /is unknown/);
});

test("a name every object inherits is an unknown field", () => {
  assert.match(parseBehavior('{"toString": 1}').fields.toString, /is unknown/);
  assert.match(parseBehavior('{"__proto__": 1}').fields.__proto__, /is unknown/);
});

test("anything but an object is refused", () => {
  for (const body of ["", "{", "[]", "null", "3"]) assert.ok(parseBehavior(body).fields.body, body);
});
