import { join } from "node:path";
import { planLinks } from "../host/links.ts";
import { linkRemoval, namesLinkedInto } from "../host/unlink.ts";
import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { type Namespace, PACKAGE_DIRECTORY, UPDATER_NAME, versionDirectory } from "../settings/namespace.ts";
import { formatRevision } from "../settings/revision.ts";
import type { Activation } from "./activate.ts";
import type { OwnUpdater } from "./own-updater.ts";

/**
 * The changes after which every link of the namespace leads into the target, the updater's last: to our own copy, unless
 * the place is handed over. Fails with `E_NO_PROGRAMS`, and as `planLinks` does.
 */
export function planProgramLinks(
  world: World,
  job: Activation,
  programs: readonly string[],
  updater: OwnUpdater | undefined,
): Change[] {
  if (job.handOver && !programs.includes(UPDATER_NAME)) {
    throw new UpdateError("E_NO_PROGRAMS", `the release ${formatRevision(job.target)} has no updater to hand over to`, {
      hint: "run the command again without `--hand-over`",
    });
  }
  const { namespace, config } = job;
  const links = planLinks(world.files, {
    source: join(versionDirectory(namespace, job.target), "bin"),
    names: programs,
    linkDirectory: config.spec.path,
    overwrite: job.overwrite,
    updaterTarget: updater?.target,
    asideSuffix: crypto.randomUUID().slice(0, 8),
  });
  return [...planDropped(world, job, programs), ...links];
}

/** A link that the target has no program for would lead into an old version for ever, and services must not lose theirs. */
function planDropped(world: World, { namespace, config, target }: Activation, programs: readonly string[]): Change[] {
  const linked = namesLinkedInto(world.files, namespace, config.spec.path);
  const dropped = linked.filter((name) => name !== UPDATER_NAME && !programs.includes(name));
  const needed = dropped.find((name) => name === "teleport" || name === "tbot");
  if (needed !== undefined) {
    throw new UpdateError(
      "E_NO_PROGRAMS",
      `the release ${formatRevision(target)} lacks \`${needed}\`, which is linked now`,
      {
        hint: "the release is not whole: check the mirror that it comes from",
      },
    );
  }
  return dropped.flatMap((name) => linkRemoval(world.files, join(config.spec.path, name)));
}

/** One link directory for two namespaces takes the programs of the first one away; it may be meant, but not by many. */
export function warnOfOtherNamespace(
  { log }: World,
  { installDirectory, directory }: Namespace,
  links: readonly Change[],
): void {
  const isElsewhere = (target: string) =>
    target.startsWith(`${installDirectory}/`) &&
    !target.startsWith(`${directory}/`) &&
    !target.startsWith(PACKAGE_DIRECTORY);
  for (const link of links) {
    if (link.kind !== "link" || link.before === null || !isElsewhere(link.before)) continue;
    log.warn("A link of another installation is taken over; give each suffix its own `--path`.", {
      path: link.path,
      was: link.before,
    });
  }
}
