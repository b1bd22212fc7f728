import { describe, expect, test } from "bun:test";
import { planTryLinks } from "../../src/host/try-links.ts";
import { applyChanges } from "../support/apply-changes.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const SOURCE = "/opt/teleport/system/bin";
const LINKS = "/usr/local/bin";
const request = { source: SOURCE, names: ["teleport", "tbot"], linkDirectory: LINKS };

describe("planTryLinks", () => {
  test("[inst 8.6] try-link: fresh", () => {
    using host = temporaryHost();
    applyChanges(host.files, planTryLinks(host.files, request));
    expect(host.snapshot()).toEqual({
      [`${LINKS}/tbot`]: `-> ${SOURCE}/tbot`,
      [`${LINKS}/teleport`]: `-> ${SOURCE}/teleport`,
    });
    expect(planTryLinks(host.files, request)).toEqual([]);
  });

  test.each(["non-executable", "empty bin", "no bin"])("[inst 8.6] try-link: %s, so nothing proved fit", () => {
    using host = temporaryHost();
    expect(() => planTryLinks(host.files, { ...request, names: [] })).toThrow(
      expect.objectContaining({ code: "E_NO_PROGRAMS" }),
    );
  });

  test("[inst 8.6] try-link: an existing other link is refused, right ones are not", () => {
    using host = temporaryHost();
    host.link(`${LINKS}/tbot`, `${SOURCE}/tbot`);
    host.link(`${LINKS}/teleport`, "/opt/teleport/default/versions/1.2.3/bin/teleport");
    expect(() => planTryLinks(host.files, request)).toThrow(
      expect.objectContaining({
        code: "E_STILL_LINKED",
        message: expect.stringContaining(`${LINKS}/teleport`),
        hint: expect.stringContaining(`\`rm ${host.root}${LINKS}/teleport\``),
      }),
    );
  });

  test("[inst 8.6] try-link: a regular file is refused", () => {
    using host = temporaryHost();
    host.write(`${LINKS}/teleport`, "theirs");
    expect(() => planTryLinks(host.files, request)).toThrow(expect.objectContaining({ code: "E_FILE_PRESENT" }));
  });
});
