import { basename, dirname, join, normalize } from "node:path";
import type { Change } from "../platform/change.ts";
import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { UPDATER_NAME } from "../settings/namespace.ts";
import { directoryChanges } from "./file-changes.ts";

export interface LinkRequest {
  /** The `bin` directory of a version or of the package. */
  source: string;
  /** The programs in it that proved fit to be linked. */
  names: readonly string[];
  linkDirectory: string;
  /** Move a file that the updater did not make aside, instead of refusing. */
  overwrite: boolean;
  /** Where `<linkDirectory>/teleport-update` must lead instead of into the release: our own copy. */
  updaterTarget: string | undefined;
  /** Tells the files that one run moves aside from those of another. */
  asideSuffix: string;
}

interface WantedLink {
  path: string;
  target: string;
}

/**
 * Links every program of a release into the link directory, the updater last (installer-systemd §2.3). Links that are
 * right already need no change. Fails with `E_NO_PROGRAMS` when there is nothing to link, and with `E_FILE_PRESENT`
 * when something else than a link is in the way and may not be moved.
 */
export function planLinks(files: Files, request: LinkRequest): Change[] {
  const wanted = wantedLinks(request);
  refuseBlocked(files, wanted, request.overwrite);
  return [
    ...directoryChanges(files, request.linkDirectory),
    ...wanted.flatMap((link) => linkChanges(files, link, request.asideSuffix)),
  ];
}

/** Every link that the programs need, the updater's last: it is what the timer runs, so all else must be there first. */
export function wantedLinks({
  source,
  names,
  linkDirectory,
  updaterTarget,
}: Pick<LinkRequest, "source" | "names" | "linkDirectory" | "updaterTarget">): WantedLink[] {
  if (names.length === 0) {
    throw new UpdateError("E_NO_PROGRAMS", `no program in \`${source}\` can be linked`, {
      hint: "look for programs that are missing or not executable there",
    });
  }
  const link = (name: string, target = join(source, name)) => ({ path: join(linkDirectory, name), target });
  const programs = names.filter((name) => name !== UPDATER_NAME).sort();
  const hasUpdater = updaterTarget !== undefined || names.includes(UPDATER_NAME);
  return [...programs.map((name) => link(name)), ...(hasUpdater ? [link(UPDATER_NAME, updaterTarget)] : [])];
}

/** True when the link is there and written as we would write it. */
export function isPlaced(files: Files, { path, target }: WantedLink): boolean {
  const present = files.readLink(path);
  return present !== undefined && normalize(present) === target;
}

/** `E_FILE_PRESENT`, with the advice of updater-core §4.2 step 5. */
export function filePresent(paths: readonly string[]): UpdateError {
  const [verb, quoted] = [paths.length === 1 ? "is" : "are", paths.map((path) => `\`${path}\``).join(", ")];
  return new UpdateError("E_FILE_PRESENT", `${quoted} ${verb} where links must go, and not made by the updater`, {
    hint:
      "if Teleport was installed by hand or by a script, run the command again with `--overwrite`; if it came as an rpm or " +
      "deb package, upgrade that package, and run the command again without `--overwrite`",
  });
}

/** Looks at every path before anything is planned, so that one message names all that is in the way. */
function refuseBlocked(files: Files, wanted: readonly WantedLink[], overwrite: boolean): void {
  const kinds = wanted.map(({ path }) => ({ path, kind: files.stat(path)?.kind }));
  const directory = kinds.find(({ kind }) => kind === "directory");
  if (directory !== undefined) {
    throw new UpdateError("E_FILE_PRESENT", `\`${directory.path}\` is a directory, and a link must go there`, {
      hint: "move the directory away, and run the command again",
    });
  }
  const blocked = kinds.filter(({ kind }) => kind !== undefined && kind !== "symlink").map(({ path }) => path);
  if (blocked.length > 0 && !overwrite) throw filePresent(blocked);
}

function linkChanges(files: Files, link: WantedLink, asideSuffix: string): Change[] {
  const { path, target } = link;
  if (isPlaced(files, link)) return [];
  const before = files.readLink(path) ?? null;
  const place: Change = { kind: "link", path, before, after: target };
  if (before !== null || files.stat(path) === undefined) return [place];
  const aside = join(dirname(path), `.${basename(path)}.replaced-${asideSuffix}`);
  return [{ kind: "move", from: path, to: aside }, place];
}
