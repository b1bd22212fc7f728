import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Files } from "../../src/platform/files.ts";
import { hostFiles } from "../../src/platform/host-files.ts";

/** A host's tree in a temporary folder, gone at the end of the test: `using host = temporaryHost()`. */
export interface TemporaryHost extends Disposable {
  files: Files;
  /** The folder. */
  root: string;
  /** Writes a file and the directories above it. */
  write(path: string, content: string, mode?: number): void;
  /** Makes a symlink and the directories above it. */
  link(path: string, target: string): void;
  /** What the tree holds, path by path: the text of a file, `-> target` of a link; directories are left out. */
  snapshot(): Record<string, string>;
}

export function temporaryHost(): TemporaryHost {
  const root = mkdtempSync(join(tmpdir(), "host-"));
  const files = hostFiles(root);
  return {
    files,
    root,
    write(path, content, mode) {
      files.makeDirectory(dirname(path));
      files.writeFile(path, content, mode);
    },
    link(path, target) {
      files.makeDirectory(dirname(path));
      files.placeLink(path, target);
    },
    snapshot: () => Object.fromEntries(entriesBelow(files, "/")),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The tree without the log of what was done, which a recovery adds to. */
export function treeOf(host: Pick<TemporaryHost, "snapshot">): Record<string, string> {
  return Object.fromEntries(Object.entries(host.snapshot()).filter(([path]) => !path.endsWith("/history.jsonl")));
}

function entriesBelow(files: Files, folder: string): [string, string][] {
  return (files.list(folder) ?? []).flatMap((name): [string, string][] => {
    const path = join(folder, name);
    const kind = files.stat(path)?.kind;
    if (kind === "directory") return entriesBelow(files, path);
    if (kind === "symlink") return [[path, `-> ${files.readLink(path)}`]];
    return [[path, readFileSync(files.real(path), "utf8")]];
  });
}
