import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";

/** What a service says of itself. */
export interface Readiness {
  ready: boolean;
  /** Its own word for its state, like `ok` or `starting`. */
  status: string;
  /** 0 when it does not tell. */
  pid: number;
}

/** Contract: default limit of the client (installer-systemd §4.7). */
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * Asks a service on its debug socket whether it is ready: 200 is yes, 404 means that it cannot tell, any other status is
 * no (installer-systemd §4.7). Fails with `E_SOCKET` when it gives no answer of that form.
 */
export async function readReadiness(world: Pick<World, "sockets" | "signal">, socket: string): Promise<Readiness> {
  const { status, text } = await world.sockets.get(socket, "/readyz", {
    timeoutMs: REQUEST_TIMEOUT_MS,
    signal: world.signal,
  });
  if (status === 404) throw notUnderstood(socket, "the service does not know `/readyz`");
  return { ready: status === 200, ...parseReadiness(socket, text) };
}

function parseReadiness(socket: string, text: string): Pick<Readiness, "status" | "pid"> {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (error) {
    throw notUnderstood(socket, "the answer is no JSON", error);
  }
  if (typeof answer !== "object" || answer === null) throw notUnderstood(socket, "the answer is no JSON object");
  const status = "status" in answer && typeof answer.status === "string" ? answer.status : "";
  const pid = "pid" in answer && Number.isInteger(answer.pid) ? Number(answer.pid) : 0;
  return { status, pid };
}

function notUnderstood(socket: string, reason: string, cause?: unknown): UpdateError {
  return new UpdateError("E_SOCKET", `no use in the answer from \`${socket}\`: ${reason}`, { cause });
}
