import { closeSync } from "node:fs";
import { curlFailure } from "./curl-failure.ts";
import { fipsError, PROGRAM_ENVIRONMENT } from "./host-program.ts";
import { CURL } from "./require-fips.ts";

/** One run of curl. */
export interface CurlTransfer {
  /** What curl prints next; without a value once all came. Rejects with a `CurlFailure` when curl failed. */
  read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  /** Ends curl, if it still runs. */
  end(): void;
}

/**
 * The runtime reads the stdout of a child as fast as it comes, and keeps what nobody took yet; from any other descriptor it
 * reads on demand. So the answer comes out of descriptor 3, and a large archive never lies in memory.
 */
const ON_DEMAND = 'exec "$0" -q --config - >&3 3>&-';

/**
 * Starts curl with a configuration on its stdin and `lent` as its descriptors from 4 on. It is ended when `signal` fires.
 * Fails with `E_FIPS` when it cannot be started.
 */
export function startCurl(
  config: string,
  lent: readonly number[],
  signal: AbortSignal,
  environment: Record<string, string> = PROGRAM_ENVIRONMENT,
): CurlTransfer {
  const child = spawnCurl(config, lent, environment);
  const said = new Response(child.stderr).text();
  const descriptor = outputOf(child);
  const output = Bun.file(descriptor).stream().getReader();
  let isOpen = true;
  /** Nobody else closes it, and a stream that is read to its end has let go of it. */
  const close = () => {
    signal.removeEventListener("abort", end);
    if (isOpen) closeSync(descriptor);
    isOpen = false;
  };
  const end = () => {
    child.kill("SIGKILL");
    output.cancel().then(close, close);
  };
  signal.addEventListener("abort", end, { once: true });
  return {
    async read() {
      const part = await output.read();
      if (!part.done) return part;
      close();
      const exitCode = await child.exited;
      if (exitCode !== 0) throw curlFailure(exitCode, await said);
      return part;
    },
    end,
  };
}

function spawnCurl(config: string, lent: readonly number[], env: Record<string, string>) {
  try {
    return Bun.spawn(["/bin/sh", "-c", ON_DEMAND, CURL], {
      stdio: [Buffer.from(config), "ignore", "pipe", "pipe", ...lent],
      env,
      cwd: "/",
    });
  } catch (error) {
    throw fipsError(`\`${CURL}\` cannot be started`, error);
  }
}

function outputOf(child: { stdio: readonly unknown[] }): number {
  const descriptor = child.stdio[3];
  if (typeof descriptor === "number") return descriptor;
  throw fipsError(`the output of \`${CURL}\` cannot be read`);
}
