import { basename, dirname } from "node:path";
import { linkRemoval, namesLinkedInto } from "../host/unlink.ts";
import type { Change } from "../platform/change.ts";
import { findOpenPlaces } from "../platform/open-places.ts";
import type { World } from "../platform/world.ts";
import { type Namespace, UPDATER_NAME } from "../settings/namespace.ts";
import { removalCommand } from "./kept-by-links.ts";

/**
 * The changes that remove `links`, which lead into the namespace and would soon lead nowhere; the updater's go last. A link of
 * a name of its own stays, with a warning, in a folder that others may change: by such a link, and another folder in the
 * place of this one, they would choose which file root removes.
 */
export function planTakeDown(world: World, namespace: Namespace, links: readonly string[]): Change[] {
  const { files, log } = world;
  const isLeft = (link: string) => isAlias(world, namespace, link) && isOpen(world, dirname(link));
  const left = links.filter(isLeft);
  if (left.length > 0) {
    log.warn("Links that will lead nowhere are left, as others may change their folder.", {
      links: left.join(" "),
      command: removalCommand(left),
    });
  }
  const isUpdater = (link: string) => basename(link) === UPDATER_NAME;
  const taken = links.filter((link) => !left.includes(link));
  const ordered = [...taken.filter((link) => !isUpdater(link)), ...taken.filter(isUpdater)];
  return ordered.flatMap((link) => linkRemoval(files, link));
}

function isAlias({ files }: World, namespace: Namespace, link: string): boolean {
  return !namesLinkedInto(files, namespace, dirname(link)).includes(basename(link));
}

function isOpen({ files }: World, folder: string): boolean {
  return findOpenPlaces(files, [folder]).some(({ isDoubtful }) => !isDoubtful);
}
