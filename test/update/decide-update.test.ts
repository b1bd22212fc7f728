import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { FindAnswer } from "../../src/cluster/find-answer.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { NO_REVISION, REVISION_FLAGS, type Revision, revision, sameRevision } from "../../src/settings/revision.ts";
import { emptyConfig } from "../../src/settings/update-config.ts";
import type { HeldBack } from "../../src/update/decide-limits.ts";
import {
  decideUpdate,
  decisionAttributes,
  type UpdateDecision,
  type UpdateInputs,
  type UpdateRule,
} from "../../src/update/decide-update.ts";

interface Facts {
  pinned?: boolean;
  inWindow?: boolean;
  isNow?: boolean;
  target?: Revision;
  active?: Revision;
  skip?: Revision | undefined;
  jitterSeconds?: number;
  limit?: HeldBack | undefined;
}

const LIMIT: HeldBack = { rule: "max-version", reason: "18.1.0 is above", hint: "" };
const OLD = revision("18.0.0");
const NEW = revision("18.1.0");
const NEW_ENTERPRISE = revision("18.1.0", ["Enterprise"]);

function inputs({ pinned = false, inWindow = false, isNow = false, ...facts }: Facts): UpdateInputs {
  const { target = NEW, active = OLD, skip, jitterSeconds = 60, limit } = facts;
  const { spec, ...empty } = emptyConfig();
  const answer: FindAnswer = { target, flags: target.flags, inWindow, jitterSeconds, agpl: false, digests: new Map() };
  return {
    config: { ...empty, spec: { ...spec, enabled: true, pinned }, status: { idFile: "", active, skip } },
    answer,
    isNow,
    limit,
  };
}

const decide = (facts: Facts) => decideUpdate(inputs(facts));
const OPEN = { inWindow: true };

test.each<[string, Facts, UpdateRule, UpdateDecision["action"], UpdateDecision["level"]]>([
  ["1", { pinned: true, active: NEW }, "pinned-up-to-date", "stay", "info"],
  ["1, in the window", { ...OPEN, pinned: true, active: NEW }, "pinned-up-to-date", "stay", "info"],
  ["2", { pinned: true }, "pinned", "stay", "info"],
  ["2 [core 7.4 pinned], in the window", { ...OPEN, pinned: true }, "pinned", "stay", "info"],
  ["2, with --now", { isNow: true, pinned: true }, "pinned", "stay", "info"],
  ["2, without a target", { pinned: true, target: NO_REVISION }, "pinned", "stay", "info"],
  ["3", { target: NO_REVISION }, "no-target-waiting", "stay", "warn"],
  ["4 [core 7.4 already installed outside window]", { active: NEW }, "up-to-date-outside-window", "stay", "info"],
  ["5", { skip: NEW }, "broken-outside-window", "stay", "info"],
  ["6 [core 7.4 enabled outside window]", {}, "available-outside-window", "stay", "info"],
  ["7", { ...OPEN, target: NO_REVISION }, "no-target", "fail", "error"],
  ["7, with --now", { isNow: true, target: NO_REVISION }, "no-target", "fail", "error"],
  ["8 [core 7.4 already installed in window]", { ...OPEN, active: NEW }, "up-to-date", "stay", "info"],
  ["8, active and marked broken", { ...OPEN, active: NEW, skip: NEW }, "up-to-date", "stay", "info"],
  ["9 [core 7.4 skip version]", { ...OPEN, skip: NEW }, "broken", "stay", "info"],
  ["9, with --now", { isNow: true, skip: NEW }, "broken", "stay", "info"],
  ["9, in another edition", { ...OPEN, skip: NEW_ENTERPRISE }, "broken", "stay", "info"],
  ["our own, before 10", { ...OPEN, limit: LIMIT }, "held-back", "stay", "warn"],
  ["our own, with --now", { isNow: true, limit: LIMIT }, "held-back", "stay", "warn"],
  ["9, and held back", { ...OPEN, skip: NEW, limit: LIMIT }, "broken", "stay", "info"],
  ["10", OPEN, "move", "move", "info"],
  ["10, with --now", { isNow: true }, "move", "move", "info"],
  ["10, to an older version", { ...OPEN, active: revision("19.0.0") }, "move", "move", "info"],
  ["10, to another edition", { ...OPEN, active: NEW_ENTERPRISE }, "move", "move", "info"],
  ["10, with another version marked broken", { ...OPEN, skip: OLD }, "move", "move", "info"],
  ["10, on a host without a version", { ...OPEN, active: NO_REVISION }, "move", "move", "info"],
  ["10, outside the window, on a host without a version", { active: NO_REVISION }, "move", "move", "info"],
  ["3, on a host without a version", { active: NO_REVISION, target: NO_REVISION }, "no-target-waiting", "stay", "warn"],
  ["2, on a host without a version", { active: NO_REVISION, pinned: true }, "pinned", "stay", "info"],
])("row %s", (_, facts, rule, action, level) => {
  expect(decide(facts)).toMatchObject({ rule, action, level, target: facts.target ?? NEW });
});

test.each([
  [{ inWindow: true }, 60],
  [{ inWindow: true, isNow: true }, 0],
  [{ isNow: true }, 0],
  [{ inWindow: true, active: NO_REVISION }, 0],
])("the jitter of %j is %d seconds", (facts, seconds) => expect(decide(facts).jitterSeconds).toBe(seconds));

test("the log gets both versions with their editions, and leaves out what there is not", () => {
  const moving = inputs({ target: NEW_ENTERPRISE });
  expect(decisionAttributes(decideUpdate(moving), moving.config, namespaceFor(""))).toEqual({
    target_version: "18.1.0+Enterprise",
    active_version: "18.0.0",
  });
  const nothing = inputs({ target: NO_REVISION, active: NO_REVISION });
  expect(decisionAttributes(decideUpdate(nothing), nothing.config, namespaceFor(""))).toEqual({
    target_version: undefined,
    active_version: undefined,
  });
  const pinned = inputs({ pinned: true });
  expect(decisionAttributes(decideUpdate(pinned), pinned.config, namespaceFor("blue"))).toMatchObject({
    command: "teleport-update unpin -i blue",
  });
});

describe("for whatever inputs", () => {
  const someRevision = fc
    .tuple(fc.constantFrom("", "17.9.9", "18.0.0", "18.1.0"), fc.subarray([...REVISION_FLAGS]))
    .map(([version, flags]) => revision(version, flags));
  const facts = fc.record({
    pinned: fc.boolean(),
    inWindow: fc.boolean(),
    isNow: fc.boolean(),
    target: someRevision,
    active: someRevision,
    skip: fc.option(someRevision, { nil: undefined }),
    limit: fc.constantFrom(undefined, LIMIT),
  });
  type All = Omit<Required<Facts>, "limit"> & { limit: HeldBack | undefined };

  /** Each row of the contract's table by its own cells alone, whatever the rows above it say. */
  const isOpen = (all: All) => all.inWindow || all.isNow || (all.active.version === "" && !isMissing(all));
  const isActive = ({ target, active }: All) => sameRevision(target, active);
  const isMissing = ({ target }: All) => target.version === "";
  const isBroken = ({ target, skip }: All) => target.version !== "" && skip?.version === target.version;
  const TABLE: [UpdateRule, (facts: All) => boolean][] = [
    ["pinned-up-to-date", (all) => all.pinned && isActive(all)],
    ["pinned", (all) => all.pinned],
    ["no-target-waiting", (all) => !isOpen(all) && isMissing(all)],
    ["up-to-date-outside-window", (all) => !isOpen(all) && isActive(all)],
    ["broken-outside-window", (all) => !isOpen(all) && isBroken(all)],
    ["available-outside-window", (all) => !isOpen(all)],
    ["no-target", isMissing],
    ["up-to-date", isActive],
    ["broken", isBroken],
    ["held-back", ({ limit }) => limit !== undefined],
    ["move", () => true],
  ];

  test("the first row that fits decides", () => {
    fc.assert(
      fc.property(facts, (given) => {
        const all = { jitterSeconds: 60, ...given };
        expect(decide(given).rule).toBe(TABLE.find(([, fits]) => fits(all))?.[0] ?? expect.unreachable());
      }),
      { numRuns: 2000 },
    );
  });

  test("every row is reached", () => {
    const rules = new Set(fc.sample(facts, { numRuns: 5000, seed: 1 }).map((given) => decide(given).rule));
    expect([...rules].sort()).toEqual(TABLE.map(([rule]) => rule).sort());
  });

  test("a host moves only when it is not pinned, its window is open or it has nothing yet, and there is something else to run", () => {
    fc.assert(
      fc.property(facts, (given) => {
        if (decide(given).action !== "move") return;
        expect(given.pinned).toBeFalse();
        expect(given.inWindow || given.isNow || given.active.version === "").toBeTrue();
        expect(given.target.version).not.toBe("");
        expect(sameRevision(given.target, given.active)).toBeFalse();
        expect(given.skip?.version).not.toBe(given.target.version);
      }),
      { numRuns: 2000 },
    );
  });
});
