import { dirname } from "node:path";
import { bringBack } from "../host/reload.ts";
import { undoModuleChange } from "../host/selinux/reach-module.ts";
import { systemd } from "../host/systemd.ts";
import type { Change, FileImage, Image, SetupChange, UnitState } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";
import { reachUnit } from "./reach-unit.ts";

/**
 * Undoes one change, whether it was made, half made or not made. `remove` has no undo: it stands where nothing is lost. Of a
 * host behind `--root`, which may have been running when the change was made, only files are touched.
 */
export async function undoChange(world: World, change: Change): Promise<void> {
  const { files } = world;
  switch (change.kind) {
    case "directory":
      files.removeDirectory(change.path);
      return;
    case "file":
      if (change.before === null) files.removeFile(change.path);
      else restoreFile(world, change.path, change.before);
      return;
    case "link":
      undoLink(world, change);
      return;
    case "move":
      undoMove(files, change);
      return;
    case "remove":
      return;
    case "daemon-reload":
      if (change.when === "undo") await rereadUnits(world);
      return;
    case "unit":
      await reachUnit(world, change.unit, change.before);
      return;
    case "setup":
      await undoSetup(world, change);
      return;
    case "selinux-module":
      await undoModuleChange(world, change);
      return;
    case "reload":
      if (isRunning(world)) await bringBack(world, change, change.restart, change.before);
      return;
  }
}

/** A link that was never placed is not removed: what it was to replace may still be there. */
function undoLink(world: World, { path, before, after }: Extract<Change, { kind: "link" }>): void {
  const { files } = world;
  files.settle(path);
  const target = files.readLink(path) ?? null;
  const isFile = target === null && files.stat(path) !== undefined;
  const isOfAnother = target !== null && target !== after;
  if (target === before || isFile || isOfAnother) return;
  if (before === null) files.removeFile(path);
  else restoreLink(world, path, before);
}

type Move = Extract<Change, { kind: "move" }>;

/** Whether undoing the move would move something back: it is there, and nobody has put anything else where it came from. */
export function isMoved(files: Files, { from, to }: Move): boolean {
  return files.stat(to) !== undefined && files.stat(from) === undefined;
}

/** One that an undo moved back already, and that was killed then, may not have come back for good. */
function undoMove(files: Files, move: Move): void {
  const { from, to } = move;
  if (!isMoved(files, move)) {
    files.settle(to);
    files.settle(from);
    return;
  }
  // Somebody who needed room may have removed the staging folder.
  files.makeDirectory(dirname(from), 0o700);
  files.rename(to, from);
}

/** What was off goes off while its new unit is still there; what was on goes on once systemd has read the old one again. */
async function undoSetup(world: World, change: SetupChange): Promise<void> {
  const wasOn = ({ before }: { before: UnitState }) => before.enabled || before.active;
  const [on, off] = [change.units.filter(wasOn), change.units.filter((unit) => !wasOn(unit))];
  const bring =
    ({ unit, before }: SetupChange["units"][number]) =>
    () =>
      reachUnit(world, unit, before);
  await all([
    ...off.map(bring),
    ...change.before.map((image) => async () => restoreImage(world, image)),
    ...(on.length > 0 ? [() => rereadUnits(world)] : []),
    ...on.map(bring),
    // What enables a unit beside its own `WantedBy` went when systemd disabled it.
    ...change.before.filter(({ kind }) => kind === "link").map((image) => async () => restoreImage(world, image)),
  ]);
}

/** Tries every action, and fails with the first error when all were tried: one that cannot be undone must not keep the rest. */
async function all(actions: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const action of actions) await action().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** What is put back behind `--root` the next boot reads and starts; no systemd but the host's own may hear of it. */
function isRunning({ files }: World): boolean {
  return files.root === "/";
}

async function rereadUnits(world: World): Promise<void> {
  if (isRunning(world)) await systemd(world).daemonReload();
}

function restoreImage(world: World, image: Image): void {
  switch (image.kind) {
    case "absent":
      world.files.removeFile(image.path);
      return;
    case "file":
      restoreFile(world, image.path, image.image);
      return;
    case "link":
      restoreLink(world, image.path, image.target);
      return;
  }
}

/** `systemctl disable` removes a folder of links together with the last one in it. */
function restoreLink({ files }: World, path: string, target: string): void {
  files.makeDirectory(dirname(path));
  files.placeLink(path, target);
}

function restoreFile({ files }: World, path: string, image: FileImage): void {
  try {
    files.writeFile(path, image.content, image.mode);
    files.setMode(path, image.mode);
  } catch (error) {
    // What could not be changed cannot be put back either, and need not be.
    if (!isAt(files, path, image)) throw error;
  }
}

function isAt(files: Files, path: string, { content, mode }: FileImage): boolean {
  const stat = files.stat(path);
  return stat?.kind === "file" && stat.mode === mode && files.readText(path, UNIT_SIZE_LIMIT, "mark") === content;
}
