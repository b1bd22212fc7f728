import { createServer as createPlainServer, type Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import type { ServerCertificate } from "../support/certificates.ts";

/**
 * A server that sends what it is told, byte by byte, as no library for servers would: false lengths, half heads, answers
 * that never end. What is not scripted comes from an honest server behind it, so that one address after the other can lie.
 */
export interface HostileServer extends AsyncDisposable {
  /** `host:port`, as `--proxy` takes it. */
  address: string;
  /** `https://host:port`, or `http://` without certificates. */
  baseUrl: string;
  /** From now on `script` answers `path`; undefined gives the path back to the honest server. */
  say(path: string, script: Script | undefined): void;
  /** The first line of each request with its headers, in order. */
  requests: string[];
}

/** Answers one request; the connection is closed at its end, unless the script kept it open with `forever`. */
export type Script = (line: Line) => Promise<void>;

/** One connection, after its request was read. */
export interface Line {
  /** A character is a byte. Waits until it is on its way; answers false once nobody listens any more. */
  write(data: string | Uint8Array): Promise<boolean>;
  /** Ends when the other side hangs up. */
  untilClosed: Promise<void>;
  /** Breaks the connection off, without a goodbye. */
  reset(): void;
}

/** Starts the server in front of `honest`, the base URL of one whose certificate comes from `ca`. */
export async function startHostileServer(
  honest: { baseUrl: string; ca: string },
  certificates?: ServerCertificate,
): Promise<HostileServer> {
  const scripts = new Map<string, Script>();
  const requests: string[] = [];
  const open = new Set<Socket>();
  const serve = async (socket: Socket | TLSSocket) => {
    open.add(socket);
    const line = lineOf(socket, () => open.delete(socket));
    const head = await readHead(socket);
    const path = /^[A-Z]+ ([^ ?]*)/.exec(head)?.[1] ?? "";
    requests.push(head.trimEnd());
    await (scripts.get(path) ?? forward(honest, path))(line);
    socket.end();
  };
  const accept = (socket: Socket | TLSSocket) => void serve(socket).catch(() => socket.destroy());
  const server =
    certificates === undefined
      ? createPlainServer(accept)
      : createServer({ cert: certificates.cert, key: certificates.key }, accept);
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("the server has no port");
  const address = `127.0.0.1:${at.port}`;
  return {
    address,
    baseUrl: `${certificates === undefined ? "http" : "https"}://${address}`,
    requests,
    say(path, script) {
      if (script === undefined) scripts.delete(path);
      else scripts.set(path, script);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function lineOf(socket: Socket, closed: () => void): Line {
  const untilClosed = new Promise<void>((resolve) => {
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      closed();
      resolve();
    });
  });
  return {
    untilClosed,
    async write(data) {
      if (socket.destroyed) return false;
      const bytes = typeof data === "string" ? Buffer.from(data, "latin1") : data;
      await Promise.race([untilClosed, new Promise((resolve) => socket.write(bytes, resolve))]);
      return !socket.destroyed;
    },
    reset: () => void socket.destroy(),
  };
}

function readHead(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let head = "";
    socket.on("data", (chunk) => {
      head += chunk.toString("latin1");
      if (head.includes("\r\n\r\n")) resolve(head);
    });
  });
}

function forward({ baseUrl, ca }: { baseUrl: string; ca: string }, path: string): Script {
  return async (line) => {
    const answer = await fetch(baseUrl + path, { tls: { ca }, proxy: false });
    const body = await answer.bytes();
    await line.write(head(answer.status, { "Content-Length": body.length }));
    await line.write(body);
  };
}

/** The head of an answer. */
export function head(status: number | string, headers: Record<string, string | number> = {}): string {
  const lines = Object.entries({ ...headers, Connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${typeof status === "number" ? `${status} Said` : status}\r\n${lines.join("")}\r\n`;
}
