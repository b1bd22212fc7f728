import type { World } from "../platform/world.ts";
import { type Progress, progressBar, progressSteps } from "../release/progress.ts";

const LINES = 5;

/** Tells how far the work on a bundle is: as a bar to who looks, else by at most five lines that say what it is `doing`. */
export function bundleProgress({ terminal, log }: Pick<World, "terminal" | "log">, doing: string): Progress {
  if (terminal !== undefined) return progressBar(terminal);
  let file = "";
  let next: (bytes: number) => number | undefined = () => undefined;
  return {
    start(name, total = 0) {
      file = name;
      next = progressSteps(total, LINES);
    },
    advance(bytes) {
      const percent = next(bytes);
      if (percent !== undefined) log.info(doing, { file, progress: `${percent}%` });
    },
    end() {},
  };
}
