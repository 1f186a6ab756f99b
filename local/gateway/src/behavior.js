// The body of `PUT /inbox/<name>/behavior`: how an inbox answers from now on.

const integer = (low, high) => (value) =>
  Number.isInteger(value) && value >= low && value <= high ? undefined : `must be a whole number from ${low} to ${high}`;

const text = (limit) => (value) =>
  typeof value === "string" && value.length <= limit ? undefined : `must be a string of at most ${limit} characters`;

const headerText = (value) =>
  text(2048)(value) ?? (/^[\x20-\x7e]+$/.test(value) ? undefined : "must be visible ASCII characters");

const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT$/;

const retryAfter = (value) => {
  const seconds = typeof value === "number" && integer(0, 31_536_000)(value) === undefined;
  return seconds || (typeof value === "string" && HTTP_DATE.test(value))
    ? undefined
    : "must be a number of seconds or an HTTP date such as Wed, 21 Oct 2026 07:28:00 GMT";
};

const FIELDS = {
  status: integer(200, 599),
  delayMilliseconds: integer(0, 300_000),
  retryAfter,
  times: integer(1, 1_000_000),
  location: headerText,
  body: text(65_536),
};

/**
 * Reads a behaviour: `{ behavior }`, or `{ fields }` with a reason for each field that is wrong.
 * An absent status is 200; an absent `times` means until changed.
 */
export function parseBehavior(json) {
  let given;
  try {
    given = JSON.parse(json);
  } catch {
    return { fields: { body: "must be JSON" } };
  }
  if (typeof given !== "object" || given === null || Array.isArray(given)) return { fields: { body: "must be a JSON object" } };
  // Without a prototype, so that a field may have any name.
  const fields = Object.create(null);
  for (const [name, value] of Object.entries(given)) {
    const reason = Object.hasOwn(FIELDS, name) ? FIELDS[name](value) : `is unknown; the fields are ${Object.keys(FIELDS).join(", ")}`;
    if (reason !== undefined) fields[name] = reason;
  }
  if (Object.keys(fields).length > 0) return { fields };
  return { behavior: { status: 200, delayMilliseconds: 0, ...given } };
}
