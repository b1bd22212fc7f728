import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatIndex, type MirrorFile } from "../../../src/mirror/index-file.ts";
import { hostFiles } from "../../../src/platform/host-files.ts";
import { sha256Of } from "../../release/archive.ts";
import { type KeptLog, testWorld } from "../../support/test-world.ts";

/** A folder for trees and bundles, gone at the end of the test: `using place = mirrorPlace()`. */
export interface MirrorPlace extends Disposable {
  world: ReturnType<typeof testWorld>;
  log: KeptLog;
  at(name: string): string;
  /** Writes a tree with an index that names these files. */
  tree(name: string, files: Record<string, TreeFile>): string;
  read(...names: string[]): string;
}

/** Its content, or content and what the index says besides. */
type TreeFile = string | { content: string; release?: string; origin?: NonNullable<MirrorFile["origin"]> };

export function mirrorPlace(): MirrorPlace {
  const folder = mkdtempSync(join(tmpdir(), "mirror-"));
  const world = testWorld("/", { localFiles: hostFiles() });
  const at = (name: string) => join(folder, name);
  return {
    world,
    log: world.log,
    at,
    tree(name, files) {
      mkdirSync(at(name), { recursive: true });
      const listed: Record<string, MirrorFile> = {};
      for (const [file, given] of Object.entries(files)) {
        const { content, ...more } = typeof given === "string" ? { content: given } : given;
        writeFileSync(join(at(name), file), content);
        listed[file] = { sha256: sha256Of(content), bytes: Buffer.byteLength(content), ...more };
      }
      const index = {
        kind: "teleport_mirror",
        version: "v1",
        written: "2026-11-22T00:00:00.000Z",
        files: listed,
      } as const;
      writeFileSync(join(at(name), "index.json"), formatIndex(index));
      return at(name);
    },
    read: (...names) => readFileSync(join(folder, ...names), "utf8"),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The files of one release as a mirror has them. */
export function releaseFiles(version: string, content = `archive of ${version}`): Record<string, TreeFile> {
  const name = `teleport-v${version}-linux-amd64-bin.tar.gz`;
  const origin = { place: `https://cdn.test/${name}`, proof: "checksum", fetched: "2026-11-20T00:00:00.000Z" };
  return {
    [name]: { content, release: version, origin },
    [`${name}.sha256`]: { content: `${sha256Of(content)}  ${name}\n`, release: version },
  };
}
