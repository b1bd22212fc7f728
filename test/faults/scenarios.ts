import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Command {
  /** The version that the cluster wants meanwhile. */
  wants: string;
  args: readonly string[];
  /** Another updater than the bench's own. */
  program?: string;
}

/** One command, on a host in one state: what the kill matrix strikes at. */
export interface Scenario {
  name: string;
  /** Commands that bring an empty tree to the state, one after the other. */
  start: readonly Command[];
  /** Made in the tree first. */
  files?: Record<string, { content: string; mode: number }>;
  /** The release lies in the package's place too. */
  hasPackage?: boolean;
  /** Paths of the start state that a failed run may have given up, by design. */
  mayLose?: RegExp;
  /** The command that is struck. */
  command: Command;
}

export const OLD = "18.0.0";
export const NEW = "18.1.0";
export const NEWEST = "18.2.0";

/** Where links may lie: the path of a fresh host, and another one. */
export const LINK_FOLDERS = ["/usr/local/bin", "/srv/teleport/bin"] as const;

const enable = { wants: OLD, args: ["enable"] };
const toNew = { wants: NEW, args: ["update", "--now"] };
const CUSTOM_TBOT = {
  "/etc/systemd/system/tbot.service": { content: "[Service]\nExecStart=/usr/bin/tbot\n", mode: 0o644 },
};
const BY_HAND = {
  "/usr/local/bin/teleport": { content: "#!/bin/sh\necho by hand\n", mode: 0o755 },
  "/usr/local/bin/tctl": { content: "#!/bin/sh\necho by hand\n", mode: 0o755 },
};

/** Agent and bot unless the name says otherwise; the bot's unit is somebody else's then, so that only the agent is managed. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "enable, fresh host", start: [], command: enable },
  { name: "enable, fresh host, agent only", start: [], files: CUSTOM_TBOT, command: enable },
  {
    name: "enable over programs by hand",
    start: [],
    files: BY_HAND,
    command: { wants: OLD, args: ["enable", "--overwrite"] },
  },
  { name: "enable of another version", start: [enable], command: { wants: NEW, args: ["enable", "--group", "blue"] } },
  {
    name: "enable with another path",
    start: [enable],
    command: { wants: NEW, args: ["enable", "--path", LINK_FOLDERS[1]] },
  },
  { name: "enable again, repairing", start: [enable], command: { wants: OLD, args: ["enable", "--group", "blue"] } },
  { name: "update", start: [enable], command: toNew },
  { name: "update, agent only", start: [enable], files: CUSTOM_TBOT, command: toNew },
  {
    name: "update that frees the backup",
    start: [enable, toNew],
    // The disk may need its room for the new release (updater-core §4.3 step 2).
    mayLose: new RegExp(`^/opt/teleport/default/versions/${OLD}/`),
    command: { wants: NEWEST, args: ["update", "--now"] },
  },
  { name: "pin", start: [enable], command: { wants: NEW, args: ["pin"] } },
  { name: "pin, agent only", start: [enable], files: CUSTOM_TBOT, command: { wants: NEW, args: ["pin"] } },
  { name: "unpin", start: [enable, { wants: OLD, args: ["pin"] }], command: { wants: OLD, args: ["unpin"] } },
  { name: "disable", start: [enable], command: { wants: OLD, args: ["disable"] } },
  { name: "uninstall", start: [enable], command: { wants: OLD, args: ["uninstall", "--force"] } },
  {
    name: "uninstall, agent only",
    start: [enable],
    files: CUSTOM_TBOT,
    command: { wants: OLD, args: ["uninstall", "--force"] },
  },
  { name: "uninstall to the package", start: [enable], hasPackage: true, command: { wants: OLD, args: ["uninstall"] } },
  { name: "link-package", start: [], hasPackage: true, command: { wants: OLD, args: ["link-package"] } },
  {
    name: "unlink-package",
    start: [{ wants: OLD, args: ["link-package"] }],
    hasPackage: true,
    command: { wants: OLD, args: ["unlink-package"] },
  },
];

export function writeFiles(root: string, files: Scenario["files"] = {}): void {
  for (const [path, { content, mode }] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), content, { mode });
  }
}
