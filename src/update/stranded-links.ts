import { dirname, join, resolve } from "node:path";
import { isBelow, linkEnd } from "../host/linked.ts";
import type { Change, LinkChange } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { type Namespace, UPDATER_NAME } from "../settings/namespace.ts";

/*
 * Links that an interrupted run has led elsewhere, and whose old end somebody has taken away since: a package that went, a
 * version, another installation. To put such a link back would make one that leads into nothing.
 */

/** A link that would lead into nothing if it were put back. */
export interface Stranded {
  path: string;
  gone: string;
}

/** What to do about them, so that the host ends in one release. */
export interface StrandedPlan {
  stranded: readonly Stranded[];
  /** The version that the host stays at, as nothing is left of what it had; undefined when it goes back. */
  staysAt: string | undefined;
  /** Where further links of the run must lead, so that all of them lead into that version. */
  forward: ReadonlyMap<string, string>;
  /** Where stranded links must lead once the others are back, so that they lead into the same release. */
  back: ReadonlyMap<string, string>;
}

/** Decides from what is to be undone. Without a stranded link there is nothing in it. */
export function planStranded(files: Files, namespace: Namespace, changes: readonly Change[]): StrandedPlan {
  const links = linksByPath(changes).filter(({ before, dangled }) => before !== null && dangled === undefined);
  const willLead = (link: LinkChange) => willBeThere(files, changes, endOf(link));
  const gone = links.filter((link) => !willLead(link));
  const stranded = gone
    .filter(({ path }) => files.stat(path) === undefined || files.statFollowed(path) !== undefined)
    .map((link) => ({ path: link.path, gone: endOf(link) }));

  const installed = stranded.flatMap(({ path }) => versionOf(namespace, linkEnd(files, path)) ?? []);
  const [version] = installed;
  const nothing = { stranded, staysAt: undefined, forward: new Map(), back: new Map() };
  if (version === undefined) return nothing;
  const isProgram = (link: LinkChange) => isBelow(link.after ?? "", version);
  const home = links.find((link) => isProgram(link) && !link.path.endsWith(`/${UPDATER_NAME}`) && willLead(link));
  if (home !== undefined) {
    return { ...nothing, back: leadingInto(files, namespace, dirname(endOf(home)), stranded) };
  }
  const gonePaths = gone.map(({ path }) => path);
  const forward = linksByPath(changes, "last").filter(
    (link) => isProgram(link) || (isBelow(link.after ?? "", namespace.updaterCopies) && gonePaths.includes(link.path)),
  );
  return { ...nothing, staysAt: version, forward: placeable(files, changes, forward) };
}

/** The first change of each link says how the run found it, the last one how it would have left it. */
function linksByPath(changes: readonly Change[], which: "first" | "last" = "first"): LinkChange[] {
  const links = changes.filter((change) => change.kind === "link");
  const ordered = which === "first" ? links.toReversed() : links;
  return [...new Map(ordered.map((link) => [link.path, link])).values()];
}

/** Where a link led before the run, made absolute. */
function endOf({ path, before }: LinkChange): string {
  return resolve(dirname(path), before ?? "");
}

const LINKS_IN_A_ROW = 8;

/** Whether something is at `place` once `changes` are undone: what the run itself took away comes back. */
function willBeThere(files: Files, changes: readonly Change[], place: string, left = LINKS_IN_A_ROW): boolean {
  if (changes.some((change) => change.kind === "move" && isBelow(place, change.from))) return true;
  const first = changes.find((change) => (change.kind === "file" || change.kind === "link") && change.path === place);
  if (first?.kind === "file") return first.before !== null;
  if (first?.kind !== "link") return files.statFollowed(place) !== undefined;
  return first.before !== null && left > 0 && willBeThere(files, changes, endOf(first), left - 1);
}

function versionOf({ versions }: Namespace, end: string | undefined): string | undefined {
  if (end === undefined || !isBelow(end, versions)) return undefined;
  const [name] = end.slice(versions.length + 1).split("/");
  return name ? join(versions, name) : undefined;
}

/** Only programs: the updater's link leads to a copy of ours, which works with any release. */
function leadingInto(
  files: Files,
  namespace: Namespace,
  bin: string,
  stranded: readonly Stranded[],
): Map<string, string> {
  const programs = stranded.filter(({ path }) => versionOf(namespace, linkEnd(files, path)) !== undefined);
  const targets = programs.map(({ path }) => [path, join(bin, path.slice(dirname(path).length + 1))] as const);
  return new Map(targets.filter(([, target]) => files.statFollowed(target) !== undefined));
}

/** Not what lies there as a file, nor what the run moved aside: that is no link, and comes back. */
function placeable(files: Files, changes: readonly Change[], links: readonly LinkChange[]): Map<string, string> {
  const aside = changes.flatMap((change) => (change.kind === "move" ? [change.from] : []));
  const fit = links.filter(({ path, after }) => {
    if (after === null || aside.includes(path) || files.statFollowed(after) === undefined) return false;
    const kind = files.stat(path)?.kind;
    return kind === "symlink" || (kind === undefined && files.statFollowed(dirname(path)) !== undefined);
  });
  return new Map(fit.map(({ path, after }) => [path, after ?? ""]));
}
