import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FaultBench } from "../../test/faults/bench-host.ts";
import type { Command } from "../../test/faults/scenarios.ts";
import { KILLED } from "../../test/faults/strikes.ts";
import type { Aim, SeenRun } from "./timeline.ts";

/** What became of a run; `isKilled` is false when it was over before its kill came. */
export interface WatchedRun extends SeenRun {
  isKilled: boolean;
  exitCode: number;
  stderr: string;
}

/** Runs a command over the tree, noting when it passes each fault point; SIGKILL comes at the moment of `aim`. */
export async function watchRun(bench: FaultBench, root: string, command: Command, aim?: Aim): Promise<WatchedRun> {
  const log = join(bench.scratch, "passed");
  writeFileSync(log, "");
  const times: number[] = [];
  let startedAt = Number.POSITIVE_INFINITY;
  let strike: (() => void) | undefined;
  const strikeIfDue = () => {
    if (aim === undefined || times.length < aim.points) return;
    strike?.();
    strike = undefined;
  };

  await using _follower = follow(log, (lines) => {
    const at = performance.now() - startedAt;
    for (let line = 0; line < lines; line += 1) times.push(at);
    strikeIfDue();
  });
  let timer: Timer | undefined;
  const { exitCode, stderr } = await bench.run(
    root,
    command,
    {
      onStart(kill) {
        startedAt = performance.now();
        strike = () => {
          timer = killAfter(aim?.delayMs ?? 0, kill);
        };
        strikeIfDue();
      },
    },
    log,
  );
  clearTimeout(timer);
  const endMs = performance.now() - startedAt;
  const points = readFileSync(log, "utf8").split("\n").slice(0, -1);
  return { points, times, endMs, exitCode, stderr, isKilled: exitCode === KILLED };
}

/** `tail` tells of a line in a tenth of a millisecond; watching the file from here takes up to ten. */
function follow(log: string, onLines: (count: number) => void): AsyncDisposable {
  const tail = Bun.spawn(["tail", "--follow", log], { stdin: "ignore", stdout: "pipe", stderr: "inherit", env: {} });
  const reading = (async () => {
    for await (const chunk of tail.stdout) onLines(chunk.filter((byte) => byte === NEWLINE).length);
  })();
  return {
    async [Symbol.asyncDispose]() {
      tail.kill();
      await reading;
    },
  };
}

const NEWLINE = 0x0a;

/** Timers count whole milliseconds, and some phases last but a few: the rest of the time passes in a loop. */
function killAfter(delayMs: number, kill: () => void): Timer {
  const at = performance.now() + delayMs;
  return setTimeout(
    () => {
      while (performance.now() < at) {}
      kill();
    },
    Math.max(0, Math.floor(delayMs) - 1),
  );
}
