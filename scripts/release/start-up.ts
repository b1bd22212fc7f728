import type { Variant } from "./variants.ts";

/** Milliseconds that a start may take, on a machine of today that does nothing else. */
export const START_AIM_MS = 15;

const TIMES = 100;

/** Whether this machine can start it without an emulator, whose start would be measured else. */
export function isOfThisMachine({ architecture }: Pick<Variant, "architecture">): boolean {
  return (architecture === "arm64") === (process.arch === "arm64");
}

/** Milliseconds of the fastest `version` among many, with an empty environment: what the machine does besides only adds. */
export function fastestStart(executable: string): number {
  const runs = Array.from({ length: TIMES }, () => {
    const started = performance.now();
    const { exitCode } = Bun.spawnSync([executable, "version"], { env: {}, stdio: ["ignore", "ignore", "ignore"] });
    const took = performance.now() - started;
    if (exitCode !== 0) throw new Error(`\`${executable} version\` exited ${exitCode}`);
    return took;
  });
  return Math.min(...runs);
}

/** As `fastestStart`; fails above the aim. For a release only: no test may depend on how busy its machine is. */
export function requireQuickStart(executable: string): number {
  const took = fastestStart(executable);
  if (took <= START_AIM_MS) return took;
  throw new Error(
    `\`${executable} version\` took ${took.toFixed(1)} ms at the fastest of ${TIMES} starts, and ${START_AIM_MS} ms is the aim:` +
      " try again on a machine that does nothing else, or look for what is imported too early",
  );
}
