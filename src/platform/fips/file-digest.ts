import { closeSync, openSync } from "node:fs";
import { OPEN_FLAGS, refuseInterrupted } from "../file-digest.ts";
import { attempt } from "../path-errors.ts";
import { fipsError, PROGRAM_ENVIRONMENT } from "./host-program.ts";
import { DIGEST_ARGV, inBatches, requireDigests } from "./openssl.ts";

/** As of the ordinary variant, by a program of the host that reads the files itself. Fails with `E_FIPS` too. */
export async function digestFiles(paths: readonly string[], signal: AbortSignal): Promise<string[]> {
  const digests: string[] = [];
  for (const batch of inBatches(paths)) digests.push(...(await digestBatch(batch, signal)));
  return digests;
}

async function digestBatch(paths: readonly string[], signal: AbortSignal): Promise<string[]> {
  const printed = await printedOf(paths, signal);
  refuseInterrupted(paths[0] ?? "", signal);
  return requireDigests(printed, paths.length).map((digest) => Buffer.from(digest).toString("hex"));
}

function printedOf(paths: readonly string[], signal: AbortSignal): Promise<Uint8Array> {
  const open: number[] = [];
  try {
    for (const path of paths) open.push(attempt("read", path, () => openSync(path, OPEN_FLAGS)));
    const child = Bun.spawn([...DIGEST_ARGV, ...open.map((_, at) => `/proc/self/fd/${3 + at}`)], {
      stdio: ["ignore", "pipe", "ignore", ...open],
      env: PROGRAM_ENVIRONMENT,
      cwd: "/",
      signal,
      killSignal: "SIGKILL",
    });
    return new Response(child.stdout).bytes();
  } catch (error) {
    if (open.length < paths.length) throw error;
    throw fipsError(`\`${DIGEST_ARGV[0]}\` cannot be started`, error);
  } finally {
    for (const descriptor of open) closeSync(descriptor);
  }
}
