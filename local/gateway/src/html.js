// HTML documents of the local stack: everything from outside is escaped.

/** Characters that move the cursor, turn text around or show nothing, but line feeds and tabs; and halves of pairs. */
const UNPRINTABLE = /(?![\n\t])[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

/** Text as HTML: safe between tags and in a quoted attribute, every character of it shown. */
export function escape(text) {
  return String(text).replace(UNPRINTABLE, "\ufffd").replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);
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
