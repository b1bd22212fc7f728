import { expect, test } from "bun:test";
import type { FindAnswer } from "../../src/cluster/find-answer.ts";
import { DEFAULT_BASE_URL } from "../../src/settings/base-url.ts";
import { NO_REVISION } from "../../src/settings/revision.ts";
import { emptyConfig } from "../../src/settings/update-config.ts";
import { chooseBaseUrl } from "../../src/update/choose-base-url.ts";

const MIRROR = "https://mirror.test";

function choose(baseUrl: string, agpl: boolean): string {
  const answer: FindAnswer = {
    target: NO_REVISION,
    flags: [],
    inWindow: false,
    jitterSeconds: 0,
    agpl,
    digests: new Map(),
  };
  const config = emptyConfig();
  return chooseBaseUrl({ ...config, spec: { ...config.spec, baseUrl } }, answer);
}

test.each([
  ["the default place", "", false, DEFAULT_BASE_URL],
  ["the configured place", MIRROR, false, MIRROR],
  ["the configured place of an AGPL cluster", MIRROR, true, MIRROR],
])("releases come from %s", (_, baseUrl, agpl, expected) => {
  expect(choose(baseUrl, agpl)).toBe(expected);
});

test("an AGPL cluster has no default place", () => {
  expect(() => choose("", true)).toThrow(expect.objectContaining({ code: "E_BASE_URL", hint: expect.any(String) }));
});
