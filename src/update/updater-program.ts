import { basename, dirname, join } from "node:path";
import { PROGRAM_BUILD, PROGRAM_VERSION } from "../platform/build-info.ts";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import { findOpenPlaces } from "../platform/open-places.ts";
import type { World } from "../platform/world.ts";
import { type Architecture, goArchitecture } from "../release/address.ts";
import { checkHeaders } from "../release/prove-program.ts";
import { digestOf } from "../release/verify-version.ts";
import { type Namespace, UPDATER_NAME } from "../settings/namespace.ts";

/** What decides which updater a host keeps. */
export interface UpdaterWish {
  /** Of the host. */
  architecture: Architecture;
  /** `--updater`: a program of this machine, to be kept in place of the running one; empty when none is named. */
  given: string;
  /** The link directory. */
  path: string;
}

export type UpdaterProgram =
  /** A program of this machine, to be copied into a folder of that name. */
  | { kind: "copy"; program: string; folder: string }
  /** The host has one that fits already, at this path. */
  | { kind: "kept"; target: string };

/**
 * The updater that a host is to keep: the one that is given, else in an image the one that was given to it before, which may
 * be the FIPS one; else the running one where the host can run it, else the one that an image has already. Undefined when the sources run directly: there is no program to keep then. Nothing is run, as
 * an image may be for another processor. Fails with `E_PROGRAM`.
 */
export async function chooseUpdater(
  world: World,
  namespace: Namespace,
  wish: UpdaterWish,
): Promise<UpdaterProgram | undefined> {
  if (wish.given !== "") return await givenUpdater(world, wish);
  // Once the image has booted, whoever runs a newer one there wants that one to stay.
  const kept = world.files.root === "/" ? undefined : keptUpdater(world, namespace, wish);
  if (kept?.isGiven === true) return { kind: "kept", target: kept.target };
  if (world.program === undefined) return undefined;
  if (wish.architecture === goArchitecture(process.arch)) {
    return { kind: "copy", program: world.program, folder: `${PROGRAM_VERSION}-${PROGRAM_BUILD}` };
  }
  if (kept !== undefined) return { kind: "kept", target: kept.target };
  throw new UpdateError(
    "E_PROGRAM",
    `the image is for ${wish.architecture}, and this updater is for ${goArchitecture(process.arch)}: it cannot stay there`,
    { hint: nameAnother(wish) },
  );
}

function nameAnother({ architecture }: UpdaterWish): string {
  return `name the updater for ${architecture} with \`--updater FILE\``;
}

/** Its build is not known without running it, so its copy is named by its bytes. */
async function givenUpdater({ files, localFiles, signal }: World, wish: UpdaterWish): Promise<UpdaterProgram> {
  const { given, architecture } = wish;
  const host = { files, architecture, glibc: undefined };
  if (!checkHeaders({ files: localFiles, path: given, remedy: nameAnother(wish) }, host)) {
    throw new UpdateError("E_PROGRAM", `\`${given}\` is no program that Linux loads`, {
      hint: nameAnother(wish),
    });
  }
  const sha256 = await digestOf(localFiles.real(given), signal);
  return { kind: "copy", program: given, folder: `${GIVEN}${sha256.slice(0, 16)}` };
}

/** In front of the names of copies that were given. */
const GIVEN = "given-";

/** Only a copy of ours that nobody else may have replaced, and that the image's processor runs. */
function keptUpdater(
  { files }: World,
  namespace: Namespace,
  { architecture, path }: UpdaterWish,
): { target: string; isGiven: boolean } | undefined {
  const target = files.readLink(join(path, UPDATER_NAME));
  if (target === undefined || dirname(dirname(target)) !== namespace.updaterCopies) return undefined;
  if (files.stat(target)?.kind !== "file" || findOpenPlaces(files, [target]).length > 0) return undefined;
  if (!fits(files, target, architecture)) return undefined;
  return { target, isGiven: basename(dirname(target)).startsWith(GIVEN) };
}

function fits(files: World["files"], path: string, architecture: Architecture): boolean {
  try {
    return checkHeaders({ files, path }, { files, architecture, glibc: undefined });
  } catch (error) {
    if (isUpdateError(error, "E_PROGRAM")) return false;
    throw error;
  }
}
