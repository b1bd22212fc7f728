import { describe, expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENROLL_FLAGS } from "../../src/cli/enroll-flags.ts";
import { enrollRequest } from "../../src/cli/enroll-request.ts";
import type { WrittenFlag } from "../../src/cli/flag-words.ts";
import { GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import { resolveValues } from "../../src/cli/values.ts";
import { recordingLog } from "../support/recording-log.ts";

function requestFor(
  written: Record<string, WrittenFlag["value"]>,
  { hostRoot = "/srv/image", command = "enable" as "enable" | "pin", environment = {} } = {},
) {
  const words = Object.entries(written).map(([name, value]) => ({ name, value }));
  const resolved = resolveValues({ ...GLOBAL_FLAGS, ...ENROLL_FLAGS }, words, environment);
  return enrollRequest(command, { ...resolved, environment, hostRoot, log: recordingLog() });
}

test("without them the image tells its processor, and the cluster is asked", () => {
  expect(requestFor({}).image).toEqual({ architecture: undefined, updater: "", isOffline: false });
});

test("the updater is named by where it really lies", () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "image-flags-")));
  writeFileSync(join(folder, "program"), "");
  symlinkSync("program", join(folder, "link"));
  const { image } = requestFor({ arch: "arm64", updater: join(folder, "link"), offline: true });
  expect(image).toEqual({ architecture: "arm64", updater: join(folder, "program"), isOffline: true });
  expect(() => requestFor({ updater: join(folder, "none") })).toThrow(expect.objectContaining({ code: "E_PATH" }));
  rmSync(folder, { recursive: true });
});

describe("refused", () => {
  const refusal = (message: string) =>
    expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining(message) });

  test.each([{ arch: "amd64" }, { updater: "/bin/true" }, { offline: true }])("%j for the host that runs", (flag) => {
    expect(() => requestFor(flag, { hostRoot: "/" })).toThrow(refusal("--root"));
  });

  test.each([{ "hand-over": true }, { from: "/srv" }, { digest: "ab".repeat(32) }])("%j without a release", (flag) => {
    expect(() => requestFor({ ...flag, offline: true })).toThrow(refusal("--force-version"));
    expect(requestFor({ ...flag, offline: true, "force-version": "18.1.0" }).image.isOffline).toBeTrue();
  });

  test("`pin` without a version to stay at", () => {
    expect(() => requestFor({ offline: true }, { command: "pin" })).toThrow(refusal("--force-version"));
  });
});

test("the builder's `TMPDIR` does not get into the image", () => {
  const environment = { TMPDIR: "/builder/tmp" };
  expect(requestFor({}, { environment }).temporaryDirectory).toBe("/tmp");
  expect(requestFor({}, { environment, hostRoot: "/" }).temporaryDirectory).toBe("/builder/tmp");
});
