import { resolve } from "node:path";
import { commonLine, jsonLine } from "../mirror/access-log.ts";
import { mirrorAnswers } from "../mirror/serve.ts";
import { requireTree, servedTree } from "../mirror/served-tree.ts";
import { readServerCertificate } from "../mirror/server-certificate.ts";
import { systemClock } from "../platform/clock.ts";
import { dropRights, findIdentity } from "../platform/drop-rights.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { hostFiles } from "../platform/host-files.ts";
import { hostProcesses } from "../platform/host-processes.ts";
import { startHttpServer } from "../platform/http-server.ts";
import type { Log } from "../platform/log.ts";
import { quoted, usageError } from "./flag-words.ts";
import { readListenAddress } from "./listen-address.ts";
import type { MIRROR_SERVE_FLAGS } from "./mirror-flags.ts";
import { writeOutput } from "./output.ts";
import type { CommandInput } from "./program.ts";

/** Answers that may run at once: 200 hosts of one wave fit in several times, and each costs little but its socket. */
const CAPACITY = 1024;
/** Long enough for a slow line, on which the kernel asks for more only when a third of its buffer was taken. */
const IDLE_SECONDS = 120;
const STOP_GRACE_MS = 10_000;
const ROOT = 0;

type Input = CommandInput<typeof MIRROR_SERVE_FLAGS>;

/** `mirror serve`: serves the files of a tree until SIGTERM or SIGINT. */
export async function run(input: Input): Promise<number> {
  const { values, log } = input;
  const address = readListenAddress(values.listen);
  const prefix = readPrefix(values.prefix);
  const directory = resolve(values.at);
  const files = hostFiles();
  const tls = readTls(input, files);
  const identity = process.geteuid?.() === ROOT ? await findIdentity(hostProcesses, values.user) : undefined;
  if (identity === undefined && input.sources.user === "command line") {
    throw usageError("flag `--user` is for a server that is started as root");
  }

  const stopping = stopSignal();
  const now = () => systemClock.now();
  const record = accessWriter(values["log-format"] === "json" ? jsonLine : commonLine, log);
  const answer = mirrorAnswers({ tree: servedTree(files, directory, log), prefix, now, record });
  const server = startHttpServer({ ...address, ...tls, capacity: CAPACITY, idleSeconds: IDLE_SECONDS, answer });
  // In the same turn of the loop: nothing is answered with root's rights.
  if (identity !== undefined) dropRights(identity);
  requireTree(files, directory);
  log.info("Serving.", { url: `${server.url}${prefix}/`, directory, user: process.geteuid?.() });
  await stopping;
  log.info("Stopping.");
  if (!(await server.stop(STOP_GRACE_MS)))
    log.warn("Cut what was still under way.", { after: `${STOP_GRACE_MS / 1000} s` });
  return 0;
}

function readTls({ values }: Input, files: Files) {
  const [cert, key] = [values["tls-cert"], values["tls-key"]];
  if ((cert === "") !== (key === "")) throw usageError("flags `--tls-cert` and `--tls-key` go together");
  if (cert === "") return {};
  return { tls: readServerCertificate(files, { cert: resolve(cert), key: resolve(key) }, systemClock.now()) };
}

function readPrefix(text: string): string {
  const prefix = text.replace(/\/$/, "");
  if (/^(\/[\w~-][\w.~-]*)*$/.test(prefix)) return prefix;
  throw usageError(`flag \`--prefix\` must be a path like \`/teleport\`, not ${quoted(text)}`);
}

/** Fires once: who asks again ends the program at once, as the system does. */
function stopSignal(): Promise<void> {
  return new Promise((stop) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop());
  });
}

/** A log that nobody can keep any more is no reason to leave the hosts without their mirror. */
function accessWriter<Access>(format: (access: Access) => string, log: Log): (access: Access) => void {
  let isLost = false;
  return (access) => {
    try {
      writeOutput(`${format(access)}\n`);
      isLost = false;
    } catch (error) {
      if (!isUpdateError(error, "E_IO")) throw error;
      if (!isLost) log.warn("The access log cannot be written; serving goes on.", { error: error.message });
      isLost = true;
    }
  };
}
