import { dirname } from "node:path";
import { linksInto } from "../host/linked.ts";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import type { Namespace } from "../settings/namespace.ts";
import { linkPlaces } from "./link-places.ts";

/**
 * The changes with what only a look at the host before they are made can tell: which links lead into nothing already. Else
 * whoever recovers takes an old link into a version that a run has brought for the work of another updater, and a link that
 * never led anywhere for one whose end was taken away. An older release passes over these fields.
 */
export function noteLinks(files: Files, namespace: Namespace, changes: readonly Change[]): Change[] {
  return changes.map((change) => {
    if (change.kind === "link") {
      const hasDangled = change.before !== null && files.statFollowed(change.path) === undefined;
      return hasDangled ? { ...change, dangled: true } : change;
    }
    if (change.kind !== "move" || dirname(change.to) !== namespace.versions) return change;
    const linkedBefore = linksInto(files, linkPlaces(files, namespace, changes), change.to);
    return linkedBefore.length > 0 ? { ...change, linkedBefore } : change;
  });
}
