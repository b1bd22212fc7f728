import type { Change } from "../../src/platform/change.ts";
import type { Files } from "../../src/platform/files.ts";

/** Makes planned changes of files and links, so that a test can look at the result; refuses what needs more than files. */
export function applyChanges(files: Files, changes: readonly Change[]): void {
  for (const change of changes) {
    switch (change.kind) {
      case "directory":
        files.makeDirectory(change.path, change.mode);
        break;
      case "file":
        if (change.after === null) files.removeFile(change.path);
        else files.writeFile(change.path, change.after.content, change.after.mode);
        break;
      case "link":
        if (change.after === null) files.removeFile(change.path);
        else files.placeLink(change.path, change.after);
        break;
      case "move":
        files.rename(change.from, change.to);
        break;
      case "daemon-reload":
        break;
      default:
        throw new Error(`cannot make a change of kind ${change.kind} without a host`);
    }
  }
}

/** Undoes what `applyChanges` made, last first. */
export function undoChanges(files: Files, changes: readonly Change[]): void {
  for (const change of changes.toReversed()) {
    switch (change.kind) {
      case "directory":
        files.removeDirectory(change.path);
        break;
      case "file":
        if (change.before === null) files.removeFile(change.path);
        else files.writeFile(change.path, change.before.content, change.before.mode);
        break;
      case "link":
        if (change.before === null) files.removeFile(change.path);
        else files.placeLink(change.path, change.before);
        break;
      case "move":
        files.rename(change.to, change.from);
        break;
      case "daemon-reload":
        break;
      default:
        throw new Error(`cannot undo a change of kind ${change.kind} without a host`);
    }
  }
}
