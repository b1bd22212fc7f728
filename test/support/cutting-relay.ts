import { connect, createServer, type Socket } from "node:net";

/** A line to a server that breaks again and again. */
export interface CuttingRelay extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`, in place of the server's own. */
  url: string;
  /** Bytes, of TLS, that came through towards the client on each connection that was cut. */
  cuts: number[];
}

/** Starts a relay to `target` (an https URL) that cuts a connection after `bytes` towards the client, `times` in all. */
export async function startCuttingRelay(
  target: string,
  { bytes, times }: { bytes: number; times: number },
): Promise<CuttingRelay> {
  const { hostname, port } = new URL(target);
  const cuts: number[] = [];
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) {
      open.add(socket);
      const end = () => {
        client.destroy();
        upstream.destroy();
        open.delete(socket);
      };
      socket.on("close", end).on("error", end);
    }
    let passed = 0;
    client.pipe(upstream);
    upstream.on("data", (chunk: Buffer) => {
      const part = cuts.length < times ? chunk.subarray(0, bytes - passed) : chunk;
      passed += part.length;
      const isCut = cuts.length < times && passed >= bytes;
      if (isCut) {
        cuts.push(passed);
        upstream.destroy();
        client.end(part);
        return;
      }
      if (client.write(part)) return;
      upstream.pause();
      client.once("drain", () => upstream.resume());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at = server.address();
  if (at === null || typeof at === "string") throw new Error("the relay has no port");
  return {
    url: `https://127.0.0.1:${at.port}`,
    cuts,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
