import { readUpdaterId } from "../cluster/updater-id.ts";
import type { World } from "../platform/world.ts";

/**
 * The id under which the cluster is asked (updater-core §3.4). A tree behind `--root` is no host yet, or many: what it holds
 * of an identity names none of them, so it is asked for without one.
 */
export function hostId(world: World, paths: { idFile: string; dataDirectory: string }): string {
  return world.files.root === "/" ? readUpdaterId(world, paths) : "";
}
