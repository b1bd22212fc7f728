import { parseIp } from "./ip-address.ts";

/** Counts what runs at the same time, in all and for each client. */
export interface ClientCounts {
  /** Counts one more for the client at this address until the returned function is called; undefined when it would be one too many. */
  enter(address: string): (() => void) | undefined;
}

export interface ClientLimits {
  all: number;
  /** For one client: an IPv4 address, or a network of IPv6 (/64), in which a single machine has as many addresses as it likes. */
  each: number;
}

export function countClients({ all, each }: ClientLimits): ClientCounts {
  const running = new Map<string, number>();
  let total = 0;
  return {
    enter(address) {
      const client = clientAt(address);
      const count = running.get(client) ?? 0;
      if (total >= all || count >= each) return undefined;
      running.set(client, count + 1);
      total += 1;
      return once(() => {
        const left = (running.get(client) ?? 0) - 1;
        total -= 1;
        if (left > 0) running.set(client, left);
        else running.delete(client);
      });
    },
  };
}

function clientAt(address: string): string {
  // Without the name of the interface that a local address has behind it.
  const ip = parseIp(address.replace(/%.*$/, ""));
  if (ip === undefined) return address;
  return ip.bits === 32 ? `${ip.value}` : `${ip.value >> 64n}::`;
}

function once(leave: () => void): () => void {
  let isIn = true;
  return () => {
    if (isIn) leave();
    isIn = false;
  };
}
