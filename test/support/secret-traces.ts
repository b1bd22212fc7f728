import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Finds secrets in what a run says and leaves behind. */
export interface SecretTraces {
  tells(text: string): boolean;
  /** Regular files below `folder` with one of the secrets in them; those that everybody may read, or all. */
  filesIn(folder: string, which: "open" | "all"): string[];
}

/** `secrets`: as they are written, and as they may be written somewhere else. */
export function secretTraces(secrets: readonly string[]): SecretTraces {
  const traces = secrets.map((secret) => secret.toLowerCase());
  const tells = (text: string) => traces.some((trace) => text.toLowerCase().includes(trace));
  const isOpen = (path: string) => (lstatSync(path).mode & 0o044) !== 0;
  return {
    tells,
    filesIn: (folder, which) =>
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .map((name) => join(folder, name))
        .filter((path) => lstatSync(path).isFile() && (which === "all" || isOpen(path)))
        .filter((path) => tells(readFileSync(path, "latin1"))),
  };
}
