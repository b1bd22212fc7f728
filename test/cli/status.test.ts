import { expect, test } from "bun:test";
import { statusExitCode } from "../../src/cli/status.ts";
import type { FindAnswer } from "../../src/cluster/find-answer.ts";
import { type Revision, revision } from "../../src/settings/revision.ts";
import { emptyConfig } from "../../src/settings/update-config.ts";

const OLD = revision("18.1.0");
const NEW = revision("18.1.1");
const NEW_ENTERPRISE = revision("18.1.1", ["Enterprise"]);

interface Row {
  tell: boolean;
  inWindow: boolean;
  active: Revision;
  target: Revision;
}

test.each<[string, Row, number]>([
  ["no flag", { tell: false, inWindow: true, active: OLD, target: NEW }, 0],
  ["different version in window", { tell: true, inWindow: true, active: OLD, target: NEW }, 3],
  ["different version out of window", { tell: true, inWindow: false, active: OLD, target: NEW }, 0],
  ["same version in window", { tell: true, inWindow: true, active: NEW, target: NEW }, 0],
  ["same version, other edition, in window", { tell: true, inWindow: true, active: NEW, target: NEW_ENTERPRISE }, 3],
])("[core 7.12] %s", (_, { tell, inWindow, active, target }, exitCode) => {
  const answer: FindAnswer = { target, flags: [], inWindow, jitterSeconds: 0, agpl: false, digests: new Map() };
  const status = { ...emptyConfig().status, active };
  expect(statusExitCode({ status, answer, limit: undefined }, tell)).toBe(exitCode);
  const limit = { rule: "max-version", reason: "", hint: "" } as const;
  expect(statusExitCode({ status, answer, limit }, tell)).toBe(0);
});
