import { closeSync } from "node:fs";
import { systemErrorCode, UpdateError } from "./errors.ts";

/** The seam for who serves: the only place that names `Bun.serve`. */
export interface HttpServer {
  /** As bound, without a slash at its end: `https://127.0.0.1:8443`. */
  url: string;
  /** Takes no more connections and waits for what runs, at most so long; what runs then is cut. True when nothing was. */
  stop(graceMs: number): Promise<boolean>;
}

export interface ServerSettings {
  /** A name or an address, IPv6 without brackets. */
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** Both in PEM form; plain http when absent. */
  tls?: { cert: string; key: string };
  /** What may run at once; a request beyond it is told that it is one too many. */
  capacity: number;
  /** A connection on which nothing moves for so long is cut: a silent client, or one that does not read. */
  idleSeconds: number;
  /** Must not wait: the answer's file is opened by the kernel as soon as it returns. */
  answer(request: ServerRequest): ServerAnswer;
}

export interface ServerRequest {
  method: string;
  /** Path and query, as the client wrote them but for dot segments. */
  target: string;
  headers: Headers;
  /** The address of the client; empty when it is gone already. */
  remote: string;
  isOneTooMany: boolean;
}

export interface ServerAnswer {
  status: number;
  headers: Record<string, string>;
  /** Nothing of it is sent in answer to HEAD, but its length. */
  body?: string | FilePart;
}

/** Bytes of an open file; the server closes the descriptor. */
export interface FilePart {
  descriptor: number;
  start: number;
  /** Exclusive. */
  end: number;
}

/** Nobody has a reason to send us a body. */
const BODY_LIMIT = 1024;

/** Listens; fails with `E_SERVE` when the address is taken, not of this machine, or not for us. */
export function startHttpServer(settings: ServerSettings): HttpServer {
  const { host, port, tls, capacity, idleSeconds, answer } = settings;
  const server = listen(host, port, () =>
    Bun.serve({
      hostname: host,
      port,
      ...(tls === undefined ? {} : { tls }),
      idleTimeout: idleSeconds,
      maxRequestBodySize: BODY_LIMIT,
      // An error is told to nobody; with this alone a second server would share the port, and answer every other request.
      development: false,
      reusePort: false,
      fetch: (request, self) =>
        toResponse(
          answer({
            method: request.method,
            target: targetOf(request.url),
            headers: request.headers,
            remote: self.requestIP(request)?.address ?? "",
            isOneTooMany: self.pendingRequests > capacity,
          }),
        ),
      error: () => new Response("internal error\n", { status: 500 }),
    }),
  );
  const shown = host.includes(":") ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? "http" : "https"}://${shown}:${server.port}`,
    async stop(graceMs) {
      let patience: ReturnType<typeof setTimeout> | undefined;
      const ended = server.stop().then(() => true);
      const late = new Promise<false>((resolve) => {
        patience = setTimeout(() => resolve(false), graceMs);
      });
      const isWhole = await Promise.race([ended, late]);
      clearTimeout(patience);
      if (!isWhole) await Promise.race([server.stop(true), Bun.sleep(0)]);
      return isWhole;
    },
  };
}

function listen<Server>(host: string, port: number, start: () => Server): Server {
  try {
    return start();
  } catch (error) {
    const reason = REASONS[systemErrorCode(error) ?? ""] ?? (error instanceof Error ? error.message : String(error));
    throw new UpdateError("E_SERVE", `cannot listen on port ${port} of \`${host}\`: ${reason}`, {
      hint: "choose another address with `--listen HOST:PORT`; who holds this one is shown by `ss -ltnp`",
      cause: error,
    });
  }
}

const REASONS: Record<string, string> = {
  EADDRINUSE: "another program listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "ports below 1024 are for root, or for who has CAP_NET_BIND_SERVICE",
};

/** The request's URL is no URL when its `Host` is none. */
function targetOf(url: string): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, "");
}

function toResponse({ status, headers, body }: ServerAnswer): Response {
  if (body === undefined || typeof body === "string") return new Response(body ?? null, { status, headers });
  const { descriptor, start, end } = body;
  // By this name the kernel opens the very file that is open already, whatever became of its name in the folder; a response
  // from a bare descriptor would be sent whole. It is opened before this turn of the loop ends, and sent by `sendfile`.
  const file = Bun.file(`/proc/self/fd/${descriptor}`);
  setImmediate(() => closeSync(descriptor));
  return new Response(file.slice(start, end), { status, headers });
}
