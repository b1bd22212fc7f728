import {
  chmodSync,
  copyFileSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Entry } from "./contents.ts";

/** Lays the entries out below an empty `folder`, all of one time, whatever the umask is. */
export function stage(folder: string, entries: readonly Entry[], time: Date): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const entry of entries) {
    const path = join(folder, entry.path);
    mkdirSync(dirname(path), { recursive: true });
    if (entry.kind === "link") {
      symlinkSync(entry.to, path);
      continue;
    }
    if (typeof entry.content === "object" && "file" in entry.content) copyFileSync(entry.content.file, path);
    else writeFileSync(path, entry.content);
    chmodSync(path, entry.mode);
  }
  finish(folder, time);
}

/** Modes and times of all folders, and of files as far as nobody set them; from within, as each entry changes its folder. */
export function finish(folder: string, time: Date): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) finish(path, time);
    else lutimesSync(path, time, time);
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, time, time);
}
