import type { Socket } from "node:net";
import { createServer } from "node:tls";
import type { Authority } from "./certificates.ts";

/** A TLS server that asks for a client certificate, and takes it that there is none. */
export interface Asking extends AsyncDisposable {
  address: string;
  url: string;
  /** The heads of the answers to come. */
  answers: string[];
  /** The common name of the certificate that came with each request. */
  shown: (string | undefined)[];
  heads: string[];
}

/** `ca` signs the certificates that count, `authority` that of the server. */
export async function startAsking({ ca }: Pick<Authority, "ca">, authority: Authority): Promise<Asking> {
  const { cert, key } = await authority.issue(["127.0.0.1", "cluster.test"]);
  const open = new Set<Socket>();
  const asking: Asking = {
    address: "",
    url: "",
    answers: [],
    shown: [],
    heads: [],
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => tls.close(resolve));
    },
  };
  const tls = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, (socket) => {
    open.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => open.delete(socket));
    socket.once("data", (head) => {
      asking.heads.push(String(head));
      const name = socket.authorized ? socket.getPeerCertificate().subject.CN : undefined;
      asking.shown.push(name === undefined ? undefined : String(name));
      socket.end(`${asking.answers.shift()}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    });
  });
  await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
  const at = tls.address();
  if (at === null || typeof at === "string") throw new Error("the server has no port");
  asking.address = `127.0.0.1:${at.port}`;
  asking.url = `https://${asking.address}`;
  return asking;
}
