/** A route of the service over HTTP, whatever the URL's own scheme and path are. */
export function httpUrl(service: URL, path: string): URL {
  const url = new URL(service);
  url.protocol = url.protocol === "wss:" || url.protocol === "https:" ? "https:" : "http:";
  return new URL(path, url);
}

/**
 * Where the service's connections of a kind are: the URL's own path where it has one, unless it is that of its WebSockets
 * and events are asked for.
 */
export function ownUrl(service: URL, path: string, kind: "http" | "ws"): URL {
  const url = new URL(service);
  const secure = url.protocol === "wss:" || url.protocol === "https:";
  url.protocol = `${kind}${secure ? "s" : ""}:`;
  if (url.pathname !== "/" && !(kind === "http" && service.protocol.startsWith("ws"))) return url;
  // A path may have a query of its own, which takes the place of the URL's.
  const own = new URL(path, url);
  if (own.search === "") own.search = url.search;
  return own;
}
