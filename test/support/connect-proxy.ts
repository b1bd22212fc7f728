import { connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { ServerCertificate } from "./certificates.ts";

/** A real CONNECT proxy on 127.0.0.1. */
export interface ConnectProxy extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  address: string;
  /** The first line of each request, in order. */
  requests: string[];
  /** All that clients sent, in tunnels too; a character is a byte. */
  seen: string;
}

interface ProxyOptions {
  /** Where a tunnel to `host:port` really goes; names that no resolver knows can be used that way. */
  route?: (destination: string) => string;
  /** `user:password`; without them the proxy answers 407. */
  credentials?: string;
  /** The status that refuses every tunnel. */
  refuseWith?: number;
  /** With one, it is spoken to by TLS. */
  certificate?: ServerCertificate;
}

/** Starts the proxy; it speaks CONNECT, and answers anything else with 502 (or 407 where credentials are due). */
export async function startConnectProxy(options: ProxyOptions = {}): Promise<ConnectProxy> {
  const proxy: ConnectProxy = {
    address: "",
    requests: [],
    seen: "",
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const open = new Set<Socket>();
  const keep = (socket: Socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => socket.destroy());
    return socket;
  };
  const answer = (client: Socket) => {
    keep(client);
    let head = "";
    client.on("data", (chunk: Buffer) => {
      proxy.seen += chunk.toString("latin1");
    });
    const read = (chunk: Buffer) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      client.off("data", read);
      const line = head.slice(0, head.indexOf("\r\n"));
      proxy.requests.push(line);
      const destination = /^CONNECT (\S+) HTTP/.exec(line)?.[1];
      const status = refusal(head, destination, options);
      if (status !== undefined || destination === undefined) {
        client.end(`HTTP/1.1 ${status ?? 502} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
        return;
      }
      const { hostname, port } = new URL(`tcp://${options.route?.(destination) ?? destination}`);
      const upstream = keep(connect(Number(port), hostname.replace(/^\[|\]$/g, "")));
      upstream.on("connect", () => {
        client.write("HTTP/1.1 200 Connection established\r\n\r\n");
        client.pipe(upstream).pipe(client);
      });
    };
    client.on("data", read);
  };
  const { certificate } = options;
  const server = certificate === undefined ? createServer(answer) : createTlsServer(certificate, answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("the proxy has no port");
  proxy.address = `127.0.0.1:${at.port}`;
  return proxy;
}

function refusal(head: string, destination: string | undefined, options: ProxyOptions): number | undefined {
  const wanted = options.credentials === undefined ? undefined : Buffer.from(options.credentials).toString("base64");
  const given = /^proxy-authorization: basic (\S+)\r$/im.exec(head)?.[1];
  if (wanted !== undefined && given !== wanted) return 407;
  return destination === undefined ? 502 : options.refuseWith;
}
