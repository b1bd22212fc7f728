import type { Change } from "../platform/change.ts";

/** A change in one line of words, for the log, a plan and the demo. */
export function describeChange(change: Change): string {
  switch (change.kind) {
    case "directory":
      return `make the directory ${change.path}`;
    case "file":
      return describeFile(change);
    case "link":
      if (change.after === null) return `remove the link ${change.path}`;
      return `link ${change.path} to ${change.after}${change.before === null ? "" : ` instead of ${change.before}`}`;
    case "move":
      return `move ${change.from} to ${change.to}`;
    case "remove":
      return `remove ${change.path}`;
    case "daemon-reload":
      return change.when === "do" ? "let systemd read its units" : "let systemd read its units after a roll back";
    case "unit":
      return `${change.after.enabled ? "enable" : "disable"} ${change.unit}`;
    case "setup":
      return `run the setup step of ${change.program}`;
    case "selinux-module":
      return `${change.after ? "install" : "remove"} the SELinux module`;
    case "reload":
      return `${change.restart ? "restart" : "reload"} ${change.unit}`;
  }
}

function describeFile(change: Extract<Change, { kind: "file" }>): string {
  if (change.after === null) return `remove ${change.path}`;
  return `${change.before === null ? "write" : "rewrite"} ${change.path}`;
}
