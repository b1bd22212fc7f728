import { describe, expect, test } from "bun:test";
import { checkOwnVersion, checkPrintedVersion } from "../../src/release/own-version.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const OTHER = expect.objectContaining({ code: "E_OTHER_VERSION", hint: expect.stringMatching(/./) });

describe("[threat own-version] the VERSION file", () => {
  test.each(["18.1.0\n", "v18.1.0", "18.1.0-rc.1", "18.1.0+build.7", "", "dev", "unknown", "\xff"])(
    "%p agrees",
    (text) => {
      using host = temporaryHost();
      host.write("/v/share/VERSION", text);
      checkOwnVersion(host.files, "/v", "18.1.0");
    },
  );

  test.each(["18.0.9\n", "v18.1.1", "8.1.0", "118.1.0", "18.1.01"])("%p does not", (text) => {
    using host = temporaryHost();
    host.write("/v/share/VERSION", text);
    expect(() => checkOwnVersion(host.files, "/v", "18.1.0")).toThrow(OTHER);
  });

  test("none says nothing", () => {
    using host = temporaryHost();
    checkOwnVersion(host.files, "/v", "18.1.0");
  });
});

describe("[threat own-version] what a program prints", () => {
  test.each([
    ["teleport", "Teleport v18.1.0 git:v18.1.0-0-gabc go1.24"],
    ["teleport", "Teleport Enterprise v18.1.0 git: go1.24"],
    ["tbot", "Teleport v18.1.0-dev.3 git: go1.24"],
    ["teleport", "a line before\nTeleport v18.1.0 git: go1.24"],
    ["teleport", "version 17.0.0"],
    ["teleport", ""],
    ["teleport-update", "Teleport v0.1.0 git:abc Bun v1.4.5"],
  ])("%s: %p agrees", (program, text) => {
    checkPrintedVersion(program, text, "18.1.0");
  });

  test.each([
    ["teleport", "Teleport v18.0.9 git: go1.24"],
    ["tbot", "Teleport Enterprise v18.1.1 git: go1.24"],
    ["teleport", "a line before\nTeleport v17.1.0 git: go1.24"],
  ])("%s: %p does not", (program, text) => {
    expect(() => checkPrintedVersion(program, text, "18.1.0")).toThrow(OTHER);
  });
});
