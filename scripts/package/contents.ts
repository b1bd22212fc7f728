import { gzipSync } from "node:zlib";
import { COMPANIONS } from "../release/companions.ts";

export type Format = "deb" | "rpm";

/** One entry of a package; all belong to root. */
export type Entry = { path: string } & (
  | { kind: "file"; mode: 0o644 | 0o755; content: Uint8Array | string | { file: string } }
  | { kind: "link"; to: string }
);

export interface Sources {
  /** `teleport-update`, or its FIPS variant `teleport-update-fips`. */
  packageName: string;
  executable: string;
  /** Man page and completions, by the names in `COMPANIONS`. */
  companions: Record<string, string>;
  notices: string;
  /** The text for `/usr/share/doc`, in the form of Debian. */
  debianChangelog: string;
}

const LIBRARY = "/usr/lib/teleport-update";
export const SCRIPTS_FOLDER = import.meta.dir;

/** What is in the package, sorted by path. Nothing lies in `/opt/teleport`, where the packages of Teleport put theirs. */
export function contents(format: Format, sources: Sources): Entry[] {
  const { executable, companions } = sources;
  const companion = (name: keyof typeof COMPANIONS) => companions[COMPANIONS[name]] ?? missing(COMPANIONS[name]);
  const entries: Entry[] = [
    program(`${LIBRARY}/teleport-update`, executable),
    program(`${LIBRARY}/copies`, `${SCRIPTS_FOLDER}/copies`),
    { kind: "link", path: "/usr/bin/teleport-update", to: "../lib/teleport-update/teleport-update" },
    text("/usr/share/man/man8/teleport-update.8.gz", compressed(companion("manual"))),
    text("/usr/share/bash-completion/completions/teleport-update", companion("bash")),
    text("/usr/share/fish/vendor_completions.d/teleport-update.fish", companion("fish")),
    text(`${ZSH_FOLDER[format]}/_teleport-update`, companion("zsh")),
    ...(format === "deb" ? debianTexts(sources) : rpmTexts(sources)),
  ];
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const ZSH_FOLDER = { deb: "/usr/share/zsh/vendor-completions", rpm: "/usr/share/zsh/site-functions" } as const;

function debianTexts({ packageName, notices, debianChangelog }: Sources): Entry[] {
  const documents = `/usr/share/doc/${packageName}`;
  return [
    copied(`${documents}/copyright`, `${SCRIPTS_FOLDER}/copyright`),
    text(`${documents}/changelog.gz`, compressed(debianChangelog)),
    text(`${documents}/THIRD-PARTY-NOTICES.txt.gz`, compressed(notices)),
    copied(`/usr/share/lintian/overrides/${packageName}`, `${SCRIPTS_FOLDER}/lintian-overrides`),
  ];
}

function rpmTexts({ packageName, notices }: Sources): Entry[] {
  const licenses = `/usr/share/licenses/${packageName}`;
  return [
    copied(`${licenses}/LICENSE`, `${SCRIPTS_FOLDER}/../../LICENSE`),
    text(`${licenses}/THIRD-PARTY-NOTICES.txt`, notices),
  ];
}

function program(path: string, file: string): Entry {
  return { kind: "file", path, mode: 0o755, content: { file } };
}

function copied(path: string, file: string): Entry {
  return { kind: "file", path, mode: 0o644, content: { file } };
}

function text(path: string, content: string | Uint8Array): Entry {
  return { kind: "file", path, mode: 0o644, content };
}

/** Without a name or time in it, as `gzip -9n` makes it. */
function compressed(content: string): Uint8Array {
  return gzipSync(content, { level: 9 });
}

function missing(name: string): never {
  throw new Error(`there is no \`${name}\` to put into the package`);
}
