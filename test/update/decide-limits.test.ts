import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { UpdaterOptions } from "../../src/settings/options.ts";
import { revision } from "../../src/settings/revision.ts";
import { heldBack, type LimitInputs, type LimitRule, requireRoom } from "../../src/update/decide-limits.ts";

const NOW = new Date("2026-11-22T12:00:00Z");
const HOUR = 3_600_000;

function decide(options: UpdaterOptions, change: Partial<LimitInputs> & { from?: string; to?: string } = {}) {
  const { from = "18.1.0", to = "18.2.0", ...rest } = change;
  return heldBack({ options, target: revision(to), active: revision(from), now: NOW, published: undefined, ...rest });
}

describe("a minimum and a maximum", () => {
  test.each<[minVersion: string | undefined, maxVersion: string | undefined, hasRoom: boolean]>([
    ["18", "17", false],
    ["18.2", "18.1.9", false],
    ["18.2.0", "18.1", false],
    ["18.2.0", "18.2.0-rc.1", false],
    ["18", "18", true],
    ["18.2.0", "18", true],
    ["18", "18.0.0", true],
    ["18", "18.0.0-alpha.1", true],
    ["18", undefined, true],
    [undefined, "17", true],
  ])("%s to %s", (minVersion, maxVersion, hasRoom) => {
    const judge = () => requireRoom({ minVersion, maxVersion });
    if (hasRoom) expect(judge).not.toThrow();
    else expect(judge).toThrow(expect.objectContaining({ code: "E_USAGE" }));
  });

  test("leave no room exactly where they hold every version back", () => {
    const number = fc.integer({ min: 17, max: 19 });
    const bound = fc.oneof(
      number.map(String),
      fc.tuple(number, fc.constantFrom(0, 1)).map((parts) => parts.join(".")),
      fc.tuple(number, fc.constantFrom(0, 1), fc.constantFrom("0", "1", "1-rc.1")).map((parts) => parts.join(".")),
    );
    const all = [17, 18, 19].flatMap((major) =>
      [0, 1].flatMap((minor) => ["0-0", "0", "1-rc.1", "1"].map((patch) => `${major}.${minor}.${patch}`)),
    );
    fc.assert(
      fc.property(bound, bound, (minVersion, maxVersion) => {
        const options = { minVersion, maxVersion };
        const passes = all.some((to) => decide(options, { from: "", to }) === undefined);
        const judge = () => requireRoom(options);
        if (passes) expect(judge).not.toThrow();
        else expect(judge).toThrow();
      }),
    );
  });
});

describe("the limits of a host", () => {
  test.each<[string, UpdaterOptions, { from?: string; to?: string; published?: Date }, LimitRule | undefined]>([
    ["none", {}, {}, undefined],
    ["at the minimum", { minVersion: "18.2.0" }, {}, undefined],
    ["below the minimum", { minVersion: "18.2.1" }, {}, "min-version"],
    ["a candidate of the minimum", { minVersion: "18.2.0" }, { to: "18.2.0-rc.1" }, "min-version"],
    ["at the maximum", { maxVersion: "18.2.0" }, {}, undefined],
    ["above the maximum", { maxVersion: "18.1.9" }, {}, "max-version"],
    ["inside the series", { minVersion: "18", maxVersion: "18" }, { to: "18.99.0" }, undefined],
    ["above the series", { maxVersion: "18" }, { to: "19.0.0" }, "max-version"],
    ["a candidate above the series", { maxVersion: "18" }, { to: "19.0.0-rc.1" }, "max-version"],
    ["below the series", { minVersion: "18.2" }, { to: "18.1.99" }, "min-version"],
    ["up", { noDowngrade: true }, {}, undefined],
    ["down", { noDowngrade: true }, { from: "18.2.1" }, "no-downgrade"],
    ["down, and allowed", { noDowngrade: false }, { from: "18.2.1" }, undefined],
    ["the first version", { noDowngrade: true }, { from: "" }, undefined],
    ["old enough", { minAge: "72h" }, { published: new Date(NOW.getTime() - 72 * HOUR) }, undefined],
    ["too young", { minAge: "72h" }, { published: new Date(NOW.getTime() - 72 * HOUR + 1) }, "min-age"],
    ["of an unknown age", { minAge: "1m" }, {}, "min-age"],
    ["from the future", { minAge: "1m" }, { published: new Date(NOW.getTime() + HOUR) }, "min-age"],
    ["active already", { minVersion: "99", minAge: "1m" }, { from: "18.2.0" }, undefined],
    ["nothing wanted", { minVersion: "99" }, { to: "" }, undefined],
    ["several: the first is named", { minVersion: "99", minAge: "1m" }, {}, "min-version"],
  ])("%s", (_, options, change, rule) => {
    expect(decide(options, change)?.rule).toBe(rule);
  });

  test("a limit says what it is, and how it is lifted", () => {
    expect(decide({ maxVersion: "18.1" })).toEqual({
      rule: "max-version",
      reason: "18.2.0 is above the maximum of this host, 18.1",
      hint: "`teleport-update enable --max-version default` lifts this limit of the host, where it is kept",
    });
    expect(decide({ noDowngrade: true }, { from: "18.3.0" })?.hint).toContain("`teleport-update enable --downgrade`");
    expect(decide({ minAge: "2d" }, { published: NOW })?.reason).toContain("until 2026-11-24T12:00:00.000Z");
  });

  test("no two limits let through what one of them holds back", () => {
    const version = fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)).map((parts) => parts.join("."));
    const options = fc.record({ minVersion: version, maxVersion: version, noDowngrade: fc.boolean() });
    fc.assert(
      fc.property(options, version, version, (all, from, to) => {
        const each = [{ minVersion: all.minVersion }, { maxVersion: all.maxVersion }, { noDowngrade: all.noDowngrade }];
        const isHeld = each.some((one) => decide(one, { from, to }) !== undefined);
        expect(decide(all, { from, to }) !== undefined).toBe(isHeld);
      }),
    );
  });
});
