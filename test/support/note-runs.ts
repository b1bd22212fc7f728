import type { World } from "../../src/platform/world.ts";

/** What `world` runs from here on: the words of each program. */
export function noteRuns({ world }: { world: World }): () => string[] {
  const { processes } = world;
  const runs: string[] = [];
  world.processes = {
    ...processes,
    run: (argv, options) => {
      runs.push(argv.join(" "));
      return processes.run(argv, options);
    },
  };
  return () => runs;
}
