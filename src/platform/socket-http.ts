import { UpdateError } from "./errors.ts";
import type { FileKind, Files } from "./files.ts";
import type { SocketAnswer, Sockets } from "./sockets.ts";

const BODY_LIMIT = 64 << 10;

/** Sockets below the root of `files`. */
export function hostSockets(files: Files): Sockets {
  return {
    async get(socket, path, { timeoutMs, signal }) {
      // A service may own the folder of its socket: what it puts there must neither lead us elsewhere nor fail the run.
      if (kindOf(files, socket) !== "other") throw socketError(socket, "there is no socket");
      try {
        return await fetchFrom(files.real(socket), path, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      } catch (error) {
        if (error instanceof UpdateError) throw error;
        throw socketError(socket, error instanceof Error ? error.message : String(error), error);
      }
    },
  };
}

function kindOf(files: Files, socket: string): FileKind | undefined {
  try {
    return files.stat(socket)?.kind;
  } catch (error) {
    throw socketError(socket, error instanceof Error ? error.message : String(error), error);
  }
}

async function fetchFrom(unix: string, path: string, signal: AbortSignal): Promise<SocketAnswer> {
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
    if (length > BODY_LIMIT) throw new Error(`the answer is larger than ${BODY_LIMIT} bytes`);
    chunks.push(chunk);
  }
  return { status: answer.status, text: Buffer.concat(chunks).toString("utf8") };
}

function socketError(socket: string, reason: string, cause?: unknown): UpdateError {
  return new UpdateError("E_SOCKET", `no answer from \`${socket}\`: ${reason}`, {
    hint: "the service's debug socket may be disabled in its configuration",
    cause,
  });
}
