const TIMES = 25;

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
