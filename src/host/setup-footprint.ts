import type { Image } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { type Namespace, V1_TIMER_UNIT } from "../settings/namespace.ts";
import { botTimerLink } from "./bot-timer.ts";
import { enablingLinks, wantsLink } from "./enablement.ts";
import { fileImage } from "./file-changes.ts";

/**
 * Every path that the setup step of another updater may write or delete, for images taken before it runs
 * (installer-systemd §3.10): units, drop-ins, needrestart, and the links by which the two timers are enabled, the
 * bot's to ours included, which disabling removes. What it makes for SELinux, and the empty `<data_dir>/bot`, stay behind: they are of use to any release and harm none.
 */
export function setupFootprint(files: Files, namespace: Namespace): string[] {
  return [
    namespace.teleport.unitFile,
    namespace.tbot.unitFile,
    namespace.updaterUnit,
    namespace.updaterTimer,
    namespace.teleportDropIn,
    ...(namespace.v1DropIn === undefined ? [] : [namespace.v1DropIn]),
    namespace.needrestart,
    wantsLink(namespace.updaterTimer, namespace.teleport.unit),
    botTimerLink(namespace),
    ...(namespace.isDefault ? enablingLinks(files, V1_TIMER_UNIT) : []),
  ];
}

/** What lies at each path now. Fails with `E_IRREGULAR_FILE` or `E_UNREADABLE_FILE` for what no image can hold. */
export function captureImages(files: Files, paths: readonly string[]): Image[] {
  return paths.map((path) => {
    const target = files.readLink(path);
    if (target !== undefined) return { path, kind: "link", target };
    const image = fileImage(files, path);
    return image === null ? { path, kind: "absent" } : { path, kind: "file", image };
  });
}
