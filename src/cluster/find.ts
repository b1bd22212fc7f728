import { isUpdateError, UpdateError } from "../platform/errors.ts";
import { isLoopbackHost } from "../platform/ip-address.ts";
import { quote } from "../platform/quote.ts";
import { withRetries } from "../platform/retry.ts";
import type { World } from "../platform/world.ts";
import { type Address, formatAddress, parseAddress } from "../settings/address.ts";
import { type FindAnswer, parseFindAnswer, type Received } from "./find-answer.ts";

export interface FindRequest {
  /** As configured: with or without scheme and port. */
  proxy: string;
  /** Empty: the default group. */
  group: string;
  /** Empty: not sent. */
  updaterId: string;
  /** As given to `Http`; a proxy on this machine may then answer without TLS. */
  insecure: boolean;
}

type FindWorld = Pick<World, "http" | "clock" | "log" | "signal">;

/** Contract: one request (updater-core §5.1). */
const FIND_TIMEOUT_MS = 30_000;
const FIND_LIMIT = 1 << 20;
const DEFAULT_GROUP = "default";

/**
 * Asks the proxy which release this host should run, and whether now. What may pass is tried again for some seconds, a
 * silent proxy once; beyond that the timer is the retry (updater-core §5.1). Fails with `E_PROXY_ADDRESS`, `E_FIND`, `E_VERSION`, or as `Http` does.
 */
export async function findTarget(world: FindWorld, request: FindRequest): Promise<FindAnswer> {
  const address = requireProxy(request.proxy);
  const proxy = formatAddress(address);
  const mayBePlain = request.insecure && isLoopbackHost(address.host);
  return withRetries(world, `https://${proxy}/webapi/find`, async () => {
    const received = await receive(world, findUrl("https", proxy, request)).catch((error: unknown) => {
      if (!mayBePlain || !isUpdateError(error, "E_NETWORK", "E_TIMEOUT", "E_TLS")) throw error;
      world.log.warn("The proxy on this machine does not answer over https, so it is asked over http.", {
        proxy,
        reason: error.message,
      });
      return receive(world, findUrl("http", proxy, request));
    });
    return parseFindAnswer(
      { ...received, proxy },
      {
        unknown: (edition) =>
          world.log.warn("Unknown edition detected, taken for an AGPL edition.", { proxy, edition: quote(edition) }),
        replaced: (edition, flags) =>
          world.log.info("This updater is of the FIPS variant: it follows the cluster's version in the FIPS edition.", {
            edition: quote(edition),
            flags: flags.join(","),
          }),
      },
    );
  });
}

/**
 * Reads the address of the proxy that is configured. Fails with `E_PROXY_ADDRESS`, also when there is none; `unread` is the file
 * that would have named it.
 */
export function requireProxy(proxy: string, unread?: string): Address {
  if (proxy !== "") return parseAddress(proxy);
  throw new UpdateError("E_PROXY_ADDRESS", "no proxy address is configured", {
    hint: `${unread === undefined ? "" : `mend \`${unread}\`, which cannot be read, or `}name the Teleport proxy with \`teleport-update enable --proxy HOST:PORT\``,
  });
}

function findUrl(scheme: "https" | "http", proxy: string, { group, updaterId }: FindRequest): string {
  const query = new URLSearchParams({ group: group === "" ? DEFAULT_GROUP : group });
  if (updaterId !== "") query.set("update_id", updaterId);
  return `${scheme}://${proxy}/webapi/find?${query}`;
}

async function receive({ http, signal }: FindWorld, url: string): Promise<Omit<Received, "proxy">> {
  const answer = await http.get(url, { timeoutMs: FIND_TIMEOUT_MS, signal });
  return {
    status: answer.status,
    headers: answer.headers,
    text: await answer.text(FIND_LIMIT),
  };
}
