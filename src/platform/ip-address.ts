/** An IP address as a number; an IPv4 address mapped into IPv6 is the IPv4 address. */
export interface IpAddress {
  bits: 32 | 128;
  value: bigint;
}

/** Reads an IP address as written in a URL or a list (IPv6 without or with brackets); undefined for a name or a wrong one. */
export function parseIp(text: string): IpAddress | undefined {
  const quad = text.split(".");
  if (quad.length === 4 && quad.every(isOctet)) return { bits: 32, value: join(quad.map(Number), 8n) };
  // The runtime's URL takes `::f:` for an address.
  if (/[^:]:\]?$/.test(text)) return undefined;
  const bracketed = text.startsWith("[") ? text : `[${text}]`;
  if (!/^\[[0-9a-f:.]*:[0-9a-f:.]*\]$/i.test(bracketed) || !URL.canParse(`http://${bracketed}`)) return undefined;
  const value = join(expand(new URL(`http://${bracketed}`).hostname.slice(1, -1)), 16n);
  return value >> 32n === MAPPED_PREFIX ? { bits: 32, value: value & 0xffff_ffffn } : { bits: 128, value };
}

/** A range as `10.0.0.0/8` or `fd00::/8`; undefined when it is not one. */
export function parseIpRange(text: string): { address: IpAddress; prefix: number } | undefined {
  const [, start = "", digits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseIp(start);
  const prefix = Number(digits);
  return address === undefined || digits === "" || prefix > address.bits ? undefined : { address, prefix };
}

export function isInRange(ip: IpAddress, range: { address: IpAddress; prefix: number }): boolean {
  const { address, prefix } = range;
  const host = BigInt(address.bits - prefix);
  return ip.bits === address.bits && ip.value >> host === address.value >> host;
}

/** Whether a host of a URL is this machine itself: `localhost`, 127.0.0.0/8 or `::1`. */
export function isLoopbackHost(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  const ip = parseIp(host);
  if (ip === undefined) return false;
  return ip.bits === 32 ? ip.value >> 24n === 127n : ip.value === 1n;
}

const MAPPED_PREFIX = 0xffffn;

function isOctet(text: string): boolean {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= 255;
}

/** The eight groups of the canonical form, which has no dotted quad and at most one `::`. */
function expand(canonical: string): number[] {
  const [head = "", tail] = canonical.split("::");
  const groups = (side: string) => (side === "" ? [] : side.split(":").map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return groups(head);
  const zeros = 8 - groups(head).length - groups(tail).length;
  return [...groups(head), ...Array<number>(zeros).fill(0), ...groups(tail)];
}

function join(parts: readonly number[], width: bigint): bigint {
  return parts.reduce((value, part) => (value << width) | BigInt(part), 0n);
}
