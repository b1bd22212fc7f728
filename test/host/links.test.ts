import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type LinkRequest, planLinks } from "../../src/host/links.ts";
import { applyChanges, undoChanges } from "../support/apply-changes.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const SOURCE = "/opt/teleport/default/versions/1.2.3/bin";
const LINKS = "/usr/local/bin";
const COPY = "/opt/teleport/default/updater/1.0.0/teleport-update";

const request = (changed: Partial<LinkRequest> = {}): LinkRequest => ({
  source: SOURCE,
  names: ["tbot", "teleport", "teleport-update"],
  linkDirectory: LINKS,
  overwrite: false,
  updaterTarget: undefined,
  asideSuffix: "run1",
  ...changed,
});

describe("planLinks", () => {
  test("[inst 8.6] link: fresh", () => {
    using host = temporaryHost();
    const changes = planLinks(host.files, request());
    applyChanges(host.files, changes);
    expect(host.snapshot()).toEqual({
      [`${LINKS}/tbot`]: `-> ${SOURCE}/tbot`,
      [`${LINKS}/teleport`]: `-> ${SOURCE}/teleport`,
      [`${LINKS}/teleport-update`]: `-> ${SOURCE}/teleport-update`,
    });
    expect(planLinks(host.files, request())).toEqual([]);
    undoChanges(host.files, changes);
    expect(host.files.list("/")).toEqual([]);
  });

  test("[inst 8.6] link: other links are replaced, and revert restores them", () => {
    using host = temporaryHost();
    host.link(`${LINKS}/teleport`, "/opt/other/teleport");
    host.link(`${LINKS}/tbot`, "../dangling");
    const before = host.snapshot();
    const changes = planLinks(host.files, request());
    applyChanges(host.files, changes);
    expect(host.snapshot()[`${LINKS}/teleport`]).toBe(`-> ${SOURCE}/teleport`);
    undoChanges(host.files, changes);
    expect(host.snapshot()).toEqual(before);
  });

  test.each([
    ["files not executable", []],
    ["bin dir without files", []],
    ["no bin dir", []],
  ])("[inst 8.6] link: %s, so nothing proved fit", (_, names) => {
    using host = temporaryHost();
    const updaterTarget = COPY;
    expect(() => planLinks(host.files, request({ names, updaterTarget }))).toThrow(
      expect.objectContaining({ code: "E_NO_PROGRAMS", message: expect.stringContaining(SOURCE) }),
    );
  });

  test("[inst 8.6] link: regular files in the way are all named, and nothing is planned", () => {
    using host = temporaryHost();
    host.write(`${LINKS}/teleport`, "theirs");
    host.write(`${LINKS}/tbot`, "theirs");
    expect(() => planLinks(host.files, request())).toThrow(
      expect.objectContaining({
        code: "E_FILE_PRESENT",
        message: expect.stringMatching(/`\/usr\/local\/bin\/tbot`, `\/usr\/local\/bin\/teleport`/),
        hint: expect.stringContaining("--overwrite"),
      }),
    );
  });

  test("[inst 8.6] link: with force a regular file is moved aside, and comes back on revert", () => {
    using host = temporaryHost();
    host.write(`${LINKS}/teleport`, "theirs", 0o755);
    const before = host.snapshot();
    const changes = planLinks(host.files, request({ overwrite: true }));
    applyChanges(host.files, changes);
    expect(host.snapshot()).toMatchObject({
      [`${LINKS}/teleport`]: `-> ${SOURCE}/teleport`,
      [`${LINKS}/.teleport.replaced-run1`]: "theirs",
    });
    undoChanges(host.files, changes);
    expect(host.snapshot()).toEqual(before);
  });

  test.each([true, false])("a directory in the way is an error (overwrite %p)", (overwrite) => {
    using host = temporaryHost();
    host.files.makeDirectory(`${LINKS}/teleport`);
    expect(() => planLinks(host.files, request({ overwrite }))).toThrow(
      expect.objectContaining({ code: "E_FILE_PRESENT", message: expect.stringContaining("is a directory") }),
    );
  });

  test("a link that is right but not written cleanly stays, a relative one is written again", () => {
    using host = temporaryHost();
    host.link(`${LINKS}/teleport`, "/opt/teleport//default/./versions/1.2.3/bin/teleport");
    host.link(`${LINKS}/tbot`, `../../..${SOURCE}/tbot`);
    const paths = planLinks(host.files, request({ names: ["tbot", "teleport"] })).map(
      (change) => "path" in change && change.path,
    );
    expect(paths).toEqual([`${LINKS}/tbot`]);
  });

  test("our own updater is linked instead of the release's, and also for a release without one", () => {
    using host = temporaryHost();
    for (const names of [["teleport", "teleport-update"], ["teleport"]]) {
      const changes = planLinks(host.files, request({ names, updaterTarget: COPY }));
      expect(changes.at(-1)).toEqual({ kind: "link", path: `${LINKS}/teleport-update`, before: null, after: COPY });
      expect(changes.filter(({ kind }) => kind === "link")).toHaveLength(2);
    }
  });

  test("whatever the names, the updater is linked last and every program once", () => {
    using host = temporaryHost();
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,12}$/);
    const anyNames = fc.uniqueArray(fc.oneof(name, fc.constant("teleport-update")), { minLength: 1 });
    fc.assert(
      fc.property(anyNames, fc.boolean(), (names, isOurs) => {
        const updaterTarget = isOurs ? COPY : undefined;
        const links = planLinks(host.files, request({ names, updaterTarget })).flatMap((change) =>
          change.kind === "link" ? [change.path] : [],
        );
        const expected = new Set([...names, ...(isOurs ? ["teleport-update"] : [])]);
        expect(new Set(links)).toEqual(new Set([...expected].map((one) => `${LINKS}/${one}`)));
        expect(links).toHaveLength(expected.size);
        if (expected.has("teleport-update")) expect(links.at(-1)).toBe(`${LINKS}/teleport-update`);
      }),
      { numRuns: 50 },
    );
  });
});
