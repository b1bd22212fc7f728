import type { StreamDigest, WrittenDigest } from "../stream-digest.ts";
import { digestFiles } from "./file-digest.ts";
import { fipsError, PROGRAM_ENVIRONMENT } from "./host-program.ts";
import { DIGEST_ARGV, requireDigest } from "./openssl.ts";

/** As of the ordinary variant, by a program of the host that reads along. Fails with `E_FIPS`. */
export function streamSha256(): StreamDigest {
  const child = start();
  const refused = (cause: unknown) => fipsError(`\`${DIGEST_ARGV.join(" ")}\` does not take what it is given`, cause);
  return {
    async update(part) {
      try {
        // Until it was taken: what we are ahead of the program lies in memory. Either may be what tells that nobody reads.
        await Promise.all([child.stdin.write(part), child.stdin.flush()]);
      } catch (error) {
        throw refused(error);
      }
    },
    async hex() {
      try {
        await child.stdin.end();
      } catch (error) {
        throw refused(error);
      }
      return printed(child);
    },
  };
}

/** As of the ordinary variant; the file is read again, straight by the program and beside our other work. */
export function writtenSha256(): WrittenDigest {
  return { wrote() {}, hex: (path) => new Promise((resolve, reject) => digestSoon({ path, resolve, reject })) };
}

interface Wish {
  path: string;
  resolve(hex: string): void;
  reject(error: unknown): void;
}

const wishes: Wish[] = [];
let isAtWork = false;

/** What ends while others are digested waits, and one program digests it all. */
async function digestSoon(wish: Wish): Promise<void> {
  wishes.push(wish);
  if (isAtWork) return;
  isAtWork = true;
  while (wishes.length > 0) {
    const batch = wishes.splice(0);
    const paths = batch.map(({ path }) => path);
    try {
      const digests = await digestFiles(paths, NEVER);
      for (const [at, { resolve }] of batch.entries()) resolve(digests[at] ?? "");
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  }
  isAtWork = false;
}

const NEVER = new AbortController().signal;

function start() {
  try {
    return Bun.spawn([...DIGEST_ARGV], {
      stdio: ["pipe", "pipe", "ignore"],
      env: PROGRAM_ENVIRONMENT,
      cwd: "/",
    });
  } catch (error) {
    throw fipsError(`\`${DIGEST_ARGV[0]}\` cannot be started`, error);
  }
}

async function printed(child: { stdout: ReadableStream<Uint8Array> }): Promise<string> {
  return Buffer.from(requireDigest(await new Response(child.stdout).bytes())).toString("hex");
}
