import { UpdateError } from "./errors.ts";
import { hideCredentials } from "./hide-credentials.ts";
import type { ClientCertificate } from "./http.ts";
import { describeUrl } from "./http-context.ts";
import type { AnswerHead } from "./http-status.ts";
import { quote } from "./quote.ts";

/** One request of a chain of redirects: where it goes, and what of the caller's may go there. */
export interface Hop {
  url: URL;
  headers: Record<string, string>;
  certificate: ClientCertificate | undefined;
}

export const MAX_REDIRECTS = 5;

const REDIRECT_STATUSES = [301, 302, 303, 307, 308];
/** They say which part is wanted, not who wants it: a download resumes through a mirror that redirects to a store. */
const HARMLESS_HEADERS = ["range", "if-range"];

/**
 * The URL of a request. Fails with `E_NETWORK` unless it is http or https (`fetch` would read `file:` and more) and the
 * host is a plain name or address: a hint may put it into a command, so `a;reboot` must not get that far.
 */
export function parseHttpUrl(text: string): URL {
  const url = readUrl(text);
  if (url !== undefined) return url;
  throw new UpdateError("E_NETWORK", `${quote(hideCredentials(text))} is not an https URL`, {
    hint: "give an address like `https://example.com`",
  });
}

/**
 * The next request when `response` redirects, or undefined when it is the answer. The way never leads from https to
 * http, nor from a server that may be asked over http (one on this machine) to another over http. On the way to another
 * origin the caller's headers and certificate stay behind for good. Fails with `E_NETWORK`.
 */
export function nextHop(response: AnswerHead, from: Hop): Hop | undefined {
  const location = response.headers.get("location");
  if (location === null || !REDIRECT_STATUSES.includes(response.status)) return undefined;
  const url = readUrl(location, from.url.href);
  if (url === undefined)
    throw refusal(from, `redirects to ${quote(hideCredentials(location))}, which is not an https URL`);
  if (url.origin === from.url.origin) return { ...from, url };
  if (url.protocol === "http:") throw refusal(from, `redirects to http: ${quote(describeUrl(url))}`);
  const harmless = Object.entries(from.headers).filter(([name]) => HARMLESS_HEADERS.includes(name.toLowerCase()));
  return { url, headers: Object.fromEntries(harmless), certificate: undefined };
}

/** The chain that leads nowhere. */
export function tooManyRedirects(last: Hop): UpdateError {
  return refusal(last, `redirects again, after ${MAX_REDIRECTS} redirects`);
}

function refusal(from: Hop, what: string): UpdateError {
  return new UpdateError("E_NETWORK", `\`${describeUrl(from.url)}\` ${what}`, {
    hint: "check the address, and whether a portal or proxy in between answers in the server's place",
  });
}

function readUrl(text: string, base?: string): URL | undefined {
  const url = URL.canParse(text, base) ? new URL(text, base) : undefined;
  const isUsable =
    url !== undefined && /^https?:$/.test(url.protocol) && /^([a-z0-9._-]+|\[[0-9a-f:]+\])$/.test(url.hostname);
  return isUsable ? url : undefined;
}
