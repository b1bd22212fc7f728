import { connect, isIP, type Socket } from "node:net";
import { type DetailedPeerCertificate, connect as secure } from "node:tls";
import type { RequestContext } from "./http-context.ts";

/** One certificate of the chain that a server sends. Nothing in it is proven, and none of its texts may be shown unquoted. */
export interface MetCertificate {
  /** `CN=…, O=…`, of whom it is for. */
  subject: string;
  /** The same of who signed it. */
  issuer: string;
  /** `DNS:a.example, IP Address:192.0.2.1`; empty when it has none. */
  names: string;
  validFrom: Date;
  validTo: Date;
  /** SHA-256, in pairs of hex digits with colons, as `openssl x509 -fingerprint -sha256` writes it. */
  fingerprint: string;
}

const LIMIT_MS = 5000;
const CHAIN_LIMIT = 10;
const PROXY_HEAD_LIMIT = 16 << 10;

/**
 * Asks a server that was refused for its certificates once more, to tell an operator whom it shows: its own first. The
 * connection trusts anything, says nothing, and is closed after the handshake. Never fails: empty when nothing is learned
 * within 5 s, or when the proxy itself speaks TLS.
 */
export async function meetCertificates(context: RequestContext): Promise<MetCertificate[]> {
  if (context.proxy?.protocol === "https:") return [];
  try {
    return await meet(context);
  } catch {
    return [];
  }
}

function meet({ url, proxy }: RequestContext): Promise<MetCertificate[]> {
  const port = url.port === "" ? "443" : url.port;
  const request = proxy && connectRequest(proxy, `${url.hostname}:${port}`);
  return new Promise((resolve) => {
    const line = proxy === undefined ? dial(url.hostname, port) : dial(proxy.hostname, proxy.port || "80");
    const end = (chain: MetCertificate[]) => {
      clearTimeout(limit);
      line.destroy();
      resolve(chain);
    };
    const limit = setTimeout(end, LIMIT_MS, []);
    line.on("error", () => end([])).on("close", () => end([]));
    // What is thrown where an event is heard would end the process.
    const orNothing = (work: () => void) => () => {
      try {
        work();
      } catch {
        end([]);
      }
    };
    const shakeHands = orNothing(() => {
      const servername = isIP(hostOf(url.hostname)) === 0 ? { servername: url.hostname } : {};
      const secured = secure({ socket: line, rejectUnauthorized: false, ...servername });
      secured.on("error", () => end([]));
      secured.on(
        "secureConnect",
        orNothing(() => end(chainOf(secured.getPeerCertificate(true)))),
      );
    });
    if (request === undefined) line.once("connect", shakeHands);
    else openTunnel(line, request, shakeHands);
  });
}

function dial(hostname: string, port: string): Socket {
  return connect(Number(port), hostOf(hostname));
}

/** An IPv6 address without the brackets that it has in a URL. */
function hostOf(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** Fails for credentials that are no text. */
function connectRequest({ username, password }: URL, destination: string): string {
  const words = [username, password].map(decodeURIComponent).join(":");
  const credentials = words === ":" ? "" : `Proxy-Authorization: Basic ${Buffer.from(words).toString("base64")}\r\n`;
  return `CONNECT ${destination} HTTP/1.1\r\nHost: ${destination}\r\n${credentials}\r\n`;
}

/** Calls `opened` once the proxy has made the tunnel; ends the line when it does not. */
function openTunnel(line: Socket, request: string, opened: () => void): void {
  line.once("connect", () => line.write(request));
  let head = "";
  const read = (part: Buffer) => {
    head += part.toString("latin1");
    if (!head.includes("\r\n\r\n") && head.length < PROXY_HEAD_LIMIT) return;
    line.off("data", read);
    if (/^HTTP\/1\.[01] 200[ \r]/.test(head) && head.endsWith("\r\n\r\n")) opened();
    else line.destroy();
  };
  line.on("data", read);
}

/** The authority at the top names itself as its issuer. */
function chainOf(first: DetailedPeerCertificate): MetCertificate[] {
  const chain = new Map<string, MetCertificate>();
  let next: DetailedPeerCertificate | undefined = first;
  while (next?.fingerprint256 !== undefined && !chain.has(next.fingerprint256) && chain.size < CHAIN_LIMIT) {
    chain.set(next.fingerprint256, {
      subject: nameOf(next.subject),
      issuer: nameOf(next.issuer),
      names: next.subjectaltname ?? "",
      validFrom: new Date(next.valid_from),
      validTo: new Date(next.valid_to),
      fingerprint: next.fingerprint256,
    });
    next = next.issuerCertificate;
  }
  return [...chain.values()];
}

function nameOf({ CN, O }: DetailedPeerCertificate["subject"]): string {
  const parts = Object.entries({ CN, O }).flatMap(([key, value]) => [value ?? []].flat().map((one) => `${key}=${one}`));
  return parts.join(", ");
}
