import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { attemptAsync } from "../platform/path-errors.ts";
import type { BegunArchive, ReleaseSource, SourceArchive } from "./source.ts";

const READ_BYTES = 512 << 10;

/**
 * Releases that were carried here by hand: a folder in upstream's naming, or one archive with its `.sha256` and `.sig` beside
 * it, which must be the one that is `wanted` by name. `path` is of the machine of `files`. Fails with `E_DOWNLOAD` when there
 * is no such thing.
 */
export function folderSource(files: Files, path: string, wanted: string): ReleaseSource {
  const kind = files.statFollowed(path)?.kind;
  if (kind !== "directory" && kind !== "file") {
    throw new UpdateError("E_DOWNLOAD", `there is no file or folder \`${path}\``, {
      hint: "name an archive, or a folder with archives in it, with `--from PATH`",
    });
  }
  if (kind === "file" && basename(path) !== wanted) throw anotherRelease(path, wanted);
  const folder = kind === "directory" ? path : dirname(path);
  const locate = (name: string) => join(folder, name);
  const source: ReleaseSource = {
    locate,
    async readText(name, limit) {
      const path = locate(name);
      const text = files.readPlantable(path, limit);
      if (text === undefined) return undefined;
      const { mtime } = await attemptAsync("look at", path, () => stat(files.realFollowed(path)));
      return { text, modified: mtime, giver: source };
    },
    open: (name, begun) => openFile(files, locate(name), begun),
  };
  return source;
}

async function openFile(files: Files, path: string, begun: BegunArchive | undefined): Promise<SourceArchive> {
  const found = files.statFollowed(path);
  if (found?.kind !== "file") {
    throw new UpdateError("E_DOWNLOAD", `the release is not there: \`${path}\``, {
      hint: "carry the archive with its `.sha256` file into that folder, under its own name",
    });
  }
  const at = files.realFollowed(path);
  const file = await attemptAsync("open", path, () => open(at, constants.O_RDONLY | constants.O_NONBLOCK));
  return {
    length: found.size,
    place: path,
    isPieced: begun !== undefined,
    async *chunks() {
      for (let position = begun?.received ?? 0; ; ) {
        const buffer = Buffer.allocUnsafe(READ_BYTES);
        const { bytesRead } = await attemptAsync("read", path, () => file.read(buffer, 0, READ_BYTES, position));
        if (bytesRead === 0) return;
        position += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },
    discard: () => file.close(),
  };
}

function anotherRelease(path: string, name: string): UpdateError {
  return new UpdateError("E_DOWNLOAD", `\`${path}\` is not the release that is wanted, which is named \`${name}\``, {
    hint: "fetch that one, or ask for the version that you have with `--force-version`",
  });
}
