import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { FindAnswer } from "../../src/cluster/find-answer.ts";
import { isUpdateError } from "../../src/platform/errors.ts";
import {
  NO_REVISION,
  REVISION_FLAGS,
  type Revision,
  type RevisionFlag,
  revision,
} from "../../src/settings/revision.ts";
import { emptyConfig } from "../../src/settings/update-config.ts";
import { decideEnrollment, type EnrollInputs } from "../../src/update/decide-enrollment.ts";

interface Facts {
  active?: Revision;
  skip?: Revision;
  pinned?: boolean;
  enabled?: boolean;
  version?: string;
  flags?: readonly RevisionFlag[];
  inWindow?: boolean;
  forceVersion?: string;
  forceFlags?: readonly string[];
}

function inputs(facts: Facts): EnrollInputs {
  const { spec, ...empty } = emptyConfig();
  const { pinned = false, enabled = false, active = NO_REVISION, skip } = facts;
  const { version = "18.1.0", flags = [], inWindow = false } = facts;
  const answer: FindAnswer = {
    target: revision(version, flags),
    flags,
    inWindow,
    jitterSeconds: 0,
    agpl: false,
    digests: new Map(),
  };
  return {
    config: {
      ...empty,
      spec: { ...spec, pinned, enabled },
      status: { idFile: "", active, ...(skip && { skip }) },
    },
    answer,
    forceVersion: facts.forceVersion ?? "",
    forceFlags: facts.forceFlags ?? [],
  };
}

const decide = (facts: Facts) => decideEnrollment(inputs(facts));
const ENTERPRISE = revision("18.1.0", ["Enterprise"]);

describe("what enable and pin do", () => {
  test.each<[string, Facts, "install" | "repair", Revision]>([
    ["a fresh host gets the cluster's version", {}, "install", revision("18.1.0")],
    ["so does one with an older version", { active: revision("18.0.0") }, "install", revision("18.1.0")],
    ["and one with a newer version", { active: revision("19.0.0") }, "install", revision("18.1.0")],
    ["the same version is looked over", { active: revision("18.1.0") }, "repair", revision("18.1.0")],
    ["another edition of it is another release", { active: ENTERPRISE }, "install", revision("18.1.0")],
    ["the cluster's edition counts", { flags: ["Enterprise"], active: ENTERPRISE }, "repair", ENTERPRISE],
    ["a forced version wins", { forceVersion: "17.0.0" }, "install", revision("17.0.0")],
    ["in the cluster's edition", { forceVersion: "18.1.0", version: "", flags: ["Enterprise"] }, "install", ENTERPRISE],
    ["forced flags are added", { forceFlags: ["Enterprise"] }, "install", ENTERPRISE],
    ["unknown flags are nothing", { forceFlags: ["enterprise", "fips", ""] }, "install", revision("18.1.0")],
    ["pinned hosts go to the target", { pinned: true, active: revision("18.0.0") }, "install", revision("18.1.0")],
  ])("%s", (_, facts, action, target) => {
    expect(decide(facts)).toMatchObject({ action, target });
  });

  test.each<[string, Facts, boolean]>([
    ["the target", { skip: revision("18.1.0") }, true],
    ["the target in another edition: only the version counts", { skip: ENTERPRISE }, true],
    ["the forced version", { skip: revision("17.0.0"), forceVersion: "17.0.0" }, true],
    ["another version", { skip: revision("18.0.0") }, false],
    ["the cluster's version, when another is forced", { skip: revision("18.1.0"), forceVersion: "17.0.0" }, false],
    ["nothing", {}, false],
  ])("a version marked broken is tried again: %s", (_, facts, retriesSkipped) => {
    expect(decide(facts).retriesSkipped).toBe(retriesSkipped);
  });

  test("fails when no version is advertised", () => {
    expect(() => decide({ version: "" })).toThrow(
      expect.objectContaining({ code: "E_NO_TARGET", hint: expect.any(String) }),
    );
  });

  test("tells why", () => {
    expect(decide({}).reason).toBe("18.1.0 is the version that the cluster advertises");
    expect(decide({ forceVersion: "17.0.0", forceFlags: ["FIPS"] }).reason).toBe("17.0.0+FIPS is the forced version");
    expect(decide({ active: revision("18.1.0") }).reason).toEndWith(", and active already");
  });
});

describe("for whatever inputs", () => {
  const version = fc.constantFrom("", "17.0.0", "18.1.0");
  const flags = fc.subarray([...REVISION_FLAGS]);
  const someRevision = fc.tuple(version, flags).map(([name, given]) => revision(name, given));
  const facts: fc.Arbitrary<Facts> = fc.record(
    {
      active: someRevision,
      skip: someRevision,
      version,
      flags,
      forceVersion: version,
      forceFlags: fc.array(fc.constantFrom(...REVISION_FLAGS, "Other")),
    },
    { requiredKeys: [] },
  );
  const outcome = (given: Facts) => {
    try {
      return decide(given);
    } catch (error) {
      if (isUpdateError(error)) return error.code;
      throw error;
    }
  };

  test("pinned, enabled and the window change nothing", () => {
    const ignored = fc.record({ pinned: fc.boolean(), enabled: fc.boolean(), inWindow: fc.boolean() });
    fc.assert(
      fc.property(facts, ignored, (given, more) => expect(outcome({ ...given, ...more })).toEqual(outcome(given))),
    );
  });

  test("forced flags only add", () => {
    fc.assert(
      fc.property(facts, (given) => {
        const decision = outcome(given);
        if (typeof decision === "string") return;
        expect(decision.target.flags).toEqual(expect.arrayContaining([...(given.flags ?? [])]));
        const added = decision.target.flags.filter((flag) => !given.flags?.includes(flag));
        expect(given.forceFlags ?? []).toEqual(expect.arrayContaining(added));
      }),
    );
  });
});
