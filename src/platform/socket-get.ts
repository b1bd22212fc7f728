import type { SocketAnswer } from "./sockets.ts";

/** One GET of a path from the server behind a socket file; rejects when the answer has more than `limit` bytes. */
export type SocketGet = (socket: string, path: string, limit: number, signal: AbortSignal) => Promise<SocketAnswer>;

/** By the runtime's own HTTP. */
export const getFromSocket: SocketGet = async (unix, path, limit, signal) => {
  const answer = await fetch(`http://debug${path}`, {
    unix,
    signal,
    redirect: "manual",
    keepalive: false,
    proxy: false,
  });
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > limit) throw new Error(`the answer is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return { status: answer.status, text: Buffer.concat(chunks).toString("utf8") };
};
