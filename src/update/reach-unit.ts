import { dirname } from "node:path";
import { planEnablement } from "../host/enablement.ts";
import { systemd } from "../host/systemd.ts";
import type { UnitState } from "../platform/change.ts";
import { shellWord } from "../platform/quote.ts";
import type { World } from "../platform/world.ts";

/**
 * Brings a unit to a state with the two calls of the contract: `enable U [--now]`, `disable U [--now]` (installer-systemd
 * §4.2), and with none when it is there: while our own unit is being stopped, starting its timer would wait for our end. Behind `--root` it is done by the links alone; what
 * cannot be brought about so is said, and fails nothing.
 */
export async function reachUnit(world: World, unit: string, state: UnitState): Promise<void> {
  if (world.files.root !== "/") return reachOffline(world, unit, state);
  const service = systemd(world);
  const present = await service.state(unit);
  if (present.enabled === state.enabled && present.active === state.active) return;
  if (!state.enabled && (await service.isPresent(unit)) === "absent") return;
  if (!state.enabled || !state.active) await service.disable(unit, !state.active);
  if (state.enabled) await service.enable(unit, state.active);
}

/** As `systemctl` itself does it, no folder stays behind that only held links; what is enabled starts at the next boot. */
function reachOffline({ files, log }: World, unit: string, { enabled, active }: UnitState): void {
  const links = planEnablement(files, unit, enabled);
  if (links === undefined) {
    log.warn("The unit was enabled, and its file does not say what should want it.", {
      unit,
      command: `systemctl --root=${shellWord(files.root)} enable ${unit}`,
    });
  }
  for (const { path, after } of links ?? []) {
    if (after === null) {
      files.removeFile(path);
      files.removeDirectory(dirname(path));
    } else {
      files.makeDirectory(dirname(path));
      files.placeLink(path, after);
    }
  }
  if (active && !enabled) {
    log.warn("The unit ran without being enabled, so the next boot does not start it.", {
      unit,
      command: `systemctl start ${unit}`,
    });
  }
}
