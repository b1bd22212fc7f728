import { describe, expect, test } from "bun:test";
import { planUnlink, planUnlinkNamespace } from "../../src/host/unlink.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { applyChanges, undoChanges } from "../support/apply-changes.ts";
import { type TemporaryHost, temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");
const SOURCE = "/opt/teleport/default/versions/1.2.3_ent/bin";
const LINKS = "/usr/local/bin";
const UNIT = namespace.teleport.unitFile;
const BOT_UNIT = namespace.tbot.unitFile;
const OURS = "# teleport-update 1.2.3_ent\n# …\n";

/** A host with three linked programs and both units. */
function linkedHost(): TemporaryHost {
  const host = temporaryHost();
  for (const name of ["tbot", "teleport", "tsh"]) {
    host.write(`${SOURCE}/${name}`, name);
    host.link(`${LINKS}/${name}`, `${SOURCE}/${name}`);
  }
  host.write(UNIT, OURS);
  host.write(BOT_UNIT, OURS);
  return host;
}

const plan = (host: TemporaryHost) => planUnlink(host.files, { source: SOURCE, linkDirectory: LINKS, namespace });

/** What is left outside the version, by name. */
function unlink(host: TemporaryHost): string[] {
  applyChanges(host.files, plan(host).changes);
  return Object.keys(host.snapshot()).filter((path) => !path.startsWith(SOURCE));
}

describe("planUnlink", () => {
  test("[inst 8.6] unlink: normal", () => {
    using host = linkedHost();
    const before = host.snapshot();
    const { changes, keptUnits } = plan(host);
    applyChanges(host.files, changes);
    expect(Object.keys(host.snapshot())).toEqual(["tbot", "teleport", "tsh"].map((name) => `${SOURCE}/${name}`));
    expect(keptUnits).toEqual([]);
    undoChanges(host.files, changes);
    expect(host.snapshot()).toEqual(before);
  });

  test.each(["[Unit]\n", "# teleport-update 1.2.3\n", "# teleport-update 1.2.3_ent_fips\n", "# teleport-update\n", ""])(
    "[inst 8.6] unlink: a unit of somebody else or of another revision stays: %j",
    (content) => {
      using host = linkedHost();
      host.write(UNIT, content);
      expect(plan(host).keptUnits).toEqual([UNIT]);
      expect(unlink(host)).toEqual([UNIT]);
    },
  );

  test("[inst 8.6] unlink: a unit that is a link stays", () => {
    using host = linkedHost();
    host.write("/etc/theirs.service", OURS);
    host.link(UNIT, "/etc/theirs.service");
    expect(plan(host).keptUnits).toEqual([UNIT]);
  });

  test("[inst 8.6] unlink: a missing unit is fine", () => {
    using host = linkedHost();
    host.files.removeFile(UNIT);
    expect(plan(host).keptUnits).toEqual([]);
    expect(unlink(host)).toEqual([]);
  });

  test("[inst 8.6] unlink: without the teleport link its unit stays", () => {
    using host = linkedHost();
    host.files.removeFile(`${LINKS}/teleport`);
    expect(unlink(host)).toEqual([UNIT]);
  });

  test("[inst 8.6] unlink: without another link the units go all the same", () => {
    using host = linkedHost();
    host.files.removeFile(`${LINKS}/tsh`);
    expect(unlink(host)).toEqual([]);
  });

  test("[inst 8.6] unlink: a teleport link elsewhere stays with its unit", () => {
    using host = linkedHost();
    host.link(`${LINKS}/teleport`, "/opt/other/teleport");
    expect(unlink(host)).toEqual([UNIT, `${LINKS}/teleport`]);
  });

  test("[inst 8.6] unlink: another link elsewhere is all that stays", () => {
    using host = linkedHost();
    host.link(`${LINKS}/tsh`, "/opt/other/tsh");
    expect(unlink(host)).toEqual([`${LINKS}/tsh`]);
  });

  test("a regular file in place of a link stays", () => {
    using host = linkedHost();
    host.files.removeFile(`${LINKS}/tsh`);
    host.write(`${LINKS}/tsh`, "theirs");
    expect(unlink(host)).toEqual([`${LINKS}/tsh`]);
  });

  test("the package's unit has no marker, so it stays", () => {
    using host = temporaryHost();
    host.write("/opt/teleport/system/bin/teleport", "");
    host.link(`${LINKS}/teleport`, "/opt/teleport/system/bin/teleport");
    host.write(UNIT, "[Unit]\n");
    const request = { source: "/opt/teleport/system/bin", linkDirectory: LINKS, namespace };
    expect(planUnlink(host.files, request)).toMatchObject({ changes: [{ kind: "link" }], keptUnits: [UNIT] });
  });

  test("a missing source is an error", () => {
    using host = temporaryHost();
    expect(() => plan(host)).toThrow(expect.objectContaining({ code: "E_NO_PROGRAMS" }));
  });
});

describe("planUnlinkNamespace", () => {
  const unlinkAll = (host: TemporaryHost) => planUnlinkNamespace(host.files, namespace, LINKS);

  test("also takes links into other versions, into versions that are gone, and our own updater's, last", () => {
    using host = linkedHost();
    host.link(`${LINKS}/tctl`, `${namespace.versions}/1.2.2/bin/tctl`);
    host.link(`${LINKS}/teleport-update`, `${namespace.updaterCopies}/1.0.0/teleport-update`);
    host.files.removeTree(SOURCE);
    const { changes, keptUnits } = unlinkAll(host);
    expect(changes.at(-1)).toMatchObject({ kind: "link", path: `${LINKS}/teleport-update`, after: null });
    applyChanges(host.files, changes);
    expect({ left: host.snapshot(), keptUnits }).toEqual({ left: {}, keptUnits: [] });
  });

  test("a unit goes with the version that its program is linked into", () => {
    using host = linkedHost();
    host.write(UNIT, "# teleport-update 1.2.2\n");
    expect(unlinkAll(host).keptUnits).toEqual([UNIT]);
    host.link(`${LINKS}/teleport`, `${namespace.versions}/1.2.2/bin/teleport`);
    expect(unlinkAll(host).keptUnits).toEqual([]);
  });

  test.each([
    ["a program of the package", "tsh", "/opt/teleport/system/bin/tsh"],
    ["a program of another namespace", "tsh", "/opt/teleport/blue/versions/1.2.3_ent/bin/tsh"],
    ["somebody's own updater", "teleport-update", "/opt/teleport/default/updater-of-mine/teleport-update"],
    ["another name for a program of ours", "tsh18", `${SOURCE}/tsh`],
    ["a text of ours", "VERSION", "/opt/teleport/default/versions/1.2.3_ent/share/VERSION"],
  ])("a link to %s stays", (_, name, target) => {
    using host = temporaryHost();
    host.link(`${LINKS}/${name}`, target);
    expect(unlinkAll(host)).toEqual({ changes: [], keptUnits: [] });
  });

  test("a link directory that is not there has no links", () => {
    using host = temporaryHost();
    expect(unlinkAll(host)).toEqual({ changes: [], keptUnits: [] });
  });
});
