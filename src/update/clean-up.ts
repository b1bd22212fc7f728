import { join } from "node:path";
import { namesLinkedInto } from "../host/unlink.ts";
import type { Change } from "../platform/change.ts";
import type { World } from "../platform/world.ts";
import { listVersions, removalPlan, versionsToClean } from "../release/store.ts";
import { type Namespace, versionDirectory } from "../settings/namespace.ts";
import { formatRevision, type Revision, sameRevision } from "../settings/revision.ts";
import type { UpdateConfig } from "../settings/update-config.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { isKeptByLinks } from "./kept-by-links.ts";
import { planOldCopies } from "./own-updater.ts";
import { planConfig } from "./plan-config.ts";
import { Transaction } from "./transaction.ts";

interface Job {
  namespace: Namespace;
  config: UpdateConfig;
  target: Revision;
  /** Where links into the namespace may lie, the path of before the run among them. */
  linkFolders: readonly string[];
}

/**
 * Frees the place of a backup that the move will replace, before the new release needs it (updater-core §4.3 step 2), and
 * answers the configuration without it: however the move ends, it is no backup any more. So not before it is known that the
 * release can be had: upstream frees it first of all, and a mistyped version then costs the way back. What goes wrong is
 * only warned about, as the disk may well be large enough.
 */
export async function removeOldBackup(
  world: World,
  { namespace, config, target, linkFolders }: Job,
): Promise<UpdateConfig> {
  const { active, backup } = config.status;
  if (backup === undefined || sameRevision(target, active)) return config;
  if (sameRevision(backup, target) || sameRevision(backup, active)) return config;
  const removal = planRemoval(world, namespace, backup, linkFolders);
  if (removal === "still linked") return config;
  const written = withoutBackup(readUpdateConfig(world.files, namespace));
  await tidy(world, () => [...planConfig(world.files, namespace, written), ...removal]);
  return withoutBackup(config);
}

function withoutBackup(config: UpdateConfig): UpdateConfig {
  return { ...config, status: { ...config.status, backup: undefined } };
}

/**
 * What a finished move leaves over: files that were moved aside, copies of older updaters, versions that nobody needs.
 * One after the other, so that versions that cannot be listed keep nothing else from going.
 */
export function* planAfterwards(world: World, { namespace, config, target, linkFolders }: Job): Iterable<Change> {
  const { active, backup } = config.status;
  const keep = [target, active, ...(backup === undefined ? [] : [backup])];
  for (const name of movedAside(world, namespace, config.spec.path)) {
    yield { kind: "remove", path: join(config.spec.path, name) };
  }
  yield* planOldCopies(world, namespace, config.spec.path, linkFolders);
  for (const revision of versionsToClean(listVersions(world.files, namespace), keep)) {
    const removal = planRemoval(world, namespace, revision, linkFolders);
    if (removal !== "still linked") yield* removal;
  }
}

/** Makes changes whose failure harms nobody: what goes wrong is warned about, and the rest is made all the same. */
export async function tidy(world: World, plan: () => Iterable<Change>): Promise<void> {
  const attempt = async (action: () => Promise<void>) => {
    try {
      await action();
    } catch (error) {
      world.log.warn("Unable to clean up.", { error: error instanceof Error ? error.message : String(error) });
    }
  };
  await attempt(async () => {
    for (const change of plan()) await attempt(() => new Transaction(world).apply([change]));
  });
}

function planRemoval(
  world: World,
  namespace: Namespace,
  revision: Revision,
  linkFolders: readonly string[],
): Change[] | "still linked" {
  const place = versionDirectory(namespace, revision);
  if (isKeptByLinks(world, place, linkFolders, "An old version")) return "still linked";
  world.log.info("Removing an old version.", { version: formatRevision(revision) });
  return removalPlan(world.files, namespace, revision);
}

/** The files that had to make way for links of ours, in this run or in one that was killed before it could remove them. */
function movedAside({ files }: World, namespace: Namespace, linkDirectory: string): string[] {
  const linked = namesLinkedInto(files, namespace, linkDirectory);
  return (files.list(linkDirectory) ?? []).filter((name) => {
    const replaced = /^\.(.+)\.replaced-[0-9a-f]{8}$/.exec(name)?.[1];
    return replaced !== undefined && linked.includes(replaced);
  });
}
