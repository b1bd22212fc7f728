import { randomBytes } from "node:crypto";
import { constants, crc32, deflateRawSync, gzipSync } from "node:zlib";
import { BLOCK, base256, END, entry, longName, pax, type RawHeader } from "./raw-tar.ts";

/** An archive that lies, and what must be said about it. Its checksum is true wherever it is served. */
export interface HostileArchive {
  /** Of `docs/threat-model.md`. */
  rule: string;
  lie: string;
  archive(): Buffer;
  /** Words of the message: the entry, and the lie. */
  says: readonly string[];
}

const UNIT = "[Unit]\nDescription=Teleport\n[Service]\nExecStart=/usr/local/bin/teleport start\n";
/** No text, so that it counts as a program. */
const PROGRAM = "#!/bin/sh\nexit 0\n\u000b";

/** What an honest release starts with; a lie comes behind it. */
const HONEST = Buffer.concat([
  entry({ name: "teleport/", type: "5" }),
  entry({ name: "teleport/teleport", content: PROGRAM }),
  entry({ name: "teleport/tsh", content: PROGRAM }),
  entry({ name: "teleport/VERSION", content: "18.1.0", mode: 0o644 }),
  entry({ name: "teleport/examples/systemd/teleport.service", content: UNIT, mode: 0o644 }),
]);

/** An honest release with `parts` behind it. */
export function releaseWith(...parts: readonly Buffer[]): Buffer {
  return gzipSync(releaseTar(...parts));
}

/** The same, not compressed. */
export function releaseTar(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([HONEST, ...parts, END]);
}

const file = (name: string, more: Partial<RawHeader> = {}) => entry({ name, content: "evil", ...more });
const deep = `teleport/${"d/".repeat(400)}x`;

function lies(rule: string, rows: readonly [lie: string, archive: () => Buffer, ...says: string[]][]) {
  return rows.map(([lie, archive, ...says]): HostileArchive => ({ rule, lie, archive, says }));
}

/** Lies that an entry tells: the archive around it is honest. */
function entryLies(rule: string, rows: readonly [lie: string, parts: () => Buffer[], ...says: string[]][]) {
  return lies(
    rule,
    rows.map(([lie, parts, ...says]) => [lie, () => releaseWith(...parts()), ...says]),
  );
}

const TYPES = entryLies("entry-types", [
  ["a symlink in the tree", () => [entry({ name: "teleport/x", type: "2", link: "tsh" })], "teleport/x", "symlink"],
  [
    "a symlink out of the tree",
    () => [entry({ name: "teleport/x", type: "2", link: "/etc/shadow" })],
    "teleport/x",
    "symlink",
  ],
  [
    "a file through a planted link",
    () => [entry({ name: "teleport/d", type: "2", link: "/etc/cron.d" }), file("teleport/d/job")],
    "teleport/d",
    "symlink",
  ],
  [
    "the unit through a planted link",
    () => [
      entry({ name: "teleport/examples", type: "2", link: "/etc" }),
      file("teleport/examples/systemd/teleport.service"),
    ],
    "teleport/examples",
    "symlink",
  ],
  ["a symlink in another folder", () => [entry({ name: "x", type: "2", link: "/" })], '"x"', "symlink"],
  ["a hard link in the tree", () => [entry({ name: "teleport/x", type: "1", link: "teleport/tsh" })], "type link"],
  ["a hard link out of the tree", () => [entry({ name: "teleport/x", type: "1", link: "/etc/shadow" })], "type link"],
  ["a character device", () => [entry({ name: "teleport/x", type: "3" })], "character-device"],
  ["a block device", () => [entry({ name: "teleport/x", type: "4" })], "block-device"],
  ["a fifo", () => [entry({ name: "teleport/x", type: "6" })], "fifo"],
  ["a contiguous file", () => [file("teleport/x", { type: "7" })], "contiguous-file"],
  ["an old sparse file", () => [file("teleport/x", { type: "S" })], "type unknown"],
  ["a part of another volume", () => [file("teleport/x", { type: "M" })], "type unknown"],
]);

const NAMES = entryLies("entry-names", [
  ["a way up", () => [file("teleport/../../../../../etc/cron.d/job")], "etc/cron.d/job", "leads upwards"],
  ["a way up at the start", () => [file("../../job")], "../../job", "leads upwards"],
  ["a way up in the prefix", () => [file("etc/job", { prefix: "teleport/../.." })], "leads upwards"],
  ["a way up in an extended header", () => [pax({ path: "teleport/../../job" }), file("teleport/x")], "leads upwards"],
  ["a way up in a long name", () => [longName("teleport/../../job"), file("teleport/x")], "leads upwards"],
  ["a folder upwards", () => [entry({ name: "../up/", type: "5" })], "../up/", "leads upwards"],
  ["an absolute name", () => [file("/etc/cron.d/job")], "/etc/cron.d/job", "absolute"],
  ["an absolute name in an extended header", () => [pax({ path: "/etc/job" }), file("teleport/x")], "absolute"],
  ["two slashes", () => [file("teleport//x")], "shortest form"],
  ["a dot", () => [file("teleport/./x")], "shortest form"],
  ["a file with the name of a folder", () => [longName("teleport/x/"), file("teleport/x")], "name of a folder"],
  ["a NUL in an extended header", () => [pax({ path: "teleport/x\0.txt" }), file("y")], "x\\u0000.txt", "characters"],
  ["a new line", () => [file("teleport/x\ny")], "x\\ny", "characters"],
  ["a code for the terminal", () => [file("teleport/\u001b[2Jx")], "\\u001b[2Jx", "characters"],
  ["text that runs backwards", () => [file("teleport/\u202ex")], "\\u202ex", "characters"],
  ["bytes that are no text", () => [entry({ name: Buffer.from([...Buffer.from("teleport/x"), 0xff]) })], "characters"],
  ["a backslash", () => [file("teleport\\..\\x")], "characters"],
  ["no name", () => [entry({ name: "", prefix: "p" })], "after the archive's end"],
  ["a name too long", () => [longName(`teleport/${"x".repeat(256)}`), file("x")], "too long"],
  ["400 folders deep", () => [pax({ path: deep }), file("x")], "folders deep"],
  ["400 folders deep, GNU's way", () => [longName(deep), file("x")], "folders deep"],
]);

const CONFLICTS = entryLies("entry-conflicts", [
  ["a name twice", () => [file("teleport/tsh")], "teleport/tsh", "came before"],
  ["a name twice, once by an extended header", () => [pax({ path: "teleport/tsh" }), file("y")], "came before"],
  ["equal but for case", () => [file("teleport/TSH")], "teleport/TSH", "came before"],
  [
    "equal but for Unicode form",
    () => [file("teleport/caf\u00e9"), file("teleport/cafe\u0301")],
    "cafe\u0301",
    "came before",
  ],
  ["equal but for a sharp s", () => [file("teleport/fu\u00df"), file("teleport/FUSS")], "FUSS", "came before"],
  ["a folder where a file is", () => [entry({ name: "teleport/tsh/", type: "5" })], "a folder in another"],
  ["a file in a file", () => [file("teleport/tsh/x")], "a folder in another"],
  ["a file where a folder is", () => [file("teleport/examples/systemd")], "a folder in another"],
  ["the unit as a folder", () => [entry({ name: "teleport/examples/systemd/teleport.service/", type: "5" })], "folder"],
  ["a file in place of the release's folder", () => [file("teleport")], '"teleport"', "a folder in another"],
]);

const SIZES = entryLies("entry-sizes", [
  ["a second size", () => [pax({ size: "1" }), file("teleport/x")], "teleport/x", "another size"],
  ["a second size for all", () => [pax({ size: "1" }, "g"), pax({ path: "teleport/x" }), file("x")], "another size"],
  ["a sparse file", () => [pax({ "GNU.sparse.major": "1" }), file("teleport/x")], "sparse"],
  ["a negative size", () => [file("teleport/x", { size: base256(-512n) })], "negative"],
  ["a negative size in octal", () => [file("teleport/x", { size: Buffer.from("-0000001000\0") })], "negative"],
  ["a size that is no number", () => [file("teleport/x", { size: Buffer.from("zzzzzzzzzzz\0") })], "no number"],
  ["a size in an unknown form", () => [file("teleport/x", { size: Buffer.alloc(12, 0x81) })], "cannot be read"],
  ["a size beyond all disks", () => [file("teleport/x", { size: base256(2n ** 62n) })], "cannot be read"],
  ["8 GiB", () => [file("teleport/x", { size: Buffer.from("77777777777\0") })], "8589934591 bytes"],
  ["8 GiB in base 256", () => [file("teleport/x", { size: base256(2n ** 33n) })], "8589934592 bytes"],
  ["a folder with content", () => [entry({ name: "teleport/x/", type: "5", content: "evil" })], "with content"],
  ["more than there is", () => [file("teleport/x", { size: 1 << 20 })], "cut short"],
  ["an extended header of 8 GiB", () => [entry({ name: "p", type: "x", size: base256(2n ** 33n) })], "too long"],
]);

const PLACES = lies("entry-places", [
  ["another top folder", () => gzipSync(Buffer.concat([file("other/teleport"), END])), "no folder `teleport`", "other"],
  [
    "the folder of another edition",
    () => gzipSync(Buffer.concat([file("teleport-ent/teleport"), END])),
    "no folder `teleport`",
    "teleport-ent",
  ],
  ["nothing", () => gzipSync(END), "no folder `teleport`", "nothing"],
  ["no folder at all", () => gzipSync(Buffer.concat([file("teleport/"), END])), "name of a folder"],
]);

const good = () => releaseWith();
const trailer = () => good().subarray(-8);
const FOLLOWS = "follows where its compressed data ends";
const ENDS = lies("archive-end", [
  ["no end marker", () => gzipSync(HONEST), "cut short"],
  ["half an end marker", () => gzipSync(Buffer.concat([HONEST, END.subarray(BLOCK)])), "cut short"],
  ["an entry behind the end", () => releaseWith(END, file("teleport/x")), "after the archive's end"],
  ["another archive behind the end", () => releaseWith(END, HONEST), "after the archive's end"],
  ["an extended header behind the end", () => releaseWith(END, pax({ path: "x" })), "follows its end"],
  [
    "a byte behind the end",
    () => gzipSync(Buffer.concat([HONEST, END, Buffer.alloc(BLOCK - 1), Buffer.from("x")])),
    "follows its end",
  ],
  ["garbage behind the gzip member", () => Buffer.concat([good(), Buffer.from("garbage!")]), FOLLOWS],
  ["a zero behind the gzip member", () => Buffer.concat([good(), Buffer.alloc(1)]), FOLLOWS],
  [
    "garbage behind a zero, with a true trailer",
    () => Buffer.concat([good(), Buffer.alloc(1), randomBytes(5000), trailer()]),
    FOLLOWS,
  ],
  ["more garbage than any buffer", () => Buffer.concat([good(), Buffer.alloc(3 << 20), trailer()]), FOLLOWS],
  ["an empty first gzip member", () => Buffer.concat([gzipSync(""), good()]), FOLLOWS],
  ["an empty second gzip member", () => Buffer.concat([good(), gzipSync("")]), FOLLOWS],
  ["a second gzip member", () => Buffer.concat([good(), good()]), FOLLOWS],
  ["an archive in two members", () => Buffer.concat([gzipSync(HONEST), gzipSync(END)]), FOLLOWS],
  ["a cut gzip member", () => good().subarray(0, -9), "cut short"],
  ["a cut gzip trailer", () => good().subarray(0, -1), "cut short"],
  ["nothing but a gzip header", () => good().subarray(0, 10), "cut short"],
  [
    "a wrong sum",
    () => Buffer.concat([good().subarray(0, -8), Buffer.alloc(4), good().subarray(-4)]),
    "gzip file says",
  ],
  ["no gzip", () => Buffer.from("<html>".repeat(100)), "not gzip"],
  ["gzip in gzip", () => gzipSync(releaseWith(noise())), "no tar archive"],
]);

const ROOM = 10_000;
const LIMITS = lies("archive-limits", [
  ["a million programs", () => million((index) => file(`teleport/x${index}`)), "more than 1000 files"],
  ["a million examples", () => million((index) => file(`teleport/examples/x${index}`)), `more than ${ROOM} entries`],
  ["a million entries elsewhere", () => million((index) => file(`other/x${index}`)), `more than ${ROOM} entries`],
  [
    "a million folders",
    () => million((index) => entry({ name: `x${index}/`, type: "5" })),
    `more than ${ROOM} entries`,
  ],
  ["extended headers without end", () => million(() => pax({ comment: "x" })), "bytes of extended headers"],
  ["long names without end", () => million(() => longName("x")), "bytes of extended headers"],
  [
    "an extended header that needs hours",
    () => releaseWith(pax(manyKeys(), "g"), file("teleport/x")),
    "extended header",
  ],
  [
    "an extended header longer than any path",
    () => releaseWith(pax({ comment: "x".repeat(100_000) }), file("teleport/x")),
    "teleport/x",
    "extended headers have more than",
  ],
  ["a bomb in a file", () => releaseWith(entry({ name: "teleport/x", content: Buffer.alloc(64 << 20) })), "200 times"],
  ["a bomb behind the end", () => releaseWith(noise(), Buffer.alloc(4 << 20)), "bytes of nothing"],
  [
    "a bomb in a folder that is skipped",
    () => releaseWith(entry({ name: "other/x", content: Buffer.alloc(64 << 20) })),
    "200 times",
  ],
]);

export const HOSTILE_ARCHIVES: readonly HostileArchive[] = [
  ...TYPES,
  ...NAMES,
  ...CONFLICTS,
  ...SIZES,
  ...PLACES,
  ...ENDS,
  ...LIMITS,
];

/** A release with a million entries more; only so many are different, as nobody should look at the others. */
function million(part: (index: number) => Buffer): Buffer {
  const different = Buffer.concat(Array.from({ length: ROOM + 100 }, (_, index) => part(index)));
  const times = Math.ceil(1_000_000 / (ROOM + 100));
  return gzipOf([HONEST, ...Array(times).fill(different), END]);
}

/** Each part is compressed for itself, and only once: a gigabyte of the same takes no time. */
function gzipOf(parts: readonly Buffer[]): Buffer {
  const flushed = { level: 1, finishFlush: constants.Z_FULL_FLUSH };
  const compressed = new Map([...new Set(parts)].map((part) => [part, deflateRawSync(part, flushed)]));
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(
    parts.reduce((sum, part) => crc32(part, sum), 0),
    0,
  );
  trailer.writeUInt32LE(parts.reduce((size, part) => size + part.length, 0) % 2 ** 32, 4);
  const bodies = parts.map((part) => compressed.get(part) ?? Buffer.alloc(0));
  return Buffer.concat([gzipSync("").subarray(0, 10), ...bodies, deflateRawSync(""), trailer]);
}

function manyKeys(): Record<string, string> {
  return Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, ""]));
}

/** Bytes that do not compress, so that the ratio stays honest. */
function noise(): Buffer {
  return entry({ name: "teleport/noise", content: randomBytes(1 << 20) });
}

/** What an archive may ask for and does not get: it installs, and `shows` says what became of it in the version's folder. */
export interface BentArchive {
  rule: string;
  wish: string;
  archive(): Buffer;
  shows: readonly { path: string; mode: number; text: string }[];
  /** Must not be there. */
  lacks?: readonly string[];
}

const asked = (name: string, more: Partial<RawHeader>) => file(name, { content: PROGRAM, ...more });
const SHOWN = { mode: 0o755, text: PROGRAM };

export const BENT_ARCHIVES: readonly BentArchive[] = [
  {
    rule: "entry-modes",
    wish: "setuid, setgid and sticky",
    archive: () => releaseWith(asked("teleport/x", { mode: 0o7777 })),
    shows: [{ path: "bin/x", ...SHOWN }],
  },
  {
    rule: "entry-modes",
    wish: "a file that others may write",
    archive: () => releaseWith(asked("teleport/x", { mode: 0o666 })),
    shows: [{ path: "bin/x", mode: 0o644, text: PROGRAM }],
  },
  {
    rule: "entry-modes",
    wish: "an owner",
    archive: () => releaseWith(asked("teleport/x", { owner: 12345 })),
    shows: [{ path: "bin/x", ...SHOWN }],
  },
  {
    rule: "entry-places",
    wish: "a planted digest, and a list of digests",
    archive: () =>
      releaseWith(
        asked("teleport/sha256", {}),
        asked("teleport/files.sha256", {}),
        asked("teleport/proof.json", {}),
        asked("sha256", {}),
      ),
    shows: [
      { path: "bin/sha256", ...SHOWN },
      { path: "bin/files.sha256", ...SHOWN },
      { path: "bin/proof.json", ...SHOWN },
    ],
  },
  {
    rule: "entry-places",
    wish: "files in folders that nobody knows",
    archive: () =>
      releaseWith(asked("teleport/bin/x", {}), asked("teleport/lib/systemd/system/tbot.service", {}), asked("x/y", {})),
    shows: [],
    lacks: ["bin/x", "bin/y", "bin/bin", "lib/systemd/system/tbot.service", "x"],
  },
  {
    rule: "entry-sizes",
    wish: "a size for all entries behind it, which most readers ignore",
    archive: () => releaseWith(pax({ size: "1" }, "g"), asked("teleport/x", {})),
    shows: [{ path: "bin/x", ...SHOWN }],
  },
];
