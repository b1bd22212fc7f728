import { join } from "node:path";
import { planExampleUnit } from "../host/example-unit.ts";
import type { Change } from "../platform/change.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { listPrograms } from "../release/programs.ts";
import { DEFAULT_LINK_DIRECTORY, type Namespace, PACKAGE_DIRECTORY } from "../settings/namespace.ts";
import { NO_REVISION } from "../settings/revision.ts";
import { requireClosed } from "./closed-places.ts";
import { programPlaces } from "./program-places.ts";

/** Where the package keeps its programs; they are linked into `/usr/local/bin` and nowhere else (installer-systemd §2.5). */
export const PACKAGE_BIN = join(PACKAGE_DIRECTORY, "bin");

/** Fails with `E_NO_PROGRAMS` when the package is not installed. */
export function requirePackage(files: Files): void {
  if (files.statFollowed(PACKAGE_BIN)?.kind === "directory") return;
  throw new UpdateError("E_NO_PROGRAMS", `no package of Teleport is installed: there is no \`${PACKAGE_BIN}\``, {
    hint: "install the package `teleport` or `teleport-ent`; without one, `teleport-update enable` links the version that it installs",
  });
}

/** The programs of the package that may be linked; none when the package is not installed. */
export function listPackagePrograms(world: World): string[] {
  try {
    return listPrograms(world.files, PACKAGE_BIN, world.log);
  } catch (error) {
    if (isUpdateError(error, "E_NO_PROGRAMS")) return [];
    throw error;
  }
}

/** Sees to it that nobody but root can change what is run, linked and read of the package. Fails with `E_OPEN_PLACE`. */
export function requireClosedPackage(world: World): void {
  requireClosed(world, programPlaces(world.files, PACKAGE_DIRECTORY));
}

/** Whether the agent's unit reads as `planPackageUnit` writes it. */
export function hasPackageUnit(files: Files, namespace: Namespace): boolean {
  try {
    return planPackageUnit(files, namespace).length === 0;
  } catch (error) {
    if (isUpdateError(error)) return false;
    throw error;
  }
}

/** The change that writes the agent's unit as the package means it. Fails as `planExampleUnit` does. */
export function planPackageUnit(files: Files, namespace: Namespace): Change[] {
  return planExampleUnit(files, PACKAGE_DIRECTORY, { namespace, revision: NO_REVISION, path: DEFAULT_LINK_DIRECTORY });
}
