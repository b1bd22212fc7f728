import { dirname } from "node:path";
import { isUpdateError, UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { folderSource } from "../release/folder-source.ts";
import { httpSource, type Shown } from "../release/http-source.ts";
import { officialSource } from "../release/official-source.ts";
import type { ReleaseSource } from "../release/source.ts";
import { INDEX_FILE, INDEX_LIMIT, parseIndex } from "./index-file.ts";

/** A place that a mirror is built from. */
export interface Origin {
  source: ReleaseSource;
  /** The names of its files; undefined when it has no list of them, as a CDN. */
  list(): Promise<string[] | undefined>;
}

/** A base URL; only another mirror of ours says what it holds. `shown` are the credentials for it. */
export function httpOrigin(
  world: Pick<World, "http" | "clock" | "log" | "signal">,
  url: string,
  shown?: Shown,
): Origin {
  return originAt(httpSource(world, url, shown));
}

function originAt(source: ReleaseSource): Origin {
  return {
    source,
    async list() {
      const index = await source.readText(INDEX_FILE, INDEX_LIMIT);
      return index && Object.keys(parseIndex(index.text, source.locate(INDEX_FILE)).files);
    },
  };
}

/** Upstream's CDN, which never sees credentials. It has no builds of the AGPL edition: then `E_BASE_URL` (updater-core §5.2). */
export function officialOrigin(world: Pick<World, "http" | "clock" | "log" | "signal">, isAgpl: boolean): Origin {
  if (!isAgpl) return originAt(officialSource(world, "or name another mirror, or a folder, with `--from`"));
  throw new UpdateError("E_BASE_URL", "the cluster runs an AGPL edition, which has no default CDN", {
    hint: "name the place of your own builds with `--from https://…`",
  });
}

/** A folder of this machine; fails with `E_DOWNLOAD` when there is none. */
export function folderOrigin(files: Files, path: string): Origin {
  if (files.statFollowed(path)?.kind === "file") {
    throw new UpdateError("E_DOWNLOAD", `\`${path}\` is a file, and a mirror is built from a folder`, {
      hint: `name the folder that it lies in, with its \`.sha256\` beside it: \`--from ${dirname(path)}\``,
    });
  }
  return { source: folderSource(files, path, ""), list: async () => files.list(path) };
}

/**
 * What all origins together hold, by name; those that cannot say are left out. Fails with `E_MIRROR` when none of them can, and as
 * an origin does when that is why.
 */
export async function listOrigins(log: World["log"], origins: readonly Origin[]): Promise<string[]> {
  const names = new Set<string>();
  let isListed = false;
  let failure: UpdateError | undefined;
  for (const origin of origins) {
    try {
      const listed = await origin.list();
      for (const name of listed ?? []) names.add(name);
      isListed ||= listed !== undefined;
    } catch (error) {
      if (!isUpdateError(error) || error.code === "E_CANCELED") throw error;
      log.warn("A place does not say what it holds.", { url: origin.source.locate(INDEX_FILE), error: error.message });
      failure ??= error;
    }
  }
  if (isListed) return [...names];
  if (failure !== undefined) throw failure;
  const places = origins.map(({ source }) => `\`${source.locate(INDEX_FILE)}\``).join(", ");
  throw new UpdateError(
    "E_MIRROR",
    `a range of versions needs a place that lists what it holds: there is no ${places}`,
    {
      hint: "a CDN has no such list: name each version with `--version 18.4.1`, or build from another mirror or a folder with `--from`",
    },
  );
}
