import { describe, expect, test } from "bun:test";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { NO_REVISION, revision } from "../../src/settings/revision.ts";
import { emptyConfig } from "../../src/settings/update-config.ts";
import { decideUninstall, type UninstallInputs } from "../../src/update/decide-uninstall.ts";

interface Row {
  path?: string;
  suffix?: string;
  active?: string;
  isLinked?: boolean;
  hasPackage?: boolean;
  isServing?: boolean;
  force?: boolean;
}

function inputs(row: Row): UninstallInputs {
  const { path = "/usr/local/bin", suffix = "", active = "18.0.0", isLinked = active !== "" } = row;
  const { hasPackage = false, isServing = false, force = false } = row;
  const { spec, status, ...rest } = emptyConfig();
  return {
    namespace: namespaceFor(suffix),
    config: {
      ...rest,
      spec: { ...spec, path },
      status: { ...status, active: active === "" ? NO_REVISION : revision(active) },
    },
    isLinked,
    hasPackage,
    isServing,
    force,
  };
}

/** What is done, or the code of what is refused. */
function outcome(row: Row): string {
  const decision = decideUninstall(inputs(row));
  return decision.action === "refuse" ? decision.code : decision.action;
}

describe("what kind of uninstall it is (updater-core §4.7)", () => {
  test.each<[string, Row, string]>([
    ["nothing installed", { active: "" }, "tear-down"],
    [
      "nothing installed, and a package whose agent runs",
      { active: "", hasPackage: true, isServing: true },
      "tear-down",
    ],
    ["the settings are lost, but links are there", { active: "", isLinked: true, path: "" }, "E_NEEDS_FORCE"],
    ["the same, forced", { active: "", isLinked: true, path: "", force: true }, "remove"],
    [
      "the same, forced, and the agent runs",
      { active: "", isLinked: true, isServing: true, force: true },
      "E_STILL_RUNNING",
    ],
    ["a package", { hasPackage: true }, "give-back"],
    ["a package, and the agent runs", { hasPackage: true, isServing: true }, "give-back"],
    ["a package, forced all the same", { hasPackage: true, force: true }, "give-back"],
    ["the package's path in other words", { hasPackage: true, path: "/usr/local/./bin/" }, "give-back"],
    ["a package, and a suffix that links where it does", { hasPackage: true, suffix: "blue" }, "give-back"],
    ["no package", {}, "E_NEEDS_FORCE"],
    ["no package, and the agent runs", { isServing: true }, "E_NEEDS_FORCE"],
    ["no package, forced", { force: true }, "remove"],
    ["no package, forced, and the agent runs", { force: true, isServing: true }, "E_STILL_RUNNING"],
    ["a custom path", { path: "/srv/bin" }, "E_NEEDS_FORCE"],
    ["a custom path, and a package", { path: "/srv/bin", hasPackage: true }, "E_NEEDS_FORCE"],
    ["a custom path, forced", { path: "/srv/bin", hasPackage: true, force: true }, "remove"],
    [
      "a custom path, forced, and the agent runs",
      { path: "/srv/bin", force: true, isServing: true },
      "E_STILL_RUNNING",
    ],
    ["a path below the package's", { path: "/usr/local/bin/x", hasPackage: true }, "E_NEEDS_FORCE"],
    ["a path that is not absolute", { path: "usr/local/bin", hasPackage: true }, "E_NEEDS_FORCE"],
    ["no path", { path: "", hasPackage: true }, "E_NEEDS_FORCE"],
    ["no path, forced", { path: "", hasPackage: true, force: true }, "remove"],
    ["a suffix", { path: "/opt/teleport/blue/bin", suffix: "blue" }, "remove"],
    ["a suffix, and a package", { path: "/opt/teleport/blue/bin", suffix: "blue", hasPackage: true }, "remove"],
    [
      "a suffix, and its agent runs",
      { path: "/opt/teleport/blue/bin", suffix: "blue", isServing: true },
      "E_STILL_RUNNING",
    ],
    ["a suffix that links where a package would", { suffix: "blue" }, "E_NEEDS_FORCE"],
  ])("%s", (_, row, expected) => {
    expect(outcome(row)).toBe(expected);
  });

  test("only a removal that leaves no Teleport behind is a warning", () => {
    const level = (row: Row) => {
      const decision = decideUninstall(inputs(row));
      return decision.action === "refuse" ? undefined : decision.level;
    };
    expect(level({ force: true })).toBe("warn");
    expect(level({ path: "/srv/bin", force: true })).toBe("warn");
    expect(level({ path: "/opt/teleport/blue/bin", suffix: "blue" })).toBe("info");
    expect(level({ hasPackage: true })).toBe("info");
  });

  test("a refusal says why, and names the services to stop", () => {
    expect(decideUninstall(inputs({ path: "/srv/bin" }))).toMatchObject({
      reason: expect.stringContaining("it is linked into `/srv/bin`"),
    });
    expect(decideUninstall(inputs({ path: "" }))).toMatchObject({ reason: expect.stringContaining("no path is set") });
    expect(decideUninstall(inputs({ suffix: "blue", path: "/srv/bin", isServing: true }))).toMatchObject({
      hint: expect.stringContaining("`systemctl disable --now teleport_blue.service tbot_blue.service`"),
    });
  });
});
