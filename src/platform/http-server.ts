import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createTlsServer } from "#variant/tls-server";
import { type ClientLimits, countClients } from "./client-counts.ts";
import { systemErrorCode, UpdateError } from "./errors.ts";
import { type FilePart, sendPaced } from "./paced-file.ts";

/** The seam for who serves. */
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
  answers: ClientLimits;
  /** What may be open at once, from its first request or its handshake on; a connection beyond it is closed. */
  connections: ClientLimits;
  /** A connection on which nothing moves for so long is cut: a silent client, or one that does not read. */
  idleSeconds: number;
  answer(request: ServerRequest): ServerAnswer;
}

export interface ServerRequest {
  method: string;
  /** Path and query, as the client wrote them. */
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

/**
 * Listens; nothing is answered before the turn of the loop in which this resolves is over. Fails with `E_SERVE` when the
 * address is taken, not of this machine, or not for us, and with `E_FIPS` where TLS is not for us.
 */
export async function startHttpServer(settings: ServerSettings): Promise<HttpServer> {
  const { host, port, tls, connections, idleSeconds } = settings;
  // Not `Bun.serve`: it sends a file in one go, and one that is sent in pieces without its length, which upstream's updater needs.
  const server = tls === undefined ? createServer() : createTlsServer(tls);
  // It counts within an answer, too: the usual 5 s would cut who waits for a turn.
  server.keepAliveTimeout = idleSeconds * 1000;
  limitConnections(server, connections);
  const running = answerRequests(server, settings);
  const bound = await listen(server, host, port);
  const shown = host.includes(":") ? `[${host}]` : host;
  return {
    url: `${tls === undefined ? "http" : "https"}://${shown}:${bound}`,
    async stop(graceMs) {
      server.close();
      const isWhole = await allEnded(running, graceMs);
      server.closeAllConnections();
      return isWhole;
    },
  };
}

function limitConnections(server: Server, limits: ClientLimits): void {
  const open = countClients(limits);
  server.on("connection", (socket) => {
    socket.on("error", ignore);
    const leave = open.enter(socket.remoteAddress ?? "");
    if (leave === undefined) socket.destroy();
    else socket.once("close", leave);
  });
}

/** The answers under way, as they come and go. */
function answerRequests(server: Server, { answers, idleSeconds, answer }: ServerSettings): Set<ServerResponse> {
  const running = new Set<ServerResponse>();
  const counts = countClients(answers);
  const idleMs = idleSeconds * 1000;
  server.on("request", (request, response) => {
    const remote = request.socket.remoteAddress ?? "";
    const leave = counts.enter(remote);
    running.add(response);
    response.on("error", ignore).once("close", () => {
      running.delete(response);
      leave?.();
    });
    const isOneTooMany = leave === undefined;
    const made = () => (hasBody(request) ? NO_BODIES : answer({ ...readRequest(request), remote, isOneTooMany }));
    send(request, response, orFailed(made), idleMs);
  });
  return running;
}

/** An error is told to nobody. */
function orFailed(answer: () => ServerAnswer): ServerAnswer {
  try {
    return answer();
  } catch {
    return FAILED;
  }
}

const NO_BODIES: ServerAnswer = { status: 413, headers: { Connection: "close" }, body: "content too large\n" };
const FAILED: ServerAnswer = { status: 500, headers: {}, body: "internal error\n" };

/** Nobody has a reason to send us one. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
}

function readRequest({ method = "", url = "", rawHeaders }: IncomingMessage) {
  const headers = new Headers();
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  return { method, target: url.replace(/^https?:\/\/[^/?#]*/i, ""), headers };
}

function send(request: IncomingMessage, response: ServerResponse, answer: ServerAnswer, idleMs: number): void {
  const { status, headers, body } = answer;
  if (headers["Connection"] === "close") response.once("finish", () => request.socket.destroySoon());
  if (body === undefined) {
    response.writeHead(status, headers).end();
    return;
  }
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.end - body.start;
  response.writeHead(status, { ...headers, "Content-Length": length });
  if (typeof body === "string") {
    response.end(request.method === "HEAD" ? undefined : body);
  } else {
    sendPaced(request.method === "HEAD" ? { ...body, end: body.start } : body, response, idleMs);
  }
}

async function allEnded(running: ReadonlySet<ServerResponse>, graceMs: number): Promise<boolean> {
  let patience: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<true>((resolve) => {
    patience = setTimeout(() => resolve(true), graceMs);
  });
  let isLate = false;
  while (running.size > 0 && !isLate) {
    const [first] = running;
    isLate = await Promise.race([late, new Promise<false>((resolve) => first?.once("close", () => resolve(false)))]);
  }
  clearTimeout(patience);
  return !isLate;
}

/** The port; an address that cannot be had is told by an event. */
function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on("error", (error) => {
      const reason = REASONS[systemErrorCode(error) ?? ""] ?? error.message;
      const failure = new UpdateError("E_SERVE", `cannot listen on port ${port} of \`${host}\`: ${reason}`, {
        hint: "choose another address with `--listen HOST:PORT`; who holds this one is shown by `ss -ltnp`",
        cause: error,
      });
      reject(failure);
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

const REASONS: Record<string, string> = {
  EADDRINUSE: "another program listens there",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "ports below 1024 are for root, or for who has CAP_NET_BIND_SERVICE",
};

/** A client that is gone: its answer ends by that. */
function ignore(): void {}
