import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Change } from "../../src/platform/change.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { historyPath, readHistory } from "../../src/update/history.ts";
import { Journal } from "../../src/update/journal.ts";
import { journalPath } from "../../src/update/journal-format.ts";
import { readJournal, type UnfinishedRun } from "../../src/update/read-journal.ts";
import { recover, reportUnfinished } from "../../src/update/recover.ts";
import { Transaction } from "../../src/update/transaction.ts";
import { resumeUndo } from "../../src/update/undo-notes.ts";
import { type TemporaryHost, temporaryHost, treeOf } from "../support/temporary-host.ts";
import { testWorld } from "../support/test-world.ts";
import { updateYaml } from "../support/update-yaml.ts";

const NAMESPACE = namespaceFor("");
const PATH = journalPath(NAMESPACE);
const LINK: Change = { kind: "link", path: "/usr/bin/tool", before: "/opt/old", after: "/opt/new" };
const FILE: Change = { kind: "file", path: "/etc/new.conf", before: null, after: { content: "new", mode: 0o644 } };

/** As the journal has it: what the link leads to was never there. */
const NOTED: Change = { ...LINK, dangled: true } as Change;

/** A host on which a run began both changes and was killed. */
async function interruptedHost(): Promise<TemporaryHost> {
  const host = temporaryHost();
  host.files.makeDirectory(NAMESPACE.directory);
  host.files.makeDirectory("/etc");
  host.link("/usr/bin/tool", "/opt/old");
  await new Transaction(testWorld(host.root), { namespace: NAMESPACE, descriptor: 0 }).apply([LINK, FILE]);
  return host;
}

const textOf = (host: TemporaryHost) => host.files.readText(PATH, 1 << 20) ?? "";
const readUnfinished = (host: TemporaryHost): UnfinishedRun => {
  const run = readJournal(host.files, NAMESPACE);
  if (run === undefined) throw new Error("The journal tells of no run.");
  return run;
};
const at = (host: TemporaryHost, path: string) => join(host.root, path);

describe("an interrupted run", () => {
  test("is undone, said so, and forgotten", async () => {
    using host = await interruptedHost();
    expect(readJournal(host.files, NAMESPACE)?.changes).toEqual([NOTED, FILE]);
    const world = testWorld(host.root);
    await recover(world, NAMESPACE);
    expect(treeOf(host)).toEqual({ "/usr/bin/tool": "-> /opt/old" });
    expect(world.log.lines.map((line) => line.split(". ")[0])).toEqual([
      "WARN An earlier run was interrupted, undoing what it began",
      "DEBUG Undo: write /etc/new.conf.",
      "DEBUG Undo: link /usr/bin/tool to /opt/new instead of /opt/old.",
      "WARN The host is back as it was before the interrupted run.",
    ]);
    expect(readHistory(host.files, NAMESPACE)).toMatchObject([{ command: "recovery", outcome: "done" }]);
    const lines = world.log.lines.length;
    await recover(world, NAMESPACE);
    expect(readHistory(host.files, NAMESPACE)).toHaveLength(1);
    expect(world.log.lines).toHaveLength(lines);
  });

  test("of which the last change was only half announced never began it", async () => {
    using host = await interruptedHost();
    const text = textOf(host);
    for (const length of [text.length - 1, text.length - 20]) {
      writeFileSync(at(host, PATH), text.slice(0, length));
      expect(readJournal(host.files, NAMESPACE)?.changes).toEqual([NOTED]);
    }
  });

  test.each([
    ["only one", 0, "X"],
    ["last", 1, "X"],
    ["torn", 1, ""],
  ])("whose %s line is not whole has that line passed over, which is said", async (_, line, end) => {
    using host = await interruptedHost();
    const lines = textOf(host)
      .split("\n")
      .slice(0, line + 1);
    writeFileSync(at(host, PATH), `${lines.join("\n").slice(0, -1)}${end}${end && "\n"}`);
    const world = testWorld(host.root);
    await recover(world, NAMESPACE);
    expect(world.log.lines[0]).toBe(
      `WARN The last line of the journal is not whole, so what it announces counts as not begun. path:${PATH} line:${line + 1}`,
    );
    expect(readJournal(host.files, NAMESPACE)).toBeUndefined();
    expect(treeOf(host)).toEqual({ "/etc/new.conf": "new", "/usr/bin/tool": "-> /opt/new" });
  });

  test("that was announced and no more leaves nothing to undo", async () => {
    using host = await interruptedHost();
    host.files.placeLink("/usr/bin/tool", "/opt/old");
    host.files.removeFile("/etc/new.conf");
    await recover(testWorld(host.root), NAMESPACE);
    expect(treeOf(host)).toEqual({ "/usr/bin/tool": "-> /opt/old" });
  });

  test("after which another updater moved on is left to it", async () => {
    using host = await interruptedHost();
    host.files.placeLink("/usr/bin/tool", "/opt/theirs");
    const world = testWorld(host.root);
    await recover(world, NAMESPACE);
    expect(treeOf(host)).toEqual({ "/usr/bin/tool": "-> /opt/theirs", "/etc/new.conf": "new" });
    expect(world.log.lines.join()).toContain("another updater has moved on since");
  });

  test("stays on record while something cannot be undone", async () => {
    using host = await interruptedHost();
    host.files.removeFile("/etc/new.conf");
    mkdirSync(at(host, "/etc/new.conf/in-the-way"), { recursive: true });
    await expect(recover(testWorld(host.root), NAMESPACE)).rejects.toMatchObject({ code: "E_ROLLBACK" });
    expect(host.files.readLink("/usr/bin/tool")).toBe("/opt/old");
    expect(readJournal(host.files, NAMESPACE)).toBeDefined();
  });

  test("goes on where the undo before it left off", async () => {
    using host = await interruptedHost();
    host.files.removeFile("/etc/new.conf");
    mkdirSync(at(host, "/etc/new.conf/in-the-way"), { recursive: true });
    await expect(recover(testWorld(host.root), NAMESPACE)).rejects.toMatchObject({ code: "E_ROLLBACK" });
    expect([...(readJournal(host.files, NAMESPACE)?.undone ?? [])]).toEqual([0]);
    // What is back belongs to its owner again: it is neither undone a second time, nor a reason to keep hands off.
    host.files.placeLink("/usr/bin/tool", "/opt/theirs");
    rmSync(at(host, "/etc/new.conf"), { recursive: true });
    const world = testWorld(host.root);
    await recover(world, NAMESPACE);
    expect(treeOf(host)).toEqual({ "/usr/bin/tool": "-> /opt/theirs" });
    expect(world.log.lines.join("\n")).not.toContain("link /usr/bin/tool");
  });

  test("of which the undo was killed in the middle of a note has that change undone again", async () => {
    using host = await interruptedHost();
    const journal = textOf(host);
    for (const index of [0, 1]) resumeUndo(host.files, NAMESPACE, readUnfinished(host)).note(index);
    const notes = textOf(host).slice(journal.length);
    for (const length of [notes.length - 1, notes.length / 2 + 20, notes.length / 2 - 1]) {
      writeFileSync(at(host, PATH), journal + notes.slice(0, length));
      expect([...readUnfinished(host).undone]).toEqual(length < notes.length / 2 ? [] : [0]);
    }
    // A whole note follows only whole lines.
    resumeUndo(host.files, NAMESPACE, readUnfinished(host)).note(1);
    expect([...readUnfinished(host).undone]).toEqual([1]);
  });

  test("keeps its record when another one wants to begin", async () => {
    using host = await interruptedHost();
    const text = textOf(host);
    const next = new Transaction(testWorld(host.root), { namespace: NAMESPACE, descriptor: 0 });
    await expect(next.apply([FILE])).rejects.toMatchObject({ code: "E_JOURNAL" });
    expect(textOf(host)).toBe(text);
  });

  test("leaves a file alone that somebody has written since", async () => {
    using host = await interruptedHost();
    host.files.writeFile("/etc/new.conf", "by hand");
    await recover(testWorld(host.root), NAMESPACE);
    expect(treeOf(host)).toEqual({ "/usr/bin/tool": "-> /opt/old", "/etc/new.conf": "by hand" });
  });

  test("that wrote a file twice has both undone", async () => {
    using host = temporaryHost();
    host.files.makeDirectory(NAMESPACE.directory);
    const images = ["one", "two", "three"].map((content) => ({ content, mode: 0o644 }));
    const [one = null, two = null, three = null] = images;
    host.write("/etc/conf", "one");
    await new Transaction(testWorld(host.root), { namespace: NAMESPACE, descriptor: 0 }).apply([
      { kind: "file", path: "/etc/conf", before: one, after: two },
      { kind: "file", path: "/etc/conf", before: two, after: three },
    ]);
    await recover(testWorld(host.root), NAMESPACE);
    expect(treeOf(host)).toEqual({ "/etc/conf": "one" });
  });

  test("is told to who may not mend it, and nothing is touched", async () => {
    using host = await interruptedHost();
    const before = treeOf(host);
    const world = testWorld(host.root);
    reportUnfinished(world, NAMESPACE);
    expect(world.log.lines.join()).toContain("An earlier run was interrupted");
    expect(treeOf(host)).toEqual(before);
  });
});

test.each(["committed", "undone"] as const)(
  "a run that said it is %s has its journal dropped, and no more",
  async (outcome) => {
    using host = temporaryHost();
    host.files.makeDirectory(NAMESPACE.directory);
    // Killed before it could drop the file.
    const journal = new Journal({ ...host.files, removeFile: () => {} }, NAMESPACE, new Date());
    journal.announce([FILE]);
    journal.end(outcome);
    await recover(testWorld(host.root), NAMESPACE);
    expect(treeOf(host)).toEqual({});
  },
);

describe("a run that was killed between its end and its line in the history", () => {
  const yaml = (version: string) => ({ content: updateYaml([], ["active:", `    version: ${version}`]), mode: 0o644 });
  const config = (from: string, to: string): Change => ({
    kind: "file",
    path: NAMESPACE.config,
    before: yaml(from),
    after: yaml(to),
  });
  const STARTED = new Date("2026-11-22T12:00:00.000Z");
  const endedHost = (outcome: "committed" | "undone") => {
    const host = temporaryHost();
    host.files.makeDirectory(NAMESPACE.directory);
    const journal = new Journal({ ...host.files, removeFile: () => {} }, NAMESPACE, STARTED);
    journal.announce([config("18.0.0", "18.0.0"), FILE, config("18.0.0", "18.1.0")]);
    journal.end(outcome);
    return host;
  };

  test.each([
    ["committed", "done", "when it had made its changes, which stay."],
    ["undone", "failed", "when it had put the host back."],
  ] as const)("%s: the next one writes it, once", async (outcome, written, said) => {
    using host = endedHost(outcome);
    const world = testWorld(host.root);
    const text = textOf(host);
    await recover(world, NAMESPACE);
    // Killed again, before the journal was gone.
    host.write(PATH, text, 0o600);
    await recover(world, NAMESPACE);
    expect(readHistory(host.files, NAMESPACE)).toEqual([
      {
        time: STARTED.toISOString(),
        command: "recovery",
        outcome: written,
        from: "18.0.0",
        to: "18.1.0",
        seconds: 0,
        updater: expect.any(String),
      },
    ]);
    expect(world.log.lines[0]).toStartWith(
      `WARN An earlier run was interrupted ${said} started:${STARTED.toISOString()}`,
    );
    expect(host.files.stat(PATH)).toBeUndefined();
  });

  test("has none written where only its journal could not be dropped", async () => {
    using host = endedHost("committed");
    const own = { time: "2026-11-22T11:59:59.500Z", command: "update", outcome: "done", seconds: 2.1, updater: "1" };
    host.write(historyPath(NAMESPACE), `${JSON.stringify(own)}\n`, 0o600);
    await recover(testWorld(host.root), NAMESPACE);
    expect(readHistory(host.files, NAMESPACE)).toMatchObject([own]);
  });

  test("is told like any other, as who is not root cannot tell it apart", () => {
    using host = endedHost("committed");
    const world = testWorld(host.root);
    reportUnfinished(world, NAMESPACE);
    expect(world.log.lines).toEqual([
      expect.stringMatching(/^WARN An earlier run was interrupted, or is still going on; the next update undoes or/),
    ]);
  });
});

test("a run that changes nothing leaves no journal", async () => {
  using host = temporaryHost();
  host.files.makeDirectory(NAMESPACE.directory);
  new Journal(host.files, NAMESPACE, new Date()).end("committed");
  expect(treeOf(host)).toEqual({});
});

describe("a journal is refused in words", () => {
  const refusal = async (spoil: (host: TemporaryHost) => void) => {
    using host = await interruptedHost();
    spoil(host);
    const before = host.files.readLink("/usr/bin/tool");
    const failure = await recover(testWorld(host.root), NAMESPACE).catch((error) => error);
    expect(host.files.readLink("/usr/bin/tool")).toBe(before);
    return { code: failure.code, text: `${failure.message} ${failure.hint}` };
  };

  test("when a line in its middle is damaged", async () => {
    const { code, text } = await refusal((host) => {
      writeFileSync(at(host, PATH), textOf(host).replace("/opt/old", "/opt/bad"));
    });
    expect({ code, text }).toEqual({ code: "E_JOURNAL", text: expect.stringContaining("line 2 is damaged") });
  });

  test("when it has no header", async () => {
    const { code, text } = await refusal((host) => {
      writeFileSync(at(host, PATH), textOf(host).split("\n").slice(1).join("\n"));
    });
    expect({ code, text }).toEqual({ code: "E_JOURNAL", text: expect.stringContaining("no header") });
  });

  test("when a newer release wrote it", async () => {
    const { code, text } = await refusal((host) => {
      host.files.removeFile(PATH);
      const header = JSON.stringify({ journal: 3, updater: "9.0.0-x", started: "2030-01-01T00:00:00.000Z" });
      const digest = new Bun.CryptoHasher("sha256").update(header).digest("hex").slice(0, 16);
      host.files.appendFile(PATH, `${digest} ${header}\n`);
    });
    expect({ code, text }).toEqual({ code: "E_JOURNAL", text: expect.stringContaining("run that release") });
  });

  test("[threat own-files] when it is a link", async () => {
    const { code, text } = await refusal((host) => {
      host.files.rename(PATH, "/etc/elsewhere");
      symlinkSync("/etc/elsewhere", at(host, PATH));
    });
    expect({ code, text }).toEqual({ code: "E_JOURNAL", text: expect.stringContaining("not a regular file") });
  });

  test("[threat own-files] when others may write it", async () => {
    const { code } = await refusal((host) => chmodSync(at(host, PATH), 0o666));
    expect(code).toBe("E_JOURNAL");
  });

  test("[threat own-files] when it is longer than any run makes it", async () => {
    const { code, text } = await refusal((host) => {
      writeFileSync(at(host, PATH), Buffer.alloc((32 << 20) + 1, "x"));
    });
    expect({ code, text }).toEqual({
      code: "E_JOURNAL",
      text: expect.stringMatching(/larger than .* brings nothing back .*: `mv /),
    });
  });

  test.if(process.getuid?.() === 0)("[threat own-files] when somebody else owns it", async () => {
    const { code } = await refusal((host) => chownSync(at(host, PATH), 65_534, 65_534));
    expect(code).toBe("E_JOURNAL");
  });
});
