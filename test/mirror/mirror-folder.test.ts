import { expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fetchArchive } from "../../src/mirror/fetch-archive.ts";
import { partialName, placeText } from "../../src/mirror/tree-files.ts";
import { lockTree } from "../../src/mirror/tree-lock.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import type { ReleaseSource } from "../../src/release/source.ts";
import { sha256Of } from "../release/archive.ts";
import { archiveBytes, mirrorWorld, nameOf, temporaryFolder } from "./building.ts";

/*
 * Whoever a mirror's folder belongs to may do there what they like while root writes into it. Here a moment is chosen for them by
 * what the writing is given to work with.
 */

const asRoot = test.if(process.geteuid?.() === 0);
const NOBODY = 65_534;
const NAME = nameOf("18.1.0");
const modeOf = (path: string) => statSync(path).mode & 0o7777;

asRoot.each([
  [0o6777, 0o644],
  [0o600, 0o600],
])("[threat mirror-folder] a file of theirs with the mode %o gives root's %o", (theirs, ours) => {
  using place = temporaryFolder();
  const path = join(place.path, "index.json");
  writeFileSync(path, "");
  chownSync(path, NOBODY, NOBODY);
  chmodSync(path, theirs);
  hostFiles().writeFile(path, "{}");
  expect(statSync(path)).toMatchObject({ uid: 0, mode: 0o100000 | ours });
});

test("[threat mirror-folder] nothing that is written anew is setuid, and else it keeps its mode", () => {
  using place = temporaryFolder();
  const path = join(place.path, "update.yaml");
  writeFileSync(path, "");
  chmodSync(path, 0o6640);
  hostFiles().writeFile(path, "{}");
  expect(modeOf(path)).toBe(0o640);
});

test.each(["one that comes now", "one that had come before"])(
  "[threat mirror-folder] what takes the place of an archive does not become readable by all: %s",
  async (which) => {
    using place = temporaryFolder();
    const [partial, key] = [join(place.path, partialName(NAME)), join(place.path, "site.key")];
    writeFileSync(key, "secret", { mode: 0o600 });
    const bytes = archiveBytes(1);
    const take = () => renameSync(key, partial);
    const source = {
      locate: (name) => name,
      readText: async () => undefined,
      open: async () => ({
        length: bytes.length,
        place: "/media",
        isPieced: false,
        async *chunks() {
          yield bytes;
          take();
        },
        discard: async () => {},
      }),
    } satisfies ReleaseSource;
    const world = mirrorWorld();
    if (which !== "one that comes now") {
      writeFileSync(partial, bytes, { mode: 0o600 });
      const info = world.log.info;
      world.log.info = (...words) => {
        info(...words);
        take();
      };
    }
    const progress = { start: () => {}, advance: () => {}, end: () => {} };
    const request = { directory: place.path, name: NAME, source, sha256: sha256Of(bytes), progress };
    await fetchArchive(world, request);
    expect(readFileSync(join(place.path, NAME), "utf8")).toBe("secret");
    expect(modeOf(join(place.path, NAME))).toBe(0o600);
  },
);

test("[threat mirror-folder] a link in the place of a checksum dates nothing that lies elsewhere", async () => {
  using place = temporaryFolder();
  const [outside, directory, name] = [join(place.path, "outside"), join(place.path, "mirror"), `${NAME}.sha256`];
  writeFileSync(outside, "");
  mkdirSync(directory);
  const files = hostFiles();
  const taken = {
    ...files,
    writeFile(path: string, content: string) {
      files.writeFile(path, content);
      rmSync(path);
      symlinkSync(outside, path);
    },
  };
  await placeText(taken, { directory, name }, "digest", new Date("2001-01-01T00:00:00Z"));
  expect(statSync(outside).mtime.getFullYear()).toBeGreaterThan(2001);
});

asRoot(
  "[threat mirror-folder] a mirror in a folder where others may put another in its place is none of root's",
  async () => {
    using place = temporaryFolder();
    const tree = join(place.path, "home/mirror");
    mkdirSync(tree, { recursive: true });
    chownSync(join(place.path, "home"), 4711, 4711);
    await expect(lockTree(mirrorWorld(), tree)).rejects.toMatchObject({
      code: "E_OPEN_PLACE",
      message: expect.stringContaining(`\`${join(place.path, "home")}\`: it belongs to the user 4711`),
    });
    using _ = await lockTree(mirrorWorld({ sudoUser: 4711 }), tree);
  },
);

asRoot("a mirror that belongs to its user may be reached by a link of root's", async () => {
  using place = temporaryFolder();
  const [tree, link] = [join(place.path, "tree"), join(place.path, "mirror")];
  mkdirSync(tree);
  chownSync(tree, NOBODY, NOBODY);
  symlinkSync("tree", link);
  using _ = await lockTree(mirrorWorld(), link);
  expect(statSync(join(tree, ".lock")).uid).toBe(NOBODY);
});
