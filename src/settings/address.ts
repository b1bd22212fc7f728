import { UpdateError } from "../platform/errors.ts";
import { hideCredentials } from "../platform/hide-credentials.ts";
import { parseIp } from "../platform/ip-address.ts";
import { quote } from "../platform/quote.ts";

/** Where a proxy listens. Everything else that an address may be written with (scheme, path) is gone. */
export interface Address {
  /** A name or an IP address in lower case; IPv6 without brackets. */
  host: string;
  port: number | undefined;
}

/** A missing port means 443 when proxies are compared and asked (updater-core §2.6, §5.1). */
const HTTPS_PORT = 443;

/**
 * Reads a proxy address: `host`, `host:port`, or either behind `https://`, `http://` or `tcp://`, with a path that is
 * ignored (updater-core §2.6). What comes out is safe in a URL: no user name, no control character, no odd way to write
 * an IP address. Fails with `E_PROXY_ADDRESS`.
 */
export function parseAddress(text: string): Address {
  if (text === "") throw addressError("no proxy address is given");
  const shown = quote(hideCredentials(text));
  const [, scheme, rest = ""] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  if (scheme !== undefined && !SCHEMES.includes(scheme.toLowerCase())) {
    throw addressError(`the proxy address ${shown} has the scheme ${quote(scheme)}`);
  }
  const authority = /^[^/?#]*/.exec(rest)?.[0] ?? "";
  const [, bracketed, name = "", digits] = AUTHORITY.exec(authority) ?? [];
  const host = (bracketed ?? name).toLowerCase();
  const isHost = bracketed === undefined ? isName(host) : host.includes(":") && parseIp(host) !== undefined;
  const port = digits === undefined ? undefined : Number(digits);
  if (!isHost || port === 0 || (port ?? 0) > 65_535) {
    throw addressError(`the proxy address ${shown} is not a host, or host and port`);
  }
  return { host, port };
}

/** `host` or `host:port`, as a URL takes it: IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  const written = host.includes(":") ? `[${host}]` : host;
  return port === undefined ? written : `${written}:${port}`;
}

/** The address as `host:port`, with `port` where none is written (updater-core §2.5). Fails with `E_PROXY_ADDRESS`. */
export function normalizeProxy(text: string, port: number): string {
  const address = parseAddress(text);
  return formatAddress({ ...address, port: address.port ?? port });
}

/**
 * Whether two addresses, as written, are one proxy: the same text, or the same host and port. An address that cannot be
 * parsed is no other than itself.
 */
export function sameProxy(a: string, b: string): boolean {
  return a === b || (isAddress(a) && isAddress(b) && normalizeProxy(a, HTTPS_PORT) === normalizeProxy(b, HTTPS_PORT));
}

const SCHEMES = ["https", "http", "tcp"];
const AUTHORITY = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A host name, or an IPv4 address in its plain form: what ends in a number is an address to `fetch`, `127.1` too. */
function isName(host: string): boolean {
  const labels = host.replace(/\.$/, "").split(".");
  if (host.length > 253 || !labels.every((label) => LABEL.test(label))) return false;
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? "")) return parseIp(host) !== undefined;
  // A label such as `xn--a` says that it is encoded, and cannot be decoded.
  return URL.canParse(`https://${host}`);
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

function addressError(message: string): UpdateError {
  return new UpdateError("E_PROXY_ADDRESS", message, {
    hint: "give the address of the Teleport proxy, like `--proxy example.teleport.sh:443`",
  });
}
