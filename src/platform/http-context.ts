import { describeProxy } from "./connect-proxy.ts";
import type { TrustStore } from "./trust-store.ts";

/** What a request is made with, and all that a message about its failure needs. */
export interface RequestContext {
  url: URL;
  /** Undefined for a direct connection. */
  proxy: URL | undefined;
  /** Undefined where no certificate is checked. */
  trust: TrustStore | undefined;
}

/** The URL for a message and the proxy that the request goes through, never with a password. */
export function describeRequest({ url, proxy }: RequestContext): string {
  const through = proxy === undefined ? "" : ` through the CONNECT proxy \`${describeProxy(proxy)}\``;
  return `\`${describeUrl(url)}\`${through}`;
}

/** The URL for a message: without user name, password and query. */
export function describeUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`.slice(0, 300);
}

/** What shows an operator the same connection. */
export function curlCommand(url: URL): string {
  return `curl -vI ${url.protocol}//${url.host}/`;
}
