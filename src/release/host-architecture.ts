import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { type Architecture, goArchitecture } from "./address.ts";
import { readElf } from "./elf.ts";
import { BadElf } from "./elf-format.ts";
import { withRandomAccess } from "./random-access.ts";

/** Programs that every system has; the first one that can be read tells what the tree is made for. */
const TELLING_PROGRAMS = ["/bin/sh", "/usr/bin/env", "/usr/lib/systemd/systemd"];

/** What speaks for a tree without a system, such as a layer that an image gets later. */
export interface LayerTraits {
  /** By an operator; wins, as it may be said to mend what was installed for the wrong processor. */
  stated?: Architecture | undefined;
  /** Programs that an earlier run left, by their paths in the tree; the first one that can be read tells. */
  installed?: readonly string[];
}

/**
 * The processor that the host's releases are for: this machine's, or under `--root` the one that the programs of the
 * tree's system are made for; in a tree without one, what is stated, else that of what is installed, and only then that of
 * this machine: whoever builds is often of another. Fails with `E_PROGRAM` when the system is of another than is stated.
 */
export function hostArchitecture(
  world: Pick<World, "files" | "localFiles" | "log">,
  { stated, installed = [] }: LayerTraits = {},
): Architecture {
  if (world.files.root === "/") return goArchitecture(process.arch);
  const found = toldByPrograms(world, TELLING_PROGRAMS);
  if (found === undefined) return stated ?? toldByPrograms(world, installed)?.architecture ?? ofThisMachine(world);
  if (stated === undefined || stated === found.architecture) return found.architecture;
  throw new UpdateError(
    "E_PROGRAM",
    `the image is for ${found.architecture}, as its \`${found.path}\` is, and \`--arch ${stated}\` was given`,
    { hint: "leave `--arch` out, or name the tree of the other processor with `--root`" },
  );
}

/** Whether the host has a system of its own, loader included; under `--root` a layer has none, and gets to lie over one later. */
export function hasSystem(files: Files): boolean {
  return files.root === "/" || TELLING_PROGRAMS.some((path) => files.statFollowed(path)?.kind === "file");
}

function toldByPrograms(
  world: Pick<World, "files" | "localFiles">,
  paths: readonly string[],
): { path: string; architecture: Architecture } | undefined {
  for (const path of paths) {
    const machine = machineOf(world, path);
    if (machine === undefined) continue;
    if (isArchitecture(machine)) return { path, architecture: machine };
    throw new UpdateError(
      "E_PROGRAM",
      `no release is made for the processor of the image: \`${path}\` is for ${machine}`,
      {
        hint: "use an image for amd64 or arm64",
      },
    );
  }
  return undefined;
}

/** Undefined for what is missing or no program for the kernel's loader: a wrapper script tells nothing. */
function machineOf({ files, localFiles }: Pick<World, "files" | "localFiles">, path: string): string | undefined {
  if (files.statFollowed(path)?.kind !== "file") return undefined;
  try {
    // Its links are followed inside the root, and what lies at their end is a file of this machine.
    return withRandomAccess(localFiles, files.realFollowed(path), readElf)?.machine;
  } catch (error) {
    if (error instanceof BadElf) return undefined;
    throw error;
  }
}

function isArchitecture(machine: string): machine is Architecture {
  return (["amd64", "arm64", "386", "arm"] satisfies Architecture[] as string[]).includes(machine);
}

function ofThisMachine({ files, log }: Pick<World, "files" | "log">): Architecture {
  const architecture = goArchitecture(process.arch);
  log.info("No program of the image tells its processor, so that of this machine is taken.", {
    architecture,
    root: files.root,
  });
  return architecture;
}
