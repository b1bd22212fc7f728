import type { UpdaterHost } from "./updater-host.ts";

/** Hosts alike: what one waits for, the others do meanwhile. */
export interface AlikeHosts<Name> extends AsyncDisposable {
  /** Does `work` on all at once, and waits for all; fails with everything that failed, and the name of the host. */
  each(work: (host: UpdaterHost, name: Name) => Promise<void>): Promise<void>;
}

/** Boots a host for each name. */
export async function bootAlike<Name extends string>(
  names: readonly Name[],
  bootOne: () => Promise<UpdaterHost>,
): Promise<AlikeHosts<Name>> {
  await using booting = new AsyncDisposableStack();
  const hosts: (readonly [Name, UpdaterHost])[] = [];
  for (const name of names) hosts.push([name, booting.use(await bootOne())]);
  const booted = booting.move();
  return {
    async each(work) {
      const attempts = await Promise.allSettled(hosts.map(([name, host]) => work(host, name)));
      const failures = attempts.flatMap((attempt, index) =>
        attempt.status === "rejected" ? [`${hosts[index]?.[0]}: ${reasonOf(attempt.reason)}`] : [],
      );
      if (failures.length > 0) throw new Error(failures.join("\n\n"));
    },
    [Symbol.asyncDispose]: () => booted.disposeAsync(),
  };
}

function reasonOf(failure: unknown): string {
  return failure instanceof Error ? (failure.stack ?? failure.message) : String(failure);
}
