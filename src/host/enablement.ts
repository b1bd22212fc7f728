import { basename, join } from "node:path";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";
import { directoryChanges } from "./file-changes.ts";

const ADMIN_UNITS = "/etc/systemd/system";
/** Where units are looked for, first the operator's (systemd.unit(5)). */
const UNIT_FOLDERS = [ADMIN_UNITS, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

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

type LinkChange = Extract<Change, { kind: "link" }>;

/**
 * The links by which `unit`, whose file only is known, is enabled or not on a host that is not running. Undefined where it is
 * to be enabled, and its file is missing or wanted by nothing.
 */
export function planEnablement(files: Files, unit: string, isEnabled: boolean): LinkChange[] | undefined {
  if (!isEnabled) return links(offlineDisable(files, unit));
  if (enablingLinks(files, unit).length > 0) return [];
  const unitFile = findUnitFile(files, unit);
  if (unitFile === undefined) return undefined;
  const wanted = wantedBy(files.readText(unitFile, UNIT_SIZE_LIMIT, "mark") ?? "");
  return wanted.length === 0 ? undefined : links(wanted.flatMap((by) => offlineEnable(files, unitFile, by)));
}

/** Where the file of `unit` lies; undefined when there is none. */
export function findUnitFile(files: Files, unit: string): string | undefined {
  return UNIT_FOLDERS.map((folder) => join(folder, unit)).find((path) => files.statFollowed(path) !== undefined);
}

function links(changes: readonly Change[]): LinkChange[] {
  return changes.filter((change) => change.kind === "link");
}

/** What the `[Install]` section of a unit names in `WantedBy=`, the only setting of it that units around Teleport use. */
function wantedBy(text: string): string[] {
  const [, section = ""] = /^\[Install\]$([^[]*)/m.exec(text.replaceAll(/\\\n/g, " ")) ?? [];
  return [...section.matchAll(/^WantedBy=(.*)$/gm)].flatMap(([, names = ""]) => names.split(/\s+/).filter(Boolean));
}

/** Every link that enables `unit` at present; who wants a foreign unit is not ours to know, so all are looked through. */
export function enablingLinks(files: Files, unit: string): string[] {
  const folders = (files.list(ADMIN_UNITS) ?? []).filter((name) => /\.(wants|requires)$/.test(name));
  return folders.map((folder) => join(ADMIN_UNITS, folder, unit)).filter((path) => files.readLink(path) !== undefined);
}
