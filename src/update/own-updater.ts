import { dirname, join } from "node:path";
import { digestFiles } from "#variant/file-digest";
import { directoryChanges } from "../host/file-changes.ts";
import { linkEnd } from "../host/linked.ts";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { findOpenPlaces } from "../platform/open-places.ts";
import type { World } from "../platform/world.ts";
import { type Namespace, UPDATER_NAME } from "../settings/namespace.ts";
import { isKeptByLinks } from "./kept-by-links.ts";
import { dropStaging } from "./staging.ts";
import { chooseUpdater, type UpdaterWish } from "./updater-program.ts";

/**
 * Our own program, kept inside the namespace: official archives carry another updater, and whatever
 * `<path>/teleport-update` links to is what the timer runs. A copy lives in a folder named after its build, so a new
 * copy never takes the place of one that runs, and undoing means linking the old one again.
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
  const present = targetsOf(world.files, namespace, chosen.folder);
  for (const copy of present) {
    const fault = await faultOf(world, copy, chosen.program);
    if (fault === undefined) return inPlace(copy);
    world.log.warn("The copy of this updater is replaced.", { path: dirname(copy), reason: fault });
  }
  const target = freeTarget(world.files, namespace, chosen.folder);

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
        { kind: "move", from: staged, to: dirname(target) },
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

/** Where the copies of a build are: one, unless it had to be replaced. */
function targetsOf(files: Files, namespace: Namespace, build: string): string[] {
  const isOfBuild = new RegExp(`^${RegExp.escape(build)}(\\.\\d+)?$`);
  const names = files.list(namespace.updaterCopies) ?? [];
  return names.filter((name) => isOfBuild.test(name)).map((name) => join(namespace.updaterCopies, name, UPDATER_NAME));
}

/** A copy that is to be replaced stays where it is until no link leads into it any more, so the new one gets another name. */
function freeTarget(files: Files, namespace: Namespace, build: string): string {
  for (let count = 0; ; count += 1) {
    const folder = join(namespace.updaterCopies, count === 0 ? build : `${build}.${count}`);
    if (files.stat(folder) === undefined) return join(folder, UPDATER_NAME);
  }
}

/** Why the timer is not to run a copy: its name says which build it should be, and neither who may have put it there nor what is left of it. */
async function faultOf(
  { files, localFiles, signal }: World,
  copy: string,
  program: string,
): Promise<string | undefined> {
  const found = files.stat(copy);
  if (found?.kind !== "file") return "it is missing, or no regular file";
  if (findOpenPlaces(files, [copy]).length > 0) return "others than root may have made it";
  const [at, original] = [files.real(copy), localFiles.real(program)];
  if (at === original) return undefined;
  if (found.size !== localFiles.statFollowed(program)?.size) return "it has another size than the program";
  const [here, there] = await digestFiles([at, original], signal);
  return here === there ? undefined : "it has another content than the program";
}

/**
 * The changes that remove the copies which nothing in `folders` links to any more. The one that is the host's updater now, by
 * its link in `path`, stays in silence.
 */
export function planOldCopies(world: World, namespace: Namespace, path: string, folders: readonly string[]): Change[] {
  const current = linkEnd(world.files, join(path, UPDATER_NAME));
  const names = world.files.list(namespace.updaterCopies) ?? [];
  return names
    .map((name) => join(namespace.updaterCopies, name))
    .filter((folder) => current !== join(folder, UPDATER_NAME))
    .filter((folder) => !isKeptByLinks(world, folder, folders, "An old copy of this updater"))
    .map((copy): Change => ({ kind: "remove", path: copy }));
}
