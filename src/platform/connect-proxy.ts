import { UpdateError } from "./errors.ts";
import { type IpAddress, isInRange, isLoopbackHost, parseIp, parseIpRange } from "./ip-address.ts";

/** What the environment says about CONNECT proxies, as plain data; an empty string means "not set". */
export interface ProxyEnvironment {
  httpsProxy: string;
  httpProxy: string;
  noProxy: string;
}

type Environment = Record<string, string | undefined>;

export const PROXY_VARIABLES = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] as const;
type ProxyVariable = (typeof PROXY_VARIABLES)[number];

/**
 * The name under which a proxy is kept for the timer. Another one, because systemd lets `EnvironmentFile=` win over any
 * `Environment=`: a plain `HTTPS_PROXY` in our file would beat that of an operator's drop-in.
 */
export function keptVariable(name: ProxyVariable): string {
  return `TELEPORT_UPDATE_${name}`;
}

/**
 * Reads the variables as Go programs do: the upper-case name first, and an empty value is as good as none. What is kept
 * counts where neither name is set, not even to nothing.
 */
export function readProxyEnvironment(environment: Environment): ProxyEnvironment {
  const read = (name: ProxyVariable) => {
    const [upper, lower] = [environment[name], environment[name.toLowerCase()]];
    return upper || lower || ((upper ?? lower) === undefined ? environment[keptVariable(name)] : "") || "";
  };
  return { httpsProxy: read("HTTPS_PROXY"), httpProxy: read("HTTP_PROXY"), noProxy: read("NO_PROXY") };
}

/**
 * Deletes the proxy variables from the environment of this process, once they are read. Bun obeys them by rules of its
 * own, and its `NO_PROXY` beats even the proxy that we choose for a request.
 */
export function forgetProxyEnvironment(environment: Environment): void {
  for (const name of [...PROXY_VARIABLES, "ALL_PROXY"]) {
    delete environment[name];
    delete environment[name.toLowerCase()];
  }
}

/**
 * The CONNECT proxy for `url`, or undefined for a direct connection, by the rules that Go programs follow:
 * `HTTPS_PROXY` for https, `HTTP_PROXY` for http, `ALL_PROXY` never, this machine itself always direct.
 * Fails with `E_CONNECT_PROXY` when the variable holds no usable proxy address.
 */
export function proxyFor(url: URL, proxies: ProxyEnvironment): URL | undefined {
  const written = url.protocol === "https:" ? proxies.httpsProxy : proxies.httpProxy;
  if (written === "" || isLoopbackHost(url.hostname) || isSpared(url, proxies.noProxy)) return undefined;
  return parseProxy(written, proxyVariable(url));
}

/** The address of the proxy for https, or else for http; undefined when there is neither. Fails with `E_CONNECT_PROXY`. */
export function firstProxy({ httpsProxy, httpProxy }: ProxyEnvironment): URL | undefined {
  const [https, http] = [
    httpsProxy === "" ? undefined : parseProxy(httpsProxy, "HTTPS_PROXY"),
    httpProxy === "" ? undefined : parseProxy(httpProxy, "HTTP_PROXY"),
  ];
  return https ?? http;
}

/** The name of the variable that decides for `url`. */
export function proxyVariable(url: URL): ProxyVariable {
  return url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
}

/** Names a proxy in a message: never with the user name and password that its address may hold. */
export function describeProxy(proxy: URL): string {
  return `${proxy.protocol}//${proxy.host}`;
}

function parseProxy(written: string, variable: ProxyVariable): URL {
  const address = written.includes("://") ? written : `http://${written}`;
  const proxy = URL.canParse(address) ? new URL(address) : undefined;
  const like = `set it to an address like \`${variable}=http://proxy.example.com:3128\``;
  // The value is never shown: it may hold a password.
  const refused = (reason: string, hint: string) =>
    new UpdateError("E_CONNECT_PROXY", `the CONNECT proxy in \`${variable}\` ${reason}`, { hint });
  if (proxy === undefined) throw refused("is not a URL", like);
  const { protocol, username, password } = proxy;
  if (!["http:", "https:"].includes(protocol)) {
    const other = /^socks/.test(protocol)
      ? `SOCKS proxies are not spoken here, only HTTP ones with CONNECT: ${like}`
      : like;
    throw refused(`has the scheme \`${protocol}\``, other);
  }
  // The runtime would ask the proxy without them, and say nothing.
  if (BARE_PERCENT.test(username) || BARE_PERCENT.test(password)) {
    throw refused(
      "has a `%` in its user name or password that begins no code of a character",
      "write it there as `%25`, and an `@` as `%40`",
    );
  }
  return proxy;
}

const BARE_PERCENT = /%(?![0-9a-f]{2})/i;

/** Whether `NO_PROXY` names the host: `*`, a name, `.name` or `*.name`, an IP address or a range, most with `:port`. */
function isSpared(url: URL, noProxy: string): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
  const port = url.port === "" ? DEFAULT_PORTS[url.protocol] : url.port;
  const ip = parseIp(host);
  return noProxy
    .split(",")
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== "" && entrySpares(entry, { host, port, ip }));
}

const DEFAULT_PORTS: Record<string, string> = { "https:": "443", "http:": "80" };

interface Destination {
  host: string;
  port: string | undefined;
  ip: IpAddress | undefined;
}

function entrySpares(entry: string, { host, port, ip }: Destination): boolean {
  if (entry === "*") return true;
  const range = parseIpRange(entry);
  if (range !== undefined) return ip !== undefined && isInRange(ip, range);

  const { name, wantedPort } = splitPort(entry);
  if (name === "" || (wantedPort !== undefined && wantedPort !== port)) return false;
  const wantedIp = parseIp(name);
  if (wantedIp !== undefined) return ip !== undefined && isInRange(ip, { address: wantedIp, prefix: wantedIp.bits });
  const [, dot = "", rest = ""] = /^(?:\*(?=\.))?(\.?)(.*)$/.exec(name) ?? [];
  const domain = toAscii(rest);
  return host.endsWith(`.${domain}`) || (dot === "" && host === domain);
}

/** A name of other letters in the form that URLs have. */
function toAscii(name: string): string {
  // Only those, as a URL takes numbers for addresses.
  const isOther = /[^\x20-\x7e]/.test(name) && URL.canParse(`http://${name}`);
  return isOther ? new URL(`http://${name}`).hostname : name;
}

/** A bare IPv6 address has colons, but no port. */
function splitPort(entry: string): { name: string; wantedPort: string | undefined } {
  const [, name = entry, wantedPort] = /^(\[[^\]]*\]|[^:]*):(\d*)$/.exec(entry) ?? [];
  return { name, wantedPort: wantedPort || undefined };
}
