// Answers that several routes of the gateway give.

/** An error in the shape that the Workers use; `fields` says what is wrong with each field of the body. */
export function problem(status, error, message, fields) {
  return Response.json({ success: false, error, message, ...(fields && { fields }) }, { status });
}

/** A page that may not load anything. */
export function html(body) {
  return new Response(body, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
    },
  });
}
