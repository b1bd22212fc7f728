import { UpdateError } from "../errors.ts";

/** What programs of the host get: never our own environment, in which `OPENSSL_CONF` would choose another module. */
export const PROGRAM_ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C", LC_ALL: "C" };

interface Ended {
  exitCode: number;
  stdout: Buffer;
}

interface ProgramInput {
  /** Its stdin; empty when absent. */
  input?: Uint8Array;
  /** Of ours; it gets them as 3, 4, … */
  descriptors?: readonly number[];
}

const LIMIT_MS = 30_000;

/**
 * Runs a program of the host that is done in a moment, and waits for it. Fails with `E_FIPS` when it cannot be started, is
 * ended by a signal, or takes half a minute.
 */
export function runProgram(
  argv: readonly [string, ...string[]],
  { input = Buffer.of(), descriptors = [] }: ProgramInput = {},
): Ended {
  try {
    const { exitCode, stdout } = Bun.spawnSync([...argv], {
      stdio: [input, "pipe", "ignore", ...descriptors],
      env: PROGRAM_ENVIRONMENT,
      cwd: "/",
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    if (exitCode !== null) return { exitCode, stdout: Buffer.from(stdout ?? []) };
  } catch (cause) {
    throw fipsError(`\`${argv[0]}\` cannot be started`, cause);
  }
  throw fipsError(`\`${argv.slice(0, 2).join(" ")}\` did not come to its end`);
}

/** As `runProgram`, while other programs run. */
export async function askProgram(
  argv: readonly [string, ...string[]],
  { input = Buffer.of() }: Pick<ProgramInput, "input"> = {},
): Promise<Ended> {
  const child = startProgram(argv, input);
  const [exitCode, stdout] = await Promise.all([child.exited, new Response(child.stdout).bytes()]);
  if (child.signalCode === null) return { exitCode, stdout: Buffer.from(stdout) };
  throw fipsError(`\`${argv.slice(0, 2).join(" ")}\` did not come to its end`);
}

function startProgram(argv: readonly string[], input: Uint8Array) {
  try {
    return Bun.spawn([...argv], {
      stdio: [input, "pipe", "ignore"],
      env: PROGRAM_ENVIRONMENT,
      cwd: "/",
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
  } catch (cause) {
    throw fipsError(`\`${argv[0]}\` cannot be started`, cause);
  }
}

/** The host, or its module, is not what this variant needs; `docs/fips.md` has the whole way there. */
export function fipsError(what: string, cause?: unknown): UpdateError {
  return new UpdateError("E_FIPS", `this is the FIPS variant, and ${what}`, { hint: WAY_THERE, cause });
}

const WAY_THERE =
  "bring the host into FIPS mode, with OpenSSL 3.0 or later: on RHEL 9 `fips-mode-setup --enable` and a reboot; on Debian 13 `apt-get install curl openssl-provider-fips`," +
  " `openssl fipsinstall -out /etc/ssl/fipsmodule.cnf -module /usr/lib/$(uname -m)-linux-gnu/ossl-modules/fips.so`, the providers `fips` and `base` with" +
  " `default_properties = fips=yes` in `/etc/ssl/openssl.cnf`, and the kernel parameter `fips=1`; or install the ordinary variant";
