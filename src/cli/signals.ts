import { writeTalk } from "./output.ts";

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;
const PATIENCE =
  "Still putting the host back as it was. Once more ends this at once, and may leave it between two releases.\n";

/**
 * A signal that the first SIGINT or SIGTERM fires. Who asks again is told what is going on, because a host half put back
 * is worse than a minute of waiting; the third time ends the program at once with 128 + n.
 */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  let received = 0;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      received += 1;
      if (received > 2) process.exit(128 + SIGNAL_NUMBERS[name]);
      if (received === 2) writeTalk(PATIENCE);
      controller.abort();
    });
  }
  return controller.signal;
}
