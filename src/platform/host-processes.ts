import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { systemErrorCode } from "./errors.ts";
import type { Liveness, Processes, RunOptions, RunResult } from "./processes.ts";

const PROGRAM_FOLDERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const BASE_ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
};
const OUTPUT_LIMIT = 1 << 20;
const LINE_LIMIT = 4096;
const TERMINATE_GRACE_MS = 10_000;
/** A daemon that a program left behind may hold its pipe: after the program's own end we wait only so long for the rest. */
const PIPE_GRACE_MS = 500;

/** The programs of this machine. */
export const hostProcesses: Processes = {
  run,
  probe,
  find(name) {
    return PROGRAM_FOLDERS.map((folder) => join(folder, name)).find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  },
};

function probe(pid: number): Liveness {
  try {
    process.kill(pid, 0);
    return "alive";
  } catch (error) {
    return systemErrorCode(error) === "ESRCH" ? "gone" : { failure: String(error) };
  }
}

async function run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
  const started = start(argv, options);
  if (typeof started === "string") {
    return { exitCode: -1, failure: started, timedOut: false, stdout: "", stderr: "" };
  }
  const child = started;
  let timedOut = false;
  const strike = (signal: "SIGTERM" | "SIGKILL") => killGroup(child.pid, signal);
  const limit =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          strike("SIGKILL");
        }, options.timeoutMs);
  let patience: ReturnType<typeof setTimeout> | undefined;
  const cancel = () => {
    strike("SIGTERM");
    patience = setTimeout(() => strike("SIGKILL"), TERMINATE_GRACE_MS);
  };
  options.signal?.addEventListener("abort", cancel, { once: true });
  if (options.signal?.aborted) cancel();

  const stdout = collect(child.stdout, (line) => options.onLine?.(line, "stdout"));
  const stderr = collect(child.stderr, (line) => options.onLine?.(line, "stderr"));
  try {
    await child.exited;
    await Promise.race([Promise.all([stdout.done, stderr.done]), Bun.sleep(PIPE_GRACE_MS)]);
  } finally {
    clearTimeout(limit);
    clearTimeout(patience);
    options.signal?.removeEventListener("abort", cancel);
  }
  const failure = child.signalCode ? `ended by ${child.signalCode}` : undefined;
  return {
    exitCode: failure ? -1 : (child.exitCode ?? -1),
    failure,
    timedOut,
    stdout: stdout.text(),
    stderr: stderr.text(),
  };
}

function start(argv: readonly [string, ...string[]], options: RunOptions) {
  const output = options.passOutput ? "inherit" : "pipe";
  try {
    return Bun.spawn([...argv], {
      cwd: options.directory ?? "/",
      env: { ...BASE_ENVIRONMENT, ...options.environment },
      stdio: ["ignore", output, output, ...(options.descriptors ?? [])],
      detached: true,
    });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The group, so that what the program started ends with it; a group that is gone already is fine. */
function killGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, signal);
  } catch {}
}

/**
 * Splits a stream into lines, each handed on as it comes, and keeps the first `OUTPUT_LIMIT` characters. What comes after
 * them is read and dropped, with a pause a part, so that a program that prints without end cannot hold up its own limit.
 */
function collect(stream: ReadableStream<Uint8Array> | undefined, onLine: (line: string) => void) {
  const decoder = new TextDecoder();
  let kept = "";
  let rest = "";
  const take = (text: string) => {
    if (kept.length >= OUTPUT_LIMIT) return;
    kept += text;
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line.slice(0, LINE_LIMIT));
  };
  const done = (async () => {
    for await (const chunk of stream ?? []) {
      take(decoder.decode(chunk, { stream: true }));
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (rest !== "") onLine(rest.slice(0, LINE_LIMIT));
  })();
  done.catch(() => {});
  return { done, text: () => kept };
}
