import { describe, expect, test } from "bun:test";
import {
  editNotices,
  findEditedUnits,
  isOperatorsWork,
  planKeptCopies,
  planNeedlessCopies,
} from "../../src/host/unit-edits.ts";
import { ownUnits, planUnitRecord } from "../../src/host/unit-record.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { applyChanges, undoChanges } from "../support/apply-changes.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");
const { teleport, tbot, updaterTimer, teleportDropIn } = namespace;
const MARKER = "# teleport-update 18.1.0\n";
const SEARCH = { manageTbot: true, linkDirectory: "/usr/local/bin", now: new Date("2030-02-03T04:05:06.789Z") };

describe("isOperatorsWork", () => {
  const RECORDED = `${MARKER}[Service]\n`;
  const known = { revisionName: "18.1.0", isAsRecorded: false };
  const unlisted = { revisionName: "18.1.0", isAsRecorded: undefined };

  test.each<
    [
      string,
      string,
      { revisionName: string; isAsRecorded: boolean | undefined } | undefined,
      { agent: boolean; bot: boolean },
    ]
  >([
    ["as recorded", RECORDED, { ...known, isAsRecorded: true }, { agent: false, bot: false }],
    ["edited under the marker of the recorded run", `${RECORDED}Nice=5\n`, known, { agent: true, bot: true }],
    ["replaced by a text without a marker", "[Service]\n", known, { agent: true, bot: true }],
    ["the marker's line with more in it", "# teleport-update 18.1.0 mine\n", known, { agent: false, bot: false }],
    ["a later revision, by upstream", "# teleport-update 18.2.0\n[Unit]\n", known, { agent: false, bot: false }],
    ["another edition, by upstream", "# teleport-update 18.1.0_ent\n", known, { agent: false, bot: false }],
    ["an early updater, which names no revision", "# teleport-update\n[Unit]\n", known, { agent: false, bot: false }],
    ["emptied", "", known, { agent: true, bot: true }],
    ["no line in the record", `${RECORDED}Nice=5\n`, unlisted, { agent: false, bot: false }],
    ["no marker, no line in the record", "[Service]\n", unlisted, { agent: false, bot: true }],
    ["no record", `${RECORDED}Nice=5\n`, undefined, { agent: false, bot: false }],
    ["no marker, no record", "[Service]\n", undefined, { agent: false, bot: true }],
  ])("%s", (_, text, record, { agent, bot }) => {
    expect(isOperatorsWork(text, false, record)).toBe(agent);
    expect(isOperatorsWork(text, true, record)).toBe(bot);
  });
});

/** A host as our last run left it. */
function keptHost(): TemporaryHost {
  const host = temporaryHost();
  for (const path of ownUnits(namespace, true)) host.write(path, `${MARKER}# ${path}\n[Service]\n`);
  host.link("/usr/local/bin/teleport-update", `${namespace.updaterCopies}/1.0.0-abc/teleport-update`);
  applyChanges(host.files, planUnitRecord(host.files, namespace, revision("18.1.0"), true));
  return host;
}

describe("edited units", () => {
  test("a host as we left it has none", () => {
    using host = keptHost();
    expect(findEditedUnits(host.files, namespace, SEARCH)).toEqual([]);
  });

  test("are found wherever they are, and kept with their mode beside the unit", () => {
    using host = keptHost();
    for (const path of [teleport.unitFile, teleportDropIn]) host.write(path, `${MARKER}edited\n`);
    host.files.setMode(teleport.unitFile, 0o600);
    const before = host.snapshot();
    const edits = findEditedUnits(host.files, namespace, SEARCH);
    const changes = planKeptCopies(edits);
    applyChanges(host.files, changes);
    const kept = [`${teleport.unitFile}.edited-20300203T040506Z`, `${teleportDropIn}.edited-20300203T040506Z`];
    expect(host.snapshot()).toEqual({
      ...before,
      ...Object.fromEntries(kept.map((path) => [path, `${MARKER}edited\n`])),
    });
    expect(kept.map((path) => host.files.stat(path)?.mode)).toEqual([0o600, 0o644]);
    undoChanges(host.files, changes);
    expect(host.snapshot()).toEqual(before);
  });

  test("are not looked for where another updater took over, as its link shows", () => {
    using host = keptHost();
    host.write(updaterTimer, `${MARKER}another template\n`);
    host.link("/usr/local/bin/teleport-update", `${namespace.versions}/18.1.0/bin/teleport-update`);
    expect(findEditedUnits(host.files, namespace, SEARCH)).toEqual([]);
    host.files.removeFile("/usr/local/bin/teleport-update");
    expect(findEditedUnits(host.files, namespace, SEARCH)).toHaveLength(1);
  });

  test("the bot's counts only when it is about to be written", () => {
    using host = keptHost();
    host.write(tbot.unitFile, "[Service]\n");
    expect(findEditedUnits(host.files, namespace, { ...SEARCH, manageTbot: false })).toEqual([]);
    expect(findEditedUnits(host.files, namespace, SEARCH).map(({ path }) => path)).toEqual([tbot.unitFile]);
  });

  test("one that is gone or is no file is nothing to keep", () => {
    using host = keptHost();
    host.files.removeFile(teleport.unitFile);
    host.link(updaterTimer, "/dev/null");
    expect(findEditedUnits(host.files, namespace, SEARCH)).toEqual([]);
  });

  test("what was lost is told line by line, with the way that lasts", async () => {
    using host = keptHost();
    host.write(teleport.unitFile, `${MARKER}[Service]\nNice=5\n`);
    host.write(teleportDropIn, `${MARKER}[Service]\nNice=6\n`);
    const edits = findEditedUnits(host.files, namespace, SEARCH);
    applyChanges(host.files, planKeptCopies(edits));
    for (const { path } of edits) host.write(path, "# teleport-update 18.2.0\n[Service]\nRestart=always\n");
    expect(planNeedlessCopies(host.files, edits)).toEqual([]);
    const notices = await editNotices(host.files, edits);
    expect(notices.map(({ level }) => level)).toEqual(Array(8).fill("warn"));
    expect(notices.slice(1, 3).map(({ message }) => message)).toEqual(["- Nice=5", "+ Restart=always"]);
    expect(notices.map(({ attributes }) => attributes).filter((attributes) => attributes !== undefined)).toEqual([
      { path: teleport.unitFile, kept: `${teleport.unitFile}.edited-20300203T040506Z` },
      { command: "systemctl edit teleport.service" },
      { path: teleportDropIn, kept: `${teleportDropIn}.edited-20300203T040506Z` },
      { command: "systemctl edit teleport.service" },
    ]);
  });

  test("one that reads the same afterwards is no loss: its copy goes, and nothing is said", async () => {
    using host = keptHost();
    host.write(teleport.unitFile, `${MARKER}[Service]\nNice=5\n`);
    const edits = findEditedUnits(host.files, namespace, SEARCH);
    applyChanges(host.files, planKeptCopies(edits));
    host.write(teleport.unitFile, "# teleport-update 18.2.0\n[Service]\nNice=5\n");
    applyChanges(host.files, planNeedlessCopies(host.files, edits));
    expect(Object.keys(host.snapshot()).filter((path) => path.includes(".edited-"))).toEqual([]);
    expect(await editNotices(host.files, edits)).toEqual([]);
  });
});
