import { join } from "node:path";
import { directoryChanges } from "../host/file-changes.ts";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { findOpenPlaces } from "../platform/open-places.ts";
import type { World } from "../platform/world.ts";
import { type Namespace, UPDATER_NAME } from "../settings/namespace.ts";
import { dropStaging } from "./staging.ts";
import { chooseUpdater, type UpdaterWish } from "./updater-program.ts";

/**
 * Our own program, kept inside the namespace: official archives carry another updater, and whatever
 * `<path>/teleport-update` links to is what the timer runs. A copy lives in a folder named after its build, so a new
 * copy never overwrites one that runs, and undoing means linking the old one again.
 */
export interface OwnUpdater extends AsyncDisposable {
  /** Where `<path>/teleport-update` must lead. */
  target: string;
  /** Puts the staged copy into place; none when the copy is there already. */
  changes: Change[];
}

/**
 * Stages a copy of the updater that the host is to keep, unless the namespace has it already. A program that runs from
 * source has nothing to copy: it answers undefined, and the release's updater is linked instead. Fails as `chooseUpdater` does.
 */
export async function stageOwnUpdater(
  world: World,
  namespace: Namespace,
  wish: UpdaterWish,
): Promise<OwnUpdater | undefined> {
  const chosen = await chooseUpdater(world, namespace, wish);
  if (chosen === undefined) return undefined;
  if (chosen.kind === "kept") return inPlace(chosen.target);
  const folder = join(namespace.updaterCopies, chosen.folder);
  const target = join(folder, UPDATER_NAME);
  if (isOurs(world.files, target)) return inPlace(target);

  const staging = join(namespace.directory, `.staging-updater-${crypto.randomUUID().slice(0, 8)}`);
  const dispose = async () => dropStaging(world, namespace, staging);
  try {
    world.files.makeDirectory(staging, 0o700);
    const staged = join(staging, "copy");
    world.files.makeDirectory(staged);
    await world.files.copyProgram(chosen.program, join(staged, UPDATER_NAME));
    return {
      target,
      changes: [
        ...directoryChanges(world.files, namespace.updaterCopies),
        ...makeWay(world, folder, staging),
        { kind: "move", from: staged, to: folder },
      ],
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function inPlace(target: string): OwnUpdater {
  return { target, changes: [], async [Symbol.asyncDispose]() {} };
}

/** The name says which build it should be; only root may have put it there. */
function isOurs(files: Files, target: string): boolean {
  return files.stat(target)?.kind === "file" && findOpenPlaces(files, [target]).length === 0;
}

function makeWay({ files, log }: World, folder: string, staging: string): Change[] {
  if (files.stat(folder) === undefined) return [];
  log.warn("The copy of this updater is replaced: others than root may have made it.", { path: folder });
  return [{ kind: "move", from: folder, to: join(staging, "replaced") }];
}

/** The changes that remove the copies which nothing links to any more. */
export function planOldCopies(world: World, namespace: Namespace, linked: string | undefined): Change[] {
  const names = world.files.list(namespace.updaterCopies) ?? [];
  const folders = names.map((name) => join(namespace.updaterCopies, name));
  return folders
    .filter((folder) => linked !== join(folder, UPDATER_NAME))
    .map((path): Change => ({ kind: "remove", path }));
}
