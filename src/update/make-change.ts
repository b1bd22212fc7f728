import { reloadService } from "../host/reload.ts";
import { makeModuleChange } from "../host/selinux/reach-module.ts";
import { systemd } from "../host/systemd.ts";
import type { Change, SetupChange } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { World } from "../platform/world.ts";
import { reachUnit } from "./reach-unit.ts";

/** Makes one change of the host. `lockDescriptor` goes to a foreign setup child only. */
export async function makeChange(world: World, change: Change, lockDescriptor?: number): Promise<void> {
  const { files } = world;
  switch (change.kind) {
    case "directory":
      makeDirectory(world, change);
      return;
    case "file":
      if (change.after === null) files.removeFile(change.path);
      else files.writeFile(change.path, change.after.content, change.after.mode);
      return;
    case "link":
      if (change.after === null) files.removeFile(change.path);
      else files.placeLink(change.path, change.after);
      return;
    case "move":
      files.rename(change.from, change.to);
      return;
    case "remove":
      files.removeTree(change.path);
      return;
    case "daemon-reload":
      if (change.when === "do") await systemd(world).daemonReload();
      return;
    case "unit":
      await reachUnit(world, change.unit, change.after);
      return;
    case "setup":
      await runSetup(world, change, lockDescriptor);
      return;
    case "selinux-module":
      await makeModuleChange(world, change);
      return;
    case "reload":
      await reloadService(world, change, change.restart);
      return;
  }
}

/** A link that was planned through is no part of the path, so one that is there now was put there since, as an agent may in its folder. */
function makeDirectory({ files, log }: World, { path, mode }: Extract<Change, { kind: "directory" }>): void {
  const target = files.readLink(path);
  if (target === undefined) files.makeDirectory(path, mode);
  else log.warn("The directory is not made, as a link has come in its place.", { path, target });
}

async function runSetup(world: World, change: SetupChange, lockDescriptor: number | undefined): Promise<void> {
  const result = await world.processes.run([change.program, ...change.arguments], {
    environment: change.environment,
    passOutput: true,
    signal: world.signal,
    ...(lockDescriptor === undefined ? {} : { descriptors: [lockDescriptor] }),
  });
  if (world.signal.aborted) throw new UpdateError("E_CANCELED", "setup canceled");
  if (result.exitCode === 0) return;
  throw new UpdateError(
    "E_SETUP",
    `\`${change.program} setup\` failed: ${result.failure ?? `exit code ${result.exitCode}`}`,
    {
      hint: "read its lines above; `--self-setup` uses the setup of this updater instead of the release's",
    },
  );
}
