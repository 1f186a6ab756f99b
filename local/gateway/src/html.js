// HTML documents of the local stack: everything from outside is escaped.

/** Text as HTML: safe between tags and in a quoted attribute. */
export function escape(text) {
  return String(text).replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);
}

/** A whole document; `body` is HTML. */
export function page(title, style, body) {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
${body}
</html>
`;
}
