import type { RequestContext } from "../http-context.ts";
import type { Hop } from "../http-redirect.ts";
import { type CurlOption, headerOption } from "./curl-config.ts";

/** What a request needs as a file, for curl knows certificates by no other way. */
export interface CurlFiles {
  /** Undefined where no certificate is checked. */
  authorities: string | undefined;
  cert: string | undefined;
  key: string | undefined;
}

/** A folder of certificates in which there is none: without it the one that curl was built with would count as well. */
const NO_FOLDER = "/dev/null";
const DEFAULT_PORTS: Record<string, string> = { "http:": "80", "https:": "443" };

/** Said on stderr when a request is over, for `curlFailure`. */
const REPORT = "%{stderr}report %{http_connect} %{ssl_verify_result}\\n";

/**
 * The options of one request: all that curl would take from its environment or guess is said. Secrets go into the text of the
 * configuration only, which nobody else sees.
 */
export function requestOptions(hop: Hop, { proxy }: RequestContext, files: CurlFiles, insecure: boolean): CurlOption[] {
  const headers = Object.entries({ ...hop.headers, "Accept-Encoding": "identity" });
  return [
    ...plainOptions(hop.url),
    ["tlsv1.2"],
    ...headers.map(([name, value]) => headerOption(name, value)),
    ...trustOptions("", files.authorities, insecure),
    ...shownOptions(files),
    ...proxyOptions(proxy, files.authorities, insecure),
  ];
}

/** What every request needs, also one to a socket file: one answer by HTTP/1 with its head, redirects left alone. */
export function plainOptions(url: URL): CurlOption[] {
  return [
    ["url", url.href],
    // Brackets and braces of an address are no pattern.
    ["globoff"],
    ["path-as-is"],
    ["proto", `=${url.protocol.slice(0, -1)}`],
    ["http1.1"],
    ["include"],
    ["no-buffer"],
    ["silent"],
    ["show-error"],
    ["write-out", REPORT],
  ];
}

function trustOptions(whose: "" | "proxy-", authorities: string | undefined, insecure: boolean): CurlOption[] {
  if (insecure) return [[`${whose}insecure`]];
  if (authorities === undefined) return [];
  return [
    [`${whose}cacert`, authorities],
    [`${whose}capath`, NO_FOLDER],
  ];
}

function shownOptions({ cert, key }: CurlFiles): CurlOption[] {
  if (cert === undefined || key === undefined) return [];
  return [
    ["cert", cert],
    ["key", key],
  ];
}

function proxyOptions(proxy: URL | undefined, authorities: string | undefined, insecure: boolean): CurlOption[] {
  if (proxy === undefined) return [["noproxy", "*"]];
  const port = proxy.port === "" ? (DEFAULT_PORTS[proxy.protocol] ?? "") : proxy.port;
  const credentials = [proxy.username, proxy.password].map(decoded).join(":");
  return [
    ["proxy", `${proxy.protocol}//${proxy.hostname}:${port}`],
    // Which hosts are spared was decided before.
    ["noproxy", ""],
    ["suppress-connect-headers"],
    ...(credentials === ":" ? [] : [["proxy-user", credentials] as const]),
    ...(proxy.protocol === "https:" ? trustOptions("proxy-", authorities, insecure) : []),
  ];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
