import { basename, isAbsolute, join } from "node:path";
import { linkEnd, linksInto } from "../host/linked.ts";
import type { Change } from "../platform/change.ts";
import { shellWord } from "../platform/quote.ts";
import type { World } from "../platform/world.ts";
import type { Namespace } from "../settings/namespace.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";
import { linkPlaces } from "./link-places.ts";
import { planTakeDown } from "./take-down.ts";

/**
 * The changes that take down the links of this namespace in the path that `update.yaml` still names, when `path` is another:
 * nobody would know of them any more, and they would lead nowhere as soon as their version goes. To be made when units and
 * services are on the new path. None while the path stays, and where both are one folder by a link.
 */
export function planFormerLinks(world: World, namespace: Namespace, path: string): Change[] {
  const { files, log } = world;
  const former = readUpdateConfig(files, namespace).spec.path || namespace.defaultLinkDirectory;
  if (!isAbsolute(former) || files.realFollowed(former) === files.realFollowed(path)) return [];
  const places = [namespace.versions, namespace.updaterCopies];
  const changes = planTakeDown(
    world,
    namespace,
    places.flatMap((place) => linksInto(files, [former], place)),
  );
  const removed = changes.flatMap((change) => (change.kind === "link" ? [change.path] : []));
  if (removed.length === 0) return [];
  log.warn("The path has changed: the links in the old one go, and what runs programs from there needs the new one.", {
    was: former,
    path,
    links: removed.map((link) => basename(link)).join(" "),
  });
  warnOfChained(world, linkPlaces(files, namespace, []), removed, path);
  return changes;
}

/** A link to a link: nothing says that it was meant for this namespace, so it is its owner's. */
function warnOfChained(
  { files, log }: World,
  folders: readonly string[],
  removed: readonly string[],
  path: string,
): void {
  for (const former of removed) {
    for (const link of linksInto(files, folders, former)) {
      const target = join(path, basename(linkEnd(files, link) ?? ""));
      const command = `ln -sfn ${shellWord(target)} ${shellWord(link)}`;
      log.warn("A link to one of the old links will lead nowhere.", { link, command });
    }
  }
}
