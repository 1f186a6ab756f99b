/** The parts of a URL, a line each: no part has a line break. */
export function read(text) {
  const url = URL.parse(text);
  if (!url) return undefined;
  return [url.href, url.protocol, url.username, url.password, url.hostname, url.port, url.pathname, url.search, url.hash].join("\n");
}
