import { describe, expect, test } from "bun:test";
import type { Change } from "../../src/platform/change.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { NO_REVISION, revision } from "../../src/settings/revision.ts";
import { emptyConfig, type UpdateConfig } from "../../src/settings/update-config.ts";
import { formatUpdateConfig } from "../../src/settings/update-config-write.ts";
import { readJournal } from "../../src/update/read-journal.ts";
import { recover } from "../../src/update/recover.ts";
import { Transaction } from "../../src/update/transaction.ts";
import { resumeUndo } from "../../src/update/undo-notes.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";
import { type KeptLog, testWorld } from "../support/test-world.ts";

const NAMESPACE = namespaceFor("");
const [OLD, NEW] = [`${NAMESPACE.versions}/18.0.0`, `${NAMESPACE.versions}/18.1.0`];
const STAGED = `${NAMESPACE.directory}/.staging-1/release`;
const TSH = "/usr/local/bin/tsh";
const UPDATER = "/usr/local/bin/teleport-update";
const COPIES = `${NAMESPACE.updaterCopies}/1.0.0-abc`;

const INSTALL: Change = { kind: "move", from: STAGED, to: NEW };
const LINK: Change = { kind: "link", path: TSH, before: `${OLD}/bin/tsh`, after: `${NEW}/bin/tsh` };

/** A host at 18.0.0 with our updater, and 18.1.0 staged. */
function updatingHost(): TemporaryHost {
  const host = temporaryHost();
  for (const folder of [OLD, STAGED]) {
    host.write(`${folder}/bin/tsh`, "tsh", 0o755);
    host.write(`${folder}/bin/teleport-update`, "updater", 0o755);
  }
  host.write(`${COPIES}/teleport-update`, "ours", 0o755);
  host.link(TSH, `${OLD}/bin/tsh`);
  host.link(UPDATER, `${COPIES}/teleport-update`);
  host.write(NAMESPACE.config, configText("18.0.0"));
  return host;
}

function configText(active: string, spec: Partial<UpdateConfig["spec"]> = {}): string {
  const config = emptyConfig();
  const version = active === "" ? NO_REVISION : revision(active);
  return formatUpdateConfig({
    ...config,
    spec: { ...config.spec, ...spec },
    status: { ...config.status, active: version },
  });
}

async function begin(host: TemporaryHost, changes: readonly Change[]): Promise<void> {
  await new Transaction(testWorld(host.root), { namespace: NAMESPACE, descriptor: 0 }).apply(changes);
}

async function recovered(host: TemporaryHost): Promise<KeptLog> {
  const world = testWorld(host.root);
  await recover(world, NAMESPACE);
  expect(readJournal(host.files, NAMESPACE)).toBeUndefined();
  return world.log;
}

const MOVED_ON = "another updater has moved on since: nothing is undone.";
const isThere = (host: TemporaryHost, path: string) => host.files.statFollowed(path) !== undefined;

test("a link that was cut off before it got to its place shows nothing: the run is undone, and the link goes", async () => {
  using host = updatingHost();
  await begin(host, [INSTALL, LINK]);
  host.link(TSH, `${OLD}/bin/tsh`);
  const temporary = "/usr/local/bin/.tsh.teleport-update";
  host.link(temporary, `${NEW}/bin/tsh`);
  const { lines } = await recovered(host);
  expect(lines.at(-1)).toContain("The host is back as it was before the interrupted run.");
  expect([NEW, temporary].map((path) => host.files.stat(path))).toEqual([undefined, undefined]);
});

describe("what an interrupted run installed stays", () => {
  test("where a link leads into it that the run did not come to", async () => {
    using host = updatingHost();
    await begin(host, [INSTALL]);
    host.link(TSH, `${NEW}/bin/tsh`);
    const { lines } = await recovered(host);
    expect(isThere(host, TSH)).toBeTrue();
    expect(lines[0]).toContain(MOVED_ON);
    expect(lines[0]).toContain(`path:${TSH} reason:it leads into ${NEW}, which that run installed`);
  });

  test("where a link leads into it that the run left alone, and so do the others", async () => {
    using host = updatingHost();
    await begin(host, [INSTALL, LINK]);
    host.link(UPDATER, `${NEW}/bin/teleport-update`);
    await recovered(host);
    expect([TSH, UPDATER].map((path) => host.files.readLink(path))).toEqual([
      `${NEW}/bin/tsh`,
      `${NEW}/bin/teleport-update`,
    ]);
    expect(isThere(host, UPDATER)).toBeTrue();
  });

  test("where a link was put back into the old one, and leads into it again", async () => {
    using host = updatingHost();
    await begin(host, [INSTALL, LINK]);
    const run = readJournal(host.files, NAMESPACE);
    if (run === undefined) throw new Error("The journal tells of no run.");
    resumeUndo(host.files, NAMESPACE, run).note(1);
    await recovered(host);
    expect(isThere(host, TSH)).toBeTrue();
    expect(host.files.readLink(TSH)).toBe(`${NEW}/bin/tsh`);
  });

  test("where the link lies in the folder that `update.yaml` names now", async () => {
    using host = updatingHost();
    await begin(host, [INSTALL]);
    host.write(NAMESPACE.config, configText("18.0.0", { path: "/srv/bin" }));
    host.link("/srv/bin/tsh", `${NEW}/bin/tsh`);
    await recovered(host);
    expect(isThere(host, "/srv/bin/tsh")).toBeTrue();
  });
});

describe("`update.yaml` that somebody has written since", () => {
  const rewrite = (before: string, after: string): Change => ({
    kind: "file",
    path: NAMESPACE.config,
    before: { content: before, mode: 0o644 },
    after: { content: after, mode: 0o644 },
  });
  const START = rewrite(configText("18.0.0"), configText("18.0.0", { group: "blue" }));

  test("keeps the version that it names as active", async () => {
    using host = updatingHost();
    await begin(host, [START, INSTALL, LINK]);
    host.write(NAMESPACE.config, configText("18.1.0"));
    const { lines } = await recovered(host);
    expect(host.files.readLink(TSH)).toBe(`${NEW}/bin/tsh`);
    expect(isThere(host, TSH)).toBeTrue();
    expect(lines[0]).toContain(`path:${NAMESPACE.config} reason:it was written since, and names ${NEW} as active`);
  });

  test("keeps the links into the version that it names as active, also where that lay there before", async () => {
    using host = updatingHost();
    host.files.rename(STAGED, NEW);
    await begin(host, [LINK]);
    host.write(NAMESPACE.config, configText("18.1.0"));
    await recovered(host);
    expect(host.files.readLink(TSH)).toBe(`${NEW}/bin/tsh`);
  });

  test.each([
    ["names the old version", configText("18.0.0", { enabled: true })],
    ["names no version", configText("")],
    ["cannot be read", "status: ["],
  ])("stays as it is when it %s, and the rest is undone", async (_, text) => {
    using host = updatingHost();
    await begin(host, [START, INSTALL, LINK]);
    host.write(NAMESPACE.config, text);
    await recovered(host);
    expect(host.files.readLink(TSH)).toBe(`${OLD}/bin/tsh`);
    expect(isThere(host, NEW)).toBeFalse();
    expect(host.files.readText(NAMESPACE.config, 1 << 16)).toBe(text);
  });

  test("is none where the run itself wrote it", async () => {
    using host = updatingHost();
    await begin(host, [START, INSTALL, LINK, rewrite(configText("18.0.0", { group: "blue" }), configText("18.1.0"))]);
    await recovered(host);
    expect(host.files.readText(NAMESPACE.config, 1 << 16)).toBe(configText("18.0.0"));
    expect(isThere(host, NEW)).toBeFalse();
  });

  test("is none where the run repaired the active version", async () => {
    using host = updatingHost();
    host.files.removeFile(TSH);
    await begin(host, [{ ...LINK, before: null, after: `${OLD}/bin/tsh` } as Change]);
    await recovered(host);
    expect(host.files.readLink(TSH)).toBeUndefined();
  });
});

test("the link to our own updater is no sign of another when its copy was replaced", async () => {
  using host = updatingHost();
  const aside = `${NAMESPACE.directory}/.staging-2/replaced`;
  const staged = `${NAMESPACE.directory}/.staging-2/copy`;
  host.write(`${staged}/teleport-update`, "new copy", 0o755);
  await begin(host, [
    { kind: "move", from: COPIES, to: aside },
    { kind: "move", from: staged, to: COPIES },
  ]);
  await recovered(host);
  expect(host.files.readText(`${COPIES}/teleport-update`, 100)).toBe("ours");
});

test("what had to make way comes back under a link, though another updater has moved on", async () => {
  using host = updatingHost();
  const aside = `${NAMESPACE.directory}/.staging-2/replaced`;
  host.files.makeDirectory(`${NAMESPACE.directory}/.staging-2`);
  await begin(host, [INSTALL, { kind: "move", from: COPIES, to: aside }]);
  host.link(TSH, `${NEW}/bin/tsh`);
  const { lines } = await recovered(host);
  expect(isThere(host, UPDATER)).toBeTrue();
  expect(isThere(host, TSH)).toBeTrue();
  expect(lines.join("\n")).toContain(`What that run had moved aside is linked, and comes back. path:${COPIES}`);
});

test("a link does not go back into a version that is gone by now", async () => {
  using host = updatingHost();
  host.link("/usr/local/bin/tctl", `${OLD}/bin/tctl`);
  await begin(host, [
    { kind: "file", path: "/usr/local/bin/note", before: null, after: { content: "new", mode: 0o644 } },
    INSTALL,
    LINK,
    // Led into nothing before, and does so now: as it was.
    { kind: "link", path: "/usr/local/bin/tctl", before: `${OLD}/bin/tctl`, after: `${NEW}/bin/tctl` },
  ]);
  host.files.removeTree(OLD);
  const { lines } = await recovered(host);
  expect(isThere(host, TSH)).toBeTrue();
  expect(host.files.readLink("/usr/local/bin/tctl")).toBe(`${OLD}/bin/tctl`);
  expect(isThere(host, "/usr/local/bin/note")).toBeFalse();
  expect(lines.join("\n")).toContain(
    `What a link led into is gone, so it stays as the interrupted run left it. path:${TSH} gone:${OLD}/bin/tsh`,
  );
});

test("a roll back leaves what a link of somebody else leads into", async () => {
  using host = updatingHost();
  const world = testWorld(host.root);
  const transaction = new Transaction(world, { namespace: NAMESPACE, descriptor: 0 });
  await transaction.apply([INSTALL, LINK]);
  host.link("/usr/local/bin/by-hand", `${NEW}/bin/tsh`);
  expect(await transaction.rollBack()).toBe("whole");
  expect(host.files.readLink(TSH)).toBe(`${OLD}/bin/tsh`);
  expect(isThere(host, "/usr/local/bin/by-hand")).toBeTrue();
  expect(world.log.lines.join("\n")).toContain(
    `What was put into place stays there, as a link leads into it. path:${NEW} link:/usr/local/bin/by-hand`,
  );
});
