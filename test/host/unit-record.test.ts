import { describe, expect, test } from "bun:test";
import { digestsOf, ownUnits, planUnitRecord, readUnitRecord } from "../../src/host/unit-record.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { applyChanges } from "../support/apply-changes.ts";
import { must } from "../support/must.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");
const REVISION = revision("18.1.0", ["Enterprise"]);
const UNKNOWN_LINE = "sometime: a newer release of ours wrote this";

function hostWithUnits(): TemporaryHost {
  const host = temporaryHost();
  for (const path of ownUnits(namespace, true)) host.write(path, `# teleport-update 18.1.0_ent\n# ${path}\n`);
  return host;
}

const record = (host: TemporaryHost, manageTbot = true) =>
  applyChanges(host.files, planUnitRecord(host.files, namespace, REVISION, manageTbot));

describe("the record of units", () => {
  test("holds the digest of every unit, and of the bot's when that is ours", () => {
    using host = hostWithUnits();
    record(host);
    const units = ownUnits(namespace, true);
    const found = digestsOf(units.map((path) => host.files.readText(path, 1000) ?? ""));
    const digests = units.map((path, at): [string, string] => [path, found[at] ?? ""]);
    expect(readUnitRecord(host.files, namespace)).toEqual({ revisionName: "18.1.0_ent", digests: new Map(digests) });
    record(host, false);
    expect(readUnitRecord(host.files, namespace)?.digests.has(namespace.tbot.unitFile)).toBeFalse();
  });

  test("is what `sha256sum` writes and checks", async () => {
    using host = temporaryHost();
    host.write(namespace.teleport.unitFile, "[Unit]\n");
    record(host);
    const [, line] = host.files.readText(namespace.unitRecord, 1000)?.split("\n") ?? [];
    const sum = await must(["sha256sum", `${host.root}${namespace.teleport.unitFile}`]);
    expect(sum.replace(host.root, "")).toBe(`${line}\n`);
  });

  test("leaves out what is not there, and is written only when it changes", () => {
    using host = temporaryHost();
    host.write(namespace.updaterTimer, "");
    host.link(namespace.updaterUnit, "/dev/null");
    record(host);
    expect([...(readUnitRecord(host.files, namespace)?.digests.keys() ?? [])]).toEqual([namespace.updaterTimer]);
    expect(planUnitRecord(host.files, namespace, REVISION, true)).toEqual([]);
  });

  test("keeps lines that say something else", () => {
    using host = hostWithUnits();
    const other = `${"0".repeat(64)}  /etc/systemd/system/later.service`;
    host.write(namespace.unitRecord, `# teleport-update units v1 18.0.0\n${other}\n${UNKNOWN_LINE}\n`);
    record(host);
    expect(host.files.readText(namespace.unitRecord, 10_000)?.split("\n").slice(-3)).toEqual([other, UNKNOWN_LINE, ""]);
    expect(planUnitRecord(host.files, namespace, REVISION, true)).toEqual([]);
  });

  test.each([
    ["none", undefined],
    ["an empty file", ""],
    ["another version", `# teleport-update units v2 18.1.0\n${"0".repeat(64)}  /a\n`],
    ["something else", "\u0000\u0001 garbage"],
  ])("tells nothing when it is %s, and is written anew", (_, text) => {
    using host = hostWithUnits();
    if (text !== undefined) host.write(namespace.unitRecord, text);
    expect(readUnitRecord(host.files, namespace)).toBeUndefined();
    record(host);
    expect(readUnitRecord(host.files, namespace)?.digests.size).toBe(ownUnits(namespace, true).length);
    expect(host.files.readText(namespace.unitRecord, 10_000)).not.toContain("/a\n");
  });
});
