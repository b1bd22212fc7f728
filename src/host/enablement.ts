import { basename, join } from "node:path";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { directoryChanges } from "./file-changes.ts";

const ADMIN_UNITS = "/etc/systemd/system";

/** The link by which `systemctl enable` makes `wantedBy` pull in the unit at `unitFile`. */
export function wantsLink(unitFile: string, wantedBy: string): string {
  return join(ADMIN_UNITS, `${wantedBy}.wants`, basename(unitFile));
}

/** What `systemctl enable` would do to a host that is not running. */
export function offlineEnable(files: Files, unitFile: string, wantedBy: string): Change[] {
  const path = wantsLink(unitFile, wantedBy);
  const before = files.readLink(path) ?? null;
  if (before === unitFile) return [];
  return [
    ...directoryChanges(files, join(ADMIN_UNITS, `${wantedBy}.wants`)),
    { kind: "link", path, before, after: unitFile },
  ];
}

/** What `systemctl disable` would do to a host that is not running. */
export function offlineDisable(files: Files, unit: string): Change[] {
  return enablingLinks(files, unit).map((path) => ({
    kind: "link",
    path,
    before: files.readLink(path) ?? null,
    after: null,
  }));
}

/** Every link that enables `unit` at present; who wants a foreign unit is not ours to know, so all are looked through. */
export function enablingLinks(files: Files, unit: string): string[] {
  const folders = (files.list(ADMIN_UNITS) ?? []).filter((name) => /\.(wants|requires)$/.test(name));
  return folders.map((folder) => join(ADMIN_UNITS, folder, unit)).filter((path) => files.readLink(path) !== undefined);
}
