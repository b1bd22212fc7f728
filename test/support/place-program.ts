import { chmodSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { TemporaryHost } from "./temporary-host.ts";

/** Puts the bytes of a program into a tree, with the directories above it. */
export function placeProgram({ files }: Pick<TemporaryHost, "files">, path: string, content: Buffer): void {
  files.makeDirectory(dirname(path));
  writeFileSync(files.real(path), content);
  chmodSync(files.real(path), 0o755);
}
