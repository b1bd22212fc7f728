import { UpdateError } from "../platform/errors.ts";
import { quote } from "../platform/quote.ts";
import { refusedEntry } from "./archive-errors.ts";
import { checkEntryName } from "./entry-name.ts";
import type { Limits } from "./limits.ts";
import type { TarHeader } from "./untar.ts";

/** Where an entry goes in the version directory and with which mode, or why it goes nowhere. */
export type Placement =
  | { place: string; mode: number }
  | { skip: "outside" | "directory" | "unneeded" | "unknown folder" };

/** The verdict on every entry of one archive, in order. */
export interface EntryPolicy {
  /** Places or skips one entry; fails with `E_ARCHIVE` on what no release holds. */
  judge(header: TarHeader): Placement;
  /** Fails with `E_ARCHIVE` when the release's folder never came. */
  finish(): void;
}

const EXAMPLE_UNIT = "examples/systemd/teleport.service";
const UNIT_PLACE = "lib/systemd/system/teleport.service";
const UNNEEDED = ["install", "install-selinux.sh"];
const SHARED = ["README.md", "CHANGELOG.md", "VERSION", "LICENSE-community"];
const TOP_FOLDERS_SHOWN = 5;

/**
 * The rules of installer-systemd §1.4, narrowed to the shape of a release: regular files directly in `folder`, and one
 * unit in its examples. Nothing but directories and regular files may be in an archive at all, also outside `folder`,
 * and no two of them may fall on one name on any file system. New programs still arrive: names are not listed.
 */
export function entryPolicy(folder: string, limits: Limits): EntryPolicy {
  const known = new Map<string, "file" | "directory">();
  const topFolders = new Set<string>();
  let entries = 0;
  let files = 0;
  let bytes = 0;
  return {
    judge(header) {
      entries += 1;
      bytes += header.size;
      checkHeader(header);
      if (entries > limits.entries) throw refusedEntry(header, `it is one of more than ${limits.entries} entries`);
      if (header.size > limits.fileBytes)
        throw refusedEntry(header, `its ${header.size} bytes are more than a release's file may have`);
      if (bytes > limits.totalBytes)
        throw refusedEntry(header, `with it the archive unpacks to more than ${limits.totalBytes} bytes`);
      const parts = checkEntryName(header);
      checkConflicts(header, parts, known);
      const [top = "", ...rest] = parts;
      topFolders.add(top);
      if (top !== folder) return { skip: "outside" };
      const placed = placement(header, rest);
      if ("place" in placed) files += 1;
      if (files > limits.files) throw refusedEntry(header, `it is one of more than ${limits.files} files to unpack`);
      return placed;
    },
    finish() {
      if (topFolders.has(folder)) return;
      const found = [...topFolders].slice(0, TOP_FOLDERS_SHOWN).map((name) => quote(name));
      throw new UpdateError(
        "E_ARCHIVE",
        `the archive has no folder \`${folder}\`: it holds ${found.length === 0 ? "nothing" : found.join(", ")}`,
        {
          hint: "the archive is of another edition, or no release; check the mirror, and the edition that the cluster reports",
        },
      );
    },
  };
}

function checkHeader(header: TarHeader): void {
  const { type, size, pax } = header;
  if (type !== "file" && type !== "directory") {
    throw refusedEntry(header, `it is of the type ${type ?? "unknown"}, and a release has only files and directories`);
  }
  if (type === "directory" && size > 0) throw refusedEntry(header, "it is a directory with content");
  // A second opinion on the size is what two readers of one archive would disagree about.
  if (pax?.["size"] !== undefined) throw refusedEntry(header, "an extended header gives it another size");
  if (Object.keys(pax ?? {}).some((key) => key.startsWith("GNU.sparse")))
    throw refusedEntry(header, "it is a sparse file");
}

/** `known` holds each name and its parents in the form in which the laxest file system would compare them. */
function checkConflicts(header: TarHeader, parts: string[], known: Map<string, "file" | "directory">): void {
  parts.forEach((_, index) => {
    const key = folded(parts.slice(0, index + 1).join("/"));
    const isLast = index === parts.length - 1;
    const kind = isLast && header.type === "file" ? "file" : "directory";
    const before = known.get(key);
    if (before !== undefined && before !== kind)
      throw refusedEntry(header, "it is a file in one place and a folder in another");
    if (before === "file") throw refusedEntry(header, "its name came before, but perhaps for case or accents");
    known.set(key, kind);
  });
}

/** Lower case alone keeps `ß` and `ss` apart, and the two small sigmas; upper case alone keeps `ß` from its capital. */
function folded(name: string): string {
  return name.normalize("NFKC").toLowerCase().toUpperCase();
}

function placement(header: TarHeader, rest: string[]): Placement {
  const path = rest.join("/");
  const [first = ""] = rest;
  if (header.type === "directory") return { skip: "directory" };
  if (path === "") throw refusedEntry(header, "it is a file where the release's folder must be");
  if (path === EXAMPLE_UNIT) return { place: UNIT_PLACE, mode: modeOf(header) };
  if (first === "examples" || UNNEEDED.includes(first)) return { skip: "unneeded" };
  if (rest.length > 1) return { skip: "unknown folder" };
  if (SHARED.includes(first)) return { place: `share/${first}`, mode: modeOf(header) };
  return { place: `bin/${first}`, mode: modeOf(header) };
}

/** Two modes are all that a release needs; an archive never decides about setuid or a file that others may write. */
function modeOf({ mode }: TarHeader): number {
  return (mode & 0o111) === 0 ? 0o644 : 0o755;
}
