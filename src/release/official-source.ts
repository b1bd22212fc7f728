import { isUpdateError, UpdateError } from "../platform/errors.ts";
import { DEFAULT_BASE_URL } from "../settings/base-url.ts";
import { httpSource, type SourceWorld } from "./http-source.ts";
import type { ReleaseSource } from "./source.ts";

/**
 * The default CDN, for who named no place. Where it is not reached at all, the hint goes on with `elsewhere`, which says how another
 * place is named: on a host without a way out that is what is left to do, and a new operator does not know of it.
 */
export function officialSource(world: SourceWorld, elsewhere: string): ReleaseSource {
  const source = httpSource(world, DEFAULT_BASE_URL);
  return {
    ...source,
    readText: (name, limit) => advised(elsewhere, () => source.readText(name, limit)),
    open: (name, begun) => advised(elsewhere, () => source.open(name, begun)),
  };
}

async function advised<T>(elsewhere: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isUpdateError(error, "E_NETWORK", "E_CONNECT_PROXY")) throw error;
    const { code, message, hint, retryAfterMs } = error;
    const advice = hint === undefined ? elsewhere : `${hint}; ${elsewhere}`;
    throw new UpdateError(code, message, { hint: advice, cause: error.cause, retryAfterMs });
  }
}
