/** The seam to other programs. Programs are named by absolute paths, and their environment is built, never inherited. */
export interface Processes {
  /** Runs `argv` to its end. Never rejects for what the program does: read the result. */
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult>;
  /** Whether a process is there, by signal 0. */
  probe(pid: number): Liveness;
  /** The absolute path of a program of the host (`systemctl`), looked for in the system folders only. */
  find(name: string): string | undefined;
}

/** What signal 0 to a process tells. */
export type Liveness = "alive" | "gone" | { failure: string };

export interface RunOptions {
  /** Added to the built environment (a fixed PATH, `LANG=C.UTF-8`). */
  environment?: Record<string, string>;
  /** After it the whole process group gets SIGKILL. */
  timeoutMs?: number;
  /** The program writes to our stdout and stderr itself; `onLine` and the result get nothing. */
  passOutput?: boolean;
  /** Each line as it comes, without its end. */
  onLine?: (line: string, from: "stdout" | "stderr") => void;
  /** Descriptors of ours that the program gets as 3, 4, … */
  descriptors?: readonly number[];
  /** On abort the program gets SIGTERM, and 10 s later SIGKILL. */
  signal?: AbortSignal;
  directory?: string;
}

export interface RunResult {
  /** -1 when the program could not be started or died by a signal (installer-systemd §4.2). */
  exitCode: number;
  /** Why it could not be started, or which signal ended it, for a message. */
  failure: string | undefined;
  timedOut: boolean;
  /** At most the first 1 MiB. */
  stdout: string;
  stderr: string;
}
