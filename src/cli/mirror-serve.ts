import { resolve } from "node:path";
import { type AccessRecord, commonLine, jsonLine } from "../mirror/access-log.ts";
import { mirrorAnswers } from "../mirror/serve.ts";
import { requireTree, servedTree } from "../mirror/served-tree.ts";
import { readServerCertificate } from "../mirror/server-certificate.ts";
import { systemClock } from "../platform/clock.ts";
import { createLog } from "../platform/consola-log.ts";
import { dropRights, findIdentity, requireNoRights } from "../platform/drop-rights.ts";
import type { Files } from "../platform/files.ts";
import { hostFiles } from "../platform/host-files.ts";
import { hostProcesses } from "../platform/host-processes.ts";
import { type ServerSettings, startHttpServer } from "../platform/http-server.ts";
import { quoted, usageError } from "./flag-words.ts";
import { lineWriter } from "./line-writer.ts";
import { readListenAddress } from "./listen-address.ts";
import type { MIRROR_SERVE_FLAGS } from "./mirror-flags.ts";
import type { CommandInput } from "./program.ts";

/** Answers that may run at once: 200 hosts of one wave fit in several times, and each costs little but its socket. */
const ANSWERS = 1024;
const CONNECTIONS = 8192;
/** The part of each that one client gets: a site behind a single address is served, and takes the server from nobody. */
const SHARE = 1 / 4;
const LIMITS_FILE = "/proc/self/limits";
const LIMITS_BYTES = 16 << 10;
/** Long enough for a slow line, on which the kernel asks for more only when a third of its buffer was taken. */
const IDLE_SECONDS = 120;
const STOP_GRACE_MS = 10_000;
const LOG_GRACE_MS = 1000;
const ROOT = 0;
const STDOUT = 1;
const STDERR = 2;

type Input = CommandInput<typeof MIRROR_SERVE_FLAGS>;

/** `mirror serve`: serves the files of a tree until SIGTERM or SIGINT. */
export async function run(input: Input): Promise<number> {
  const { values } = input;
  const address = readListenAddress(values.listen);
  const prefix = readPrefix(values.prefix);
  const directory = resolve(values.at);
  const files = hostFiles();
  const tls = readTls(input, files);
  const identity = process.geteuid?.() === ROOT ? await findIdentity(hostProcesses, values.user) : undefined;
  if (identity === undefined && input.sources.user === "command line") {
    throw usageError("flag `--user` is for a server that is started as root");
  }
  if (identity === undefined) requireNoRights(files);

  const stopping = stopSignal();
  // Whoever reads our output, or does not, must not hold the server.
  const talk = lineWriter(STDERR, { warn: () => {} });
  const log = createLog({ format: values["log-format"], debug: values.debug, write: talk.write });
  const now = () => systemClock.now();
  const lines = lineWriter(STDOUT, log);
  const format = values["log-format"] === "json" ? jsonLine : commonLine;
  const record = (access: AccessRecord) => lines.write(`${format(access)}\n`);
  const answer = mirrorAnswers({ tree: servedTree(files, directory, log), prefix, now, record });
  const limits = serverLimits(files);
  const server = await startHttpServer({ ...address, ...tls, ...limits, idleSeconds: IDLE_SECONDS, answer });
  // In the same turn of the loop: nothing is answered with root's rights.
  if (identity !== undefined) dropRights(identity);
  requireTree(files, directory);
  log.info("Serving.", { url: `${server.url}${prefix}/`, directory, user: process.geteuid?.() });
  await stopping;
  log.info("Stopping.");
  if (!(await server.stop(STOP_GRACE_MS)))
    log.warn("Cut what was still under way.", { after: `${STOP_GRACE_MS / 1000} s` });
  await lines.ended(LOG_GRACE_MS);
  await talk.ended(LOG_GRACE_MS);
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

/** So that descriptors never run out, an answer needs two: without one, the next clients would neither be served nor refused. */
function serverLimits(files: Files): Pick<ServerSettings, "answers" | "connections"> {
  const text = files.readText(LIMITS_FILE, LIMITS_BYTES) ?? "";
  const descriptors = Number(/^Max open files +(\d+)/m.exec(text)?.[1] ?? Number.POSITIVE_INFINITY);
  const limit = (most: number) => {
    const all = Math.floor(most);
    return { all, each: Math.ceil(all * SHARE) };
  };
  return {
    answers: limit(Math.min(ANSWERS, descriptors / 4)),
    connections: limit(Math.min(CONNECTIONS, descriptors / 2)),
  };
}
