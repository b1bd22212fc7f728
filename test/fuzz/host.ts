import { expect } from "bun:test";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { readCommandLine } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import { botCommands } from "../../src/host/bot-command.ts";
import { readPid } from "../../src/host/health.ts";
import { readUnitRecord } from "../../src/host/unit-record.ts";
import type { Change, LinkChange } from "../../src/platform/change.ts";
import { UpdateError } from "../../src/platform/errors.ts";
import { readStoredChecksum } from "../../src/release/checksum.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { Journal } from "../../src/update/journal.ts";
import { journalPath } from "../../src/update/journal-format.ts";
import { readJournal } from "../../src/update/read-journal.ts";
import { recover } from "../../src/update/recover.ts";
import { inTransaction } from "../../src/update/transaction.ts";
import { failingDisk, failures } from "../support/failing-disk.ts";
import { recordingLog } from "../support/recording-log.ts";
import { temporaryHost, treeOf } from "../support/temporary-host.ts";
import { testWorld } from "../support/test-world.ts";
import { answerOf, damaged, damages, type FuzzTarget, put } from "./target.ts";

const NAMESPACE = namespaceFor("");
const LOG = recordingLog();

const LINK: LinkChange = { kind: "link", path: "/usr/bin/tool", before: "/opt/old", after: "/opt/new" };
const FILE: Change = { kind: "file", path: "/etc/new.conf", before: null, after: { content: "né\n", mode: 0o644 } };
const OTHER_LINK: LinkChange = { kind: "link", path: "/usr/bin/other", before: null, after: "/opt/new" };
const CHANGES: readonly Change[] = [{ kind: "directory", path: "/etc/conf.d", mode: 0o755 }, FILE, LINK, OTHER_LINK];
const JOURNAL = journalBytes();

function journalBytes(): Buffer {
  using host = temporaryHost();
  host.files.makeDirectory(NAMESPACE.directory);
  put(host, "/opt/old", "the tool");
  host.link(LINK.path, "/opt/old");
  const journal = new Journal(host.files, NAMESPACE, new Date(0));
  journal.announce(CHANGES);
  journal.beginUndo()?.note(CHANGES.length - 1);
  return readFileSync(join(host.root, journalPath(NAMESPACE)));
}

/** As a disk may lose or change bytes; whole lines do not go or come twice by themselves. */
const journalDamages = damages(JOURNAL.length).map((all) =>
  all.filter(({ kind }) => kind === "set" || kind === "fill"),
);

const journal: FuzzTarget = {
  name: "journal",
  runs: 200,
  property: fc.property(journalDamages, fc.nat(JOURNAL.length), (all, length) => {
    using host = temporaryHost();
    put(host, journalPath(NAMESPACE), damaged(JOURNAL, all).subarray(0, length));
    const run = answerOf(() => readJournal(host.files, NAMESPACE), "E_JOURNAL");
    if (run instanceof UpdateError || run === undefined) return;
    expect(run.changes).toEqual(CHANGES.slice(0, run.changes.length));
  }),
};

const recovery: FuzzTarget = {
  name: "journal recovery",
  runs: 20,
  property: fc.asyncProperty(journalDamages, fc.nat(JOURNAL.length), async (all, length) => {
    using host = temporaryHost();
    put(host, "/etc/new.conf", "né\n");
    host.files.makeDirectory("/etc/conf.d");
    for (const { path } of [LINK, OTHER_LINK]) host.link(path, "/opt/new");
    put(host, journalPath(NAMESPACE), damaged(JOURNAL, all).subarray(0, length));
    const failure: unknown = await recover(testWorld(host.root), NAMESPACE).catch((error: unknown) => error);
    if (failure !== undefined && !(failure instanceof UpdateError && failure.code === "E_JOURNAL")) throw failure;
    rmSync(join(host.root, journalPath(NAMESPACE)), { force: true });
    // Each is as the run left it, or as it was before.
    const { [LINK.path]: link, [OTHER_LINK.path]: other, [FILE.path]: file, ...rest } = treeOf(host);
    expect(["-> /opt/new", "-> /opt/old"]).toContain(link ?? "");
    expect(["né\n", undefined]).toContain(file);
    expect(["-> /opt/new", undefined]).toContain(other);
    expect(rest).toEqual({});
  }),
};

const image = (content: string) => ({ content, mode: 0o644 });
/** A file is written twice, so that a run that is undone in part shows. */
const RUN: readonly Change[] = [
  { kind: "directory", path: "/etc/conf.d", mode: 0o755 },
  { kind: "file", path: "/etc/kept.conf", before: image("by hand"), after: image("one") },
  FILE,
  LINK,
  { kind: "file", path: "/etc/kept.conf", before: image("one"), after: image("two") },
];
/** More calls than a run and its roll back make. */
const ANY_CALL = failures(40);

const AT_START = { "/etc/kept.conf": "by hand", [LINK.path]: "-> /opt/old", hasFolder: false };
const AT_END = { "/etc/kept.conf": "two", [FILE.path]: "né\n", [LINK.path]: "-> /opt/new", hasFolder: true };

/** Wherever the disk fails, the commit included: the host ends where the run began or where it ended, and where it said so. */
const failingRun: FuzzTarget = {
  name: "run on a failing disk",
  runs: 100,
  property: fc.asyncProperty(ANY_CALL, fc.option(ANY_CALL, { nil: undefined }), async (first, second) => {
    using host = temporaryHost();
    put(host, "/etc/kept.conf", "by hand");
    host.files.makeDirectory(NAMESPACE.directory);
    host.link(LINK.path, "/opt/old");
    const disk = failingDisk(host.files);
    disk.fail(first);
    const transaction = inTransaction(
      testWorld(host.root, { files: disk.files }),
      { namespace: NAMESPACE, descriptor: 0 },
      async (changes) => {
        await changes.apply(RUN.slice(0, 3));
        await changes.apply(RUN.slice(3));
      },
    );
    const outcome = await transaction.then(() => "done", codeOf);
    if (second !== undefined) {
      disk.fail(second);
      await recover(testWorld(host.root, { files: disk.files }), NAMESPACE).catch(() => undefined);
    }
    await recover(testWorld(host.root), NAMESPACE);
    const state = { ...treeOf(host), hasFolder: host.files.stat("/etc/conf.d") !== undefined };
    // What could neither be made to count nor be undone may be either.
    const allowed: Record<string, unknown[]> = { done: [AT_END], E_IO: [AT_START], E_ROLLBACK: [AT_START, AT_END] };
    expect(allowed[outcome]).toContainEqual(state);
  }),
};

function codeOf(error: unknown): string {
  if (error instanceof UpdateError) return error.code;
  throw error;
}

const WORDS = COMMANDS.flatMap(({ meta, args }) => [
  meta.name,
  ...Object.keys({ ...GLOBAL_FLAGS, ...args }).flatMap((flag) => [`--${flag}`, `--no-${flag}`, `--${flag}=x`]),
]);
const ODD_WORDS = [
  "--__proto__",
  "--constructor=x",
  "--no-toString",
  "__proto__",
  "constructor",
  "--",
  "-",
  "",
  "-p",
  "-dhn",
  "help",
  "text",
];
const argv: FuzzTarget = {
  name: "argv",
  runs: 2000,
  property: fc.property(
    fc.array(
      fc.oneof(fc.constantFrom(...WORDS), fc.constantFrom(...ODD_WORDS), fc.string({ unit: "binary", maxLength: 4 })),
      { maxLength: 8 },
    ),
    fc.dictionary(
      fc.constantFrom(
        "TELEPORT_PROXY",
        "TELEPORT_INSTALL_SUFFIX",
        "TELEPORT_UPDATE_FLAGS",
        "TELEPORT_ALLOW_PROXY_CONFLICT",
      ),
      fc.string(),
    ),
    (words, environment) => {
      const reading = readCommandLine(
        { name: "teleport-update", description: "", commands: COMMANDS },
        words,
        environment,
      );
      if (reading.kind === "refused") expect(reading.reason).toMatch(/^\P{Cc}+$/u);
      if (reading.kind !== "run") return;
      const flags = { ...GLOBAL_FLAGS, ...reading.command.args };
      expect(Object.keys(reading.values).sort()).toEqual(Object.keys(flags).sort());
      expect(words).toContain(reading.command.meta.name);
      for (const [name, value] of Object.entries(reading.values)) {
        const source = Object.entries(reading.sources).find(([key]) => key === name)?.[1];
        if (source === "command line") expect(words.join(" ")).toMatch(new RegExp(`--(no-)?${name}\\b|(^| )-[a-zA-Z]`));
        expect(Array.isArray(value) || ["string", "boolean"].includes(typeof value)).toBe(true);
      }
    },
  ),
};

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc
    .string({ unit: fc.constantFrom(..." \n\t0123456789-+.e"), maxLength: 14 })
    .map((text) => new Uint8Array(Buffer.from(text))),
);

const pidFile: FuzzTarget = {
  name: "PID file",
  runs: 200,
  property: fc.property(anyBytes, (bytes) => {
    using host = temporaryHost();
    put(host, NAMESPACE.teleport.pidFile, bytes);
    const text = Buffer.from(bytes).toString("latin1");
    const [, digits = "0"] = /^\s*([1-9]\d*)\s*$/.exec(text) ?? [];
    const pid = readPid({ files: host.files, log: LOG }, NAMESPACE.teleport.pidFile);
    // Never made of what is none; blanks beyond ASCII may stand around one or not.
    if (Number(digits) > KERNEL_PID_LIMIT || /[^\x20-\x7e\s]|\xa0/.test(text))
      expect([0, Number(digits)]).toContain(pid);
    else expect(pid).toBe(Number(digits));
  }),
};

const KERNEL_PID_LIMIT = 2 ** 22;

const unitText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "[Service]\n",
        "ExecStart=",
        "/bin/tbot ",
        "start ",
        "-c ",
        "/etc/tbot.yaml",
        "\\\n",
        "\n",
        '"',
        "'",
        "--storage=",
        "file:///x ",
      ),
      fc.string({ unit: "binary", maxLength: 5 }),
    ),
  )
  .map((parts) => parts.join(""));

const units: FuzzTarget = {
  name: "units",
  runs: 1000,
  property: fc.property(unitText, (text) => {
    const found = botCommands(text);
    for (const { storage } of found) if (storage !== undefined) expect(storage).toStartWith("/");
    // A command that stands alone in front of it is found, whatever follows.
    expect(botCommands(`ExecStart=/bin/tbot start -c /own.yaml\n${text}`)).toEqual([
      { config: "/own.yaml", storage: undefined },
      ...found,
    ]);
  }),
};

const RECORD = Buffer.from(
  `# teleport-update units v1 18.1.0_ent\n${"a".repeat(64)}  /etc/systemd/system/a.service\n${"0".repeat(64)}  /b\n`,
);

const unitRecord: FuzzTarget = {
  name: "unit record",
  runs: 150,
  property: fc.property(damages(RECORD.length), (all) => {
    using host = temporaryHost();
    put(host, NAMESPACE.unitRecord, damaged(RECORD, all));
    const record = answerOf(() => readUnitRecord(host.files, NAMESPACE), "E_UNREADABLE_FILE");
    if (record instanceof UpdateError || record === undefined) return;
    for (const [path, digest] of record.digests)
      expect([path, digest]).toEqual([expect.stringMatching(/^\//), expect.stringMatching(/^[0-9a-f]{64}$/)]);
  }),
};

const checksums: FuzzTarget = {
  name: "checksum files",
  runs: 200,
  property: fc.property(
    fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      damages(66).map((all) => new Uint8Array(damaged(Buffer.from(`${"aB".repeat(32)}  `), all))),
    ),
    (bytes) => {
      using host = temporaryHost();
      put(host, "/version/sha256", bytes);
      const found = readStoredChecksum(host.files, "/version");
      const start = Buffer.from(bytes).toString("latin1").slice(0, 64);
      const isDigest = /^[0-9a-fA-F]{64}$/.test(start);
      if (found === "damaged") expect(isDigest && Buffer.from(bytes).every((byte) => byte < 128)).toBe(false);
      else expect(found).toBe(start.toLowerCase());
    },
  ),
};

export const HOST_TARGETS: readonly FuzzTarget[] = [
  journal,
  recovery,
  failingRun,
  argv,
  pidFile,
  units,
  unitRecord,
  checksums,
];
