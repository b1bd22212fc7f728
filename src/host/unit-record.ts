import { sha256Each } from "#variant/digest";
import type { Change } from "../platform/change.ts";
import type { Files } from "../platform/files.ts";
import { UNIT_SIZE_LIMIT } from "../settings/custom-tbot.ts";
import type { Namespace } from "../settings/namespace.ts";
import { type Revision, revisionDirectory } from "../settings/revision.ts";
import { fileChanges } from "./file-changes.ts";

/**
 * The units of a namespace as the last run that succeeded left them, by digest: what reads otherwise today was changed
 * since. Kept in `units.sha256` beside `update.yaml`, in the format of `sha256sum`, so that `sha256sum -c` can check it.
 */
export interface UnitRecord {
  /** Name of the version directory whose setup wrote them. */
  revisionName: string;
  /** SHA-256 in lower-case hex, by path. */
  digests: ReadonlyMap<string, string>;
}

const SIZE_LIMIT = 1 << 16;
const HEADER = /^# teleport-update units v1 (\S+)$/;
const DIGEST_LINE = /^([0-9a-f]{64}) {2}(\/.*)$/;

/** Every unit and drop-in that a setup writes, and ours beside them; the bot's only when it is ours to manage (installer-systemd §3). */
export function ownUnits(namespace: Namespace, manageTbot: boolean): string[] {
  const { teleport, tbot, updaterUnit, updaterDropIn, proxyDropIn, updaterTimer, teleportDropIn, v1DropIn } = namespace;
  return [
    teleport.unitFile,
    ...(manageTbot ? [tbot.unitFile] : []),
    updaterUnit,
    updaterDropIn,
    proxyDropIn,
    updaterTimer,
    teleportDropIn,
    ...(v1DropIn === undefined ? [] : [v1DropIn]),
  ];
}

/** The record of a namespace; undefined, which means that nothing is known, when there is none or it is of another version. */
export function readUnitRecord(files: Files, namespace: Namespace): UnitRecord | undefined {
  const [header = "", ...lines] = readLines(files, namespace);
  const revisionName = HEADER.exec(header)?.[1];
  if (revisionName === undefined) return undefined;
  const digests = lines.flatMap((line): [string, string][] => {
    const [, digest, path] = DIGEST_LINE.exec(line) ?? [];
    return digest === undefined || path === undefined ? [] : [[path, digest]];
  });
  return { revisionName, digests: new Map(digests) };
}

/**
 * The change that records the units as they lie now, or none when the record says so already. Lines that say something
 * else stay as they are: a newer release of ours may have written them.
 */
export function planUnitRecord(files: Files, namespace: Namespace, revision: Revision, manageTbot: boolean): Change[] {
  const units = ownUnits(namespace, manageTbot).flatMap((path) => {
    const text = readUnit(files, path);
    return text === undefined ? [] : [{ path, text }];
  });
  const digests = digestsOf(units.map(({ text }) => text));
  const header = `# teleport-update units v1 ${revisionDirectory(revision)}`;
  const own = units.map(({ path }, at) => `${digests[at]}  ${path}`);
  const content = [header, ...own, ...foreignLines(files, namespace)].map((line) => `${line}\n`).join("");
  return fileChanges(files, namespace.unitRecord, content);
}

/** The text of the regular file at `path`, or undefined when there is none. Fails with `E_UNREADABLE_FILE` when it is too large. */
export function readUnit(files: Files, path: string): string | undefined {
  return files.stat(path)?.kind === "file" ? files.readText(path, UNIT_SIZE_LIMIT) : undefined;
}

/** Of each text, in lower-case hex. */
export function digestsOf(texts: readonly string[]): string[] {
  return sha256Each(texts.map((text) => Buffer.from(text))).map((digest) => Buffer.from(digest).toString("hex"));
}

function foreignLines(files: Files, namespace: Namespace): string[] {
  const [header = "", ...lines] = readLines(files, namespace);
  if (!HEADER.test(header)) return [];
  const own = ownUnits(namespace, true);
  return lines.filter((line) => !own.includes(DIGEST_LINE.exec(line)?.[2] ?? ""));
}

function readLines(files: Files, namespace: Namespace): string[] {
  const text = files.readOwn(namespace.unitRecord, SIZE_LIMIT) ?? "";
  return text.split("\n").filter((line) => line !== "");
}
