import { basename, join } from "node:path";
import type { Files } from "../platform/files.ts";
import { UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";
import type { Namespace } from "../settings/namespace.ts";

/** Where systemd looks for units and their drop-ins, and for its own settings, which units inherit a part of. */
const UNIT_FOLDERS = [
  "/etc/systemd/system",
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/lib/systemd/system",
];
const SYSTEM_SETTINGS = ["/etc/systemd/system.conf", "/etc/systemd/system.conf.d"];

/**
 * Whether there is a unit of the updater, and nothing gives it an environment in which a proxy may be, ours included. Read
 * from the files: systemd would answer with the values, and they may hold a password.
 */
export function lacksProxy(files: Files, { updaterUnit }: Namespace): boolean {
  if (files.statFollowed(updaterUnit) === undefined) return false;
  const unit = basename(updaterUnit);
  const places = [
    ...UNIT_FOLDERS.flatMap((folder) => [join(folder, unit), join(folder, `${unit}.d`)]),
    ...SYSTEM_SETTINGS,
  ];
  return !places.flatMap((place) => filesAt(files, place)).some((path) => GIVES_PROXY.test(textOf(files, path)));
}

const GIVES_PROXY = /^[ \t]*(EnvironmentFile[ \t]*=[ \t]*\S|(Default|Pass)?Environment[ \t]*=.*https_proxy)/im;

/** The file itself, or the `.conf` files of a folder. */
function filesAt(files: Files, path: string): string[] {
  if (files.statFollowed(path)?.kind === "file") return [path];
  if (files.statFollowed(path)?.kind !== "directory") return [];
  return (files.list(path) ?? []).filter((name) => name.endsWith(".conf")).map((name) => join(path, name));
}

function textOf(files: Files, path: string): string {
  if (files.statFollowed(path)?.kind !== "file") return "";
  return files.readText(path, UNIT_SIZE_LIMIT, "mark") ?? "";
}
