import { getFromSocket } from "#variant/socket-get";
import { UpdateError } from "./errors.ts";
import type { FileKind, Files } from "./files.ts";
import type { SocketGet } from "./socket-get.ts";
import type { Sockets } from "./sockets.ts";

const BODY_LIMIT = 64 << 10;

/** Sockets below the root of `files`. */
export function hostSockets(files: Files, get: SocketGet = getFromSocket): Sockets {
  return {
    async get(socket, path, { timeoutMs, signal }) {
      // A service may own the folder of its socket: what it puts there must neither lead us elsewhere nor fail the run.
      if (kindOf(files, socket) !== "other") throw socketError(socket, "there is no socket");
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
        return await get(files.real(socket), path, BODY_LIMIT, limit);
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

function socketError(socket: string, reason: string, cause?: unknown): UpdateError {
  return new UpdateError("E_SOCKET", `no answer from \`${socket}\`: ${reason}`, {
    hint: "the service's debug socket may be disabled in its configuration",
    cause,
  });
}
