import { createServer, type Socket } from "node:net";

/** A server over a bad line: each answer is sent byte by byte as told, and the line cut where told. */
export interface CutServer extends AsyncDisposable {
  url: string;
  /** Each request so far: its path, and its headers by their names in lower case. */
  requests: { path: string; headers: Record<string, string> }[];
  /** Bytes of content that the kernel took for sending so far. */
  served: number;
  /** Connections that are open now. */
  open: number;
  /** Ends when no connection is open. */
  idle(): Promise<void>;
}

export interface CutAnswer {
  /** 200 when absent. */
  status?: number;
  /** `Content-Length` is that of the body, unless it is here; `undefined` leaves it out. */
  headers?: Record<string, string | number | undefined>;
  body?: Uint8Array;
  /** The line is cut after so many bytes of the body; whole when absent. */
  cutAfter?: number;
  /** How it is cut: FIN when absent. */
  by?: "FIN" | "RST";
  /** Awaited before the cut: what is still on the line when it is cut may be lost. */
  beforeCut?: () => Promise<void>;
}

export interface CutRequest {
  /** Counts from 0. */
  at: number;
  path: string;
  headers: Record<string, string>;
  /** N of `Range: bytes=N-`; undefined when all is wanted. */
  from: number | undefined;
}

const PIECE_BYTES = 64 << 10;

/** Starts the server on 127.0.0.1; `answer` says what each request gets, undefined cuts before the answer. */
export async function startCutServer(answer: (request: CutRequest) => CutAnswer | undefined): Promise<CutServer> {
  const sockets = new Set<Socket>();
  let idle: (() => void) | undefined;
  const state: CutServer = {
    url: "",
    requests: [],
    served: 0,
    open: 0,
    idle: () => (sockets.size === 0 ? Promise.resolve() : new Promise((resolve) => (idle = resolve))),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    state.open = sockets.size;
    socket
      .on("error", () => socket.destroy())
      .on("close", () => {
        sockets.delete(socket);
        state.open = sockets.size;
        if (sockets.size === 0) idle?.();
      });
    let head = "";
    socket.on("data", (part) => {
      head += part.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      const [first = "", ...lines] = head.trimEnd().split("\r\n");
      const path = first.split(" ")[1] ?? "";
      const headers = Object.fromEntries(lines.map((line) => splitHeader(line)));
      const at = state.requests.push({ path, headers }) - 1;
      const from = /^bytes=(\d+)-$/.exec(headers["range"] ?? "")?.[1];
      const said = answer({ at, path, headers, from: from === undefined ? undefined : Number(from) });
      if (said === undefined) socket.destroy();
      else void send(socket, said, state);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  state.url = `http://127.0.0.1:${address.port}`;
  return state;
}

/** What a server says that knows parts of `file`, by the strong tag `tag` when there is one. */
export function partOf(file: Uint8Array, { from, headers }: CutRequest, tag?: string): CutAnswer {
  const common = tag === undefined ? {} : { ETag: tag };
  const isSame = headers["if-range"] === undefined || headers["if-range"] === tag;
  if (from === undefined || !isSame) return { headers: common, body: file };
  return {
    status: 206,
    headers: { ...common, "Content-Range": `bytes ${from}-${file.length - 1}/${file.length}` },
    body: file.subarray(from),
  };
}

async function send(socket: Socket, said: CutAnswer, state: CutServer): Promise<void> {
  const { status = 200, headers, body: content = new Uint8Array(), cutAfter, by, beforeCut } = said;
  const told = Object.entries({ "Content-Length": content.length, ...headers, Connection: "close" });
  const lines = told.flatMap(([name, value]) => (value === undefined ? [] : `${name}: ${value}\r\n`));
  socket.write(`HTTP/1.1 ${status} Said\r\n${lines.join("")}\r\n`);
  const end = Math.min(cutAfter ?? content.length, content.length);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  for (let sent = 0; sent < end && !socket.destroyed; sent += PIECE_BYTES) {
    const piece = content.subarray(sent, Math.min(end, sent + PIECE_BYTES));
    await Promise.race([closed, new Promise<void>((resolve) => socket.write(piece, () => resolve()))]);
    state.served += piece.length;
  }
  if (end < content.length) await beforeCut?.();
  if (by === "RST") socket.resetAndDestroy();
  else socket.end();
}

function splitHeader(line: string): [string, string] {
  const at = line.indexOf(":");
  return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
}
