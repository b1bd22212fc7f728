import { afterAll, describe, expect, test } from "bun:test";
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { readUpdaterId } from "../../src/cluster/updater-id.ts";
import { fileChanges } from "../../src/host/file-changes.ts";
import { readPid } from "../../src/host/health.ts";
import { isModuleInstalled } from "../../src/host/selinux/module-store.ts";
import { readUnitRecord } from "../../src/host/unit-record.ts";
import { isUpdateError } from "../../src/platform/errors.ts";
import type { Files } from "../../src/platform/files.ts";
import { hostFiles } from "../../src/platform/host-files.ts";
import { readStoredChecksum } from "../../src/release/checksum.ts";
import { isCustomTbot } from "../../src/settings/custom-tbot.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { readOptions } from "../../src/settings/options.ts";
import { readBotStorage } from "../../src/settings/tbot-config.ts";
import { readTeleportDefaults } from "../../src/settings/teleport-config.ts";
import { readUpdateConfig } from "../../src/settings/update-config-read.ts";
import { Journal } from "../../src/update/journal.ts";
import { journalPath } from "../../src/update/journal-format.ts";
import { readJournal } from "../../src/update/read-journal.ts";
import { cpuTime } from "../support/cpu-time.ts";
import { must } from "../support/must.ts";
import { recordingLog } from "../support/recording-log.ts";

const NAMESPACE = namespaceFor("");
const LOG = recordingLog();
const DIGEST = "a".repeat(64);

type Spoil =
  | "100 MB"
  | "a sparse terabyte"
  | "not UTF-8"
  | "a NUL"
  | "a directory"
  | "a fifo"
  | "CR and LF"
  | "a byte order mark"
  | "empty";

interface Reader {
  path: string;
  content: string;
  read(files: Files): unknown;
  /** What it answers for a file that it cannot use, unless one of `others` says otherwise. */
  spoiled: unknown;
  others?: Partial<Record<Spoil, unknown>>;
}

const refused = (code: string) => ({ refused: code });
/** The answer is that of the file as it should be. */
const SAME = "as it should be";

const READERS: Record<string, Reader> = {
  "update.yaml": {
    path: NAMESPACE.config,
    content: "version: v1\nkind: update_config\nspec:\n    group: canary\n",
    read: (files) => readUpdateConfig(files, NAMESPACE).spec.group,
    spoiled: refused("E_CONFIG_READ"),
    others: { "CR and LF": SAME, "a byte order mark": SAME },
  },
  "updater.yaml": {
    path: NAMESPACE.options,
    content: "version: v1\nkind: updater_options\nca_file: /ca.pem\n",
    read: (files) => readOptions(files, NAMESPACE).caFile,
    spoiled: refused("E_OPTIONS_READ"),
    others: { "CR and LF": SAME, "a byte order mark": SAME },
  },
  "teleport.yaml": {
    path: NAMESPACE.teleport.config,
    content: "teleport:\n  proxy_server: example.com\n",
    read: (files) => readTeleportDefaults(files, NAMESPACE, LOG).proxy ?? "none",
    spoiled: "none",
    // In a comment.
    others: { "a NUL": SAME, "CR and LF": SAME, "a byte order mark": SAME },
  },
  "tbot.yaml": {
    path: NAMESPACE.tbot.config,
    content: "storage:\n  path: /bot\n",
    read: (files) => readBotStorage(files, NAMESPACE.tbot.config, LOG) ?? "none",
    spoiled: "none",
    // In a comment.
    others: { "a NUL": SAME, "CR and LF": SAME, "a byte order mark": SAME, empty: "/var/lib/teleport/bot" },
  },
  "a unit to be replaced": {
    path: NAMESPACE.updaterTimer,
    content: "[Timer]\n",
    read: (files) => fileChanges(files, NAMESPACE.updaterTimer, "new\n").map((change) => change.kind),
    spoiled: refused("E_UNREADABLE_FILE"),
    others: {
      "a NUL": SAME,
      "CR and LF": SAME,
      "a byte order mark": SAME,
      empty: SAME,
      "a directory": refused("E_IRREGULAR_FILE"),
      "a fifo": refused("E_IRREGULAR_FILE"),
    },
  },
  "the bot's unit": {
    path: NAMESPACE.tbot.unitFile,
    content: "# teleport-update 18.1.0\n",
    read: (files) => isCustomTbot(files, NAMESPACE),
    spoiled: refused("E_UNREADABLE_FILE"),
    // Only how it begins counts: a letter in another encoding may stand in a unit.
    others: { "not UTF-8": SAME, "a NUL": SAME, "CR and LF": SAME, "a byte order mark": true, empty: true },
  },
  "the record of the units": {
    path: NAMESPACE.unitRecord,
    content: `# teleport-update units v1 18.1.0\n${DIGEST}  /a\n`,
    read: (files) => readUnitRecord(files, NAMESPACE)?.digests.get("/a") ?? "none",
    spoiled: refused("E_UNREADABLE_FILE"),
    others: { "a NUL": SAME, "CR and LF": "none", "a byte order mark": "none", empty: "none" },
  },
  "the digest of a release": {
    path: "/version/sha256",
    content: DIGEST,
    read: (files) => readStoredChecksum(files, "/version"),
    spoiled: "damaged",
    others: { "a NUL": SAME, "CR and LF": SAME },
  },
  "the journal": {
    path: journalPath(NAMESPACE),
    content: journalText(),
    read: (files) => readJournal(files, NAMESPACE)?.changes.length ?? "none",
    spoiled: refused("E_JOURNAL"),
    // A line that is not whole was not begun, and a last one may end inside a character.
    others: {
      "not UTF-8": SAME,
      "a NUL": SAME,
      empty: "none",
    },
  },
  "the PID file": {
    path: NAMESPACE.teleport.pidFile,
    content: "17\n",
    read: (files) => readPid({ files, log: LOG }, NAMESPACE.teleport.pidFile),
    spoiled: 0,
    // A byte order mark is a blank to us.
    others: { "CR and LF": SAME, "a byte order mark": SAME },
  },
  "the updater's id": {
    path: "/tmp/id",
    content: "0123-4567\n",
    read: (files) => readUpdaterId({ files, log: LOG }, { idFile: "/tmp/id", dataDirectory: "/data" }),
    spoiled: "",
    others: { "CR and LF": SAME, "a byte order mark": SAME },
  },
  "the host's id": {
    path: "/data/host_uuid",
    content: "0123-4567\n",
    read: (files) => readUpdaterId({ files, log: LOG }, { idFile: "/tmp/none", dataDirectory: "/data" }),
    spoiled: "",
    others: { "a NUL": expect.stringMatching(/^[0-9a-f-]{36}$/), "CR and LF": SAME, "a byte order mark": SAME },
  },
  "the machine's id": {
    path: "/etc/machine-id",
    content: "0123456789abcdef\n",
    read: (files) => readUpdaterId({ files, log: LOG }, { idFile: "/tmp/none", dataDirectory: "/data" }),
    spoiled: "",
    others: { "a NUL": expect.stringMatching(/^[0-9a-f-]{36}$/), "CR and LF": SAME, "a byte order mark": SAME },
  },
  "SELinux's configuration": {
    path: "/etc/selinux/config",
    content: "SELINUXTYPE=targeted\n",
    read: (files) => isModuleInstalled(files),
    spoiled: refused("E_UNREADABLE_FILE"),
    others: { "not UTF-8": SAME, "a NUL": SAME, "CR and LF": SAME, "a byte order mark": SAME, empty: SAME },
  },
};

const append = (at: string, bytes: number[]) => writeFileSync(at, Buffer.from(bytes), { flag: "a" });

const SPOILS: Record<Spoil, (at: string, content: string) => unknown> = {
  "100 MB": (at) => truncateSync(at, 100_000_000),
  "a sparse terabyte": (at) => truncateSync(at, 2 ** 40),
  "not UTF-8": (at) => append(at, [0x23, 0xe9, 10]),
  "a NUL": (at) => append(at, [0x23, 0, 10]),
  "a directory": (at) => {
    rmSync(at);
    mkdirSync(at);
  },
  "a fifo": async (at) => {
    rmSync(at);
    await must(["mkfifo", at]);
  },
  "CR and LF": (at, content) => writeFileSync(at, content.replaceAll("\n", "\r\n")),
  "a byte order mark": (at, content) => writeFileSync(at, `\ufeff${content}`),
  empty: (at) => writeFileSync(at, ""),
};

const root = mkdtempSync(join(tmpdir(), "files-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.each(Object.entries(READERS))("%s", (_name, reader) => {
  const at = join(root, reader.path);
  const prepare = () => {
    rmSync(at, { recursive: true, force: true });
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, reader.content);
    return outcomeOf(reader);
  };

  test.each(Object.entries(SPOILS))("[threat bounded-text] %s", async (name, spoil) => {
    const good = prepare();
    await spoil(at, reader.content);
    const before = stateOf(at);
    const expected = expectedOf(reader, name);
    const time = cpuTime(() => expect(outcomeOf(reader)).toEqual(expected === SAME ? good : expected));
    // Milliseconds are usual.
    expect(time).toBeLessThan(1000);
    expect(stateOf(at)).toEqual(before);
    rmSync(at, { recursive: true });
  });
});

function expectedOf({ spoiled, others = {} }: Reader, name: string): unknown {
  const other = Object.entries(others).find(([spoil]) => spoil === name);
  return other === undefined ? spoiled : other[1];
}

function outcomeOf(reader: Reader): unknown {
  try {
    return reader.read(hostFiles(root));
  } catch (error) {
    if (!isUpdateError(error)) throw error;
    expect(error.message).toContain(reader.path);
    expect(error.hint ?? "").not.toBe("");
    return refused(error.code);
  }
}

function stateOf(at: string): unknown {
  const { size, mtimeMs, ino, mode } = lstatSync(at);
  return { size, mtimeMs, ino, mode };
}

function journalText(): string {
  const folder = mkdtempSync(join(tmpdir(), "journal-"));
  const files = hostFiles(folder);
  files.makeDirectory(NAMESPACE.directory);
  const journal = new Journal(files, NAMESPACE, new Date(0));
  journal.announce([{ kind: "directory", path: "/a", mode: 0o755 }]);
  const text = readFileSync(join(folder, journalPath(NAMESPACE)), "utf8");
  rmSync(folder, { recursive: true });
  return text;
}
