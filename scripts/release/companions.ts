import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { READ_VARIABLES } from "../../src/settings/environment.ts";
import { commandLine } from "./command-line.ts";
import { commitTime } from "./commit.ts";
import { bashCompletion } from "./completions-bash.ts";
import { fishCompletion } from "./completions-fish.ts";
import { zshCompletion } from "./completions-zsh.ts";
import { manPage } from "./man-page.ts";

/** What comes with the executable and is made from its table of commands, under the names that shells and `man` look for. */
export const COMPANIONS = {
  bash: "completions/bash/teleport-update",
  fish: "completions/fish/teleport-update.fish",
  zsh: "completions/zsh/_teleport-update",
  manual: "man/teleport-update.8",
} as const;

/** The text of each, by its path. `date` is that of the commit. */
export function companions(date: Date): Record<string, string> {
  const line = commandLine();
  const variables = Object.entries(READ_VARIABLES).flatMap(([name, variable]) =>
    "hidden" in variable ? [] : [[name, variable.meaning] as const],
  );
  return {
    [COMPANIONS.bash]: bashCompletion(line),
    [COMPANIONS.fish]: fishCompletion(line),
    [COMPANIONS.zsh]: zshCompletion(line),
    [COMPANIONS.manual]: manPage(line, { date, variables }),
  };
}

/** `bun scripts/release/companions.ts FOLDER` writes them below a folder, for whoever packs the executable by other means. */
if (import.meta.main) {
  const folder = process.argv[2] ?? "dist/companions";
  for (const [path, text] of Object.entries(companions(await commitTime()))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    await Bun.write(join(folder, path), text);
  }
}
