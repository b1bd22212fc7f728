import { join } from "node:path";
import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";
import { fileChanges } from "./file-changes.ts";
import { linkedProgram, type UnitInputs } from "./unit-files.ts";
import { word } from "./unit-syntax.ts";

/** Where a version directory, or the package, has its example. */
export const EXAMPLE_UNIT = "lib/systemd/system/teleport.service";

/**
 * The change that writes the agent's unit from the example that a release carries below `source` (a version directory,
 * or the package), as link-time compatibility asks (installer-systemd §2.3 step 4). A regular file there is replaced,
 * whoever made it. Fails with `E_UNIT` when the release has no example, `E_IRREGULAR_FILE` when the place is taken.
 */
export function planExampleUnit(files: Files, source: string, inputs: UnitInputs): Change[] {
  const examplePath = join(source, EXAMPLE_UNIT);
  const example = files.readText(examplePath, UNIT_SIZE_LIMIT);
  if (example === undefined) {
    throw new UpdateError("E_UNIT", `the release has no example unit at \`${examplePath}\``, {
      hint: "the archive or package is not whole: install it again",
    });
  }
  return fileChanges(files, inputs.namespace.teleport.unitFile, adaptExampleUnit(example, inputs));
}

/** The text replacements of installer-systemd §3.7, in their order, each in one pass. No marker is added. */
export function adaptExampleUnit(example: string, inputs: UnitInputs): string {
  const { config, pidFile } = inputs.namespace.teleport;
  const programs = linkedProgram(inputs, "/");
  // The patterns are parts of words, so what needs quotes cannot be put there.
  for (const path of [programs, config]) {
    if (word(path) !== path) {
      throw new UpdateError(
        "E_UNIT",
        `the example unit of the release cannot be adapted to the path ${JSON.stringify(path)}`,
        {
          hint: "choose a path of letters, digits and `-_.@` with `--path`",
        },
      );
    }
  }
  const adapted = example
    .replaceAll("/usr/local/bin/", () => programs)
    .replaceAll("/etc/teleport.yaml", () => config)
    .replaceAll("/run/teleport.pid", () => pidFile);
  if (!inputs.revision.flags.includes("FIPS")) return adapted;
  return adapted.replaceAll("/teleport start ", "/teleport start --fips ");
}
