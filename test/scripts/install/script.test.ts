import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fillInstallScript } from "../../../scripts/install/fill.ts";
import { must } from "../../support/must.ts";

const TEMPLATE = await Bun.file("scripts/install/install.sh").text();
const SHA256 = "ab".repeat(32);
const name = (end: string, version = "0.2.0") => `teleport-update-v${version}-linux-${end}-bin.tar.gz`;
const RELEASE = {
  version: "0.2.0",
  place: "https://example.com/teleport-update",
  tarballs: [name("arm64"), name("amd64"), name("amd64-fips")].map((one) => ({ name: one, sha256: SHA256 })),
};
const FILLED = fillInstallScript(TEMPLATE, RELEASE);

describe("the install script", () => {
  test.each([
    ["as it is kept", TEMPLATE],
    ["as it is released", FILLED],
  ])("pleases shellcheck %s", async (_, text) => {
    const folder = mkdtempSync(join(tmpdir(), "install-script-"));
    try {
      writeFileSync(join(folder, "install.sh"), text);
      expect(await must(["shellcheck", "--shell=sh", join(folder, "install.sh")])).toBe("");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("[threat install-whole] does nothing when it is cut, wherever", async () => {
    // With no program at hand, whatever is run is told to be missing.
    const cut = `for (( at = 0; at < \${#script}; at += at > \${#script} - 100 ? 1 : 13 )); do
      said=$(dash -s -- --proxy p <<<"\${script:0:at}" 2>&1)
      case $said in '' | *'Syntax error'*) ;; *) echo "$at: $said" ;; esac
    done`;
    const child = Bun.spawn(["bash", "-c", `script=$(cat); PATH=/nowhere; dash() { /bin/dash "$@"; }; ${cut}`], {
      stdin: new Blob([FILLED]),
      stdout: "pipe",
      env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
    });
    expect(await child.stdout.text()).toBe("");
  }, 120_000);

  test("[threat install-whole] does something when it is whole", async () => {
    const child = Bun.spawn(["dash", "-s", "--", "--base-url", "http://m.test"], {
      stdin: new Blob([FILLED.trimEnd()]),
      stderr: "pipe",
    });
    expect(await child.stderr.text()).toContain("install.sh: the base URL");
  });
});

describe("a release is filled in", () => {
  test("sorted, and nothing else is changed", () => {
    const lines = [name("amd64"), name("amd64-fips"), name("arm64")].map((one) => `${SHA256}  ${one}`);
    const back = FILLED.replace("VERSION='0.2.0'", "VERSION='@VERSION@'")
      .replace(`PLACE='${RELEASE.place}'`, "PLACE='@PLACE@'")
      .replace(`TARBALLS='${lines.join("\n")}'`, "TARBALLS='@TARBALLS@'");
    expect(back).toBe(TEMPLATE);
  });

  test.each<[string, Parameters<typeof fillInstallScript>[1]]>([
    ["a version that is none", { ...RELEASE, version: "0.2" }],
    ["a version that a shell would run", { ...RELEASE, version: "0.2.0-$(id)" }],
    ["a place of http", { ...RELEASE, place: "http://example.com" }],
    ["a place that ends the quotes", { ...RELEASE, place: "https://example.com/'; id; '" }],
    ["no tarball", { ...RELEASE, tarballs: [] }],
    ["a tarball of another version", { ...RELEASE, tarballs: [{ name: name("amd64", "0.3.0"), sha256: SHA256 }] }],
    ["a tarball for another processor", { ...RELEASE, tarballs: [{ name: name("386"), sha256: SHA256 }] }],
    ["a digest that is none", { ...RELEASE, tarballs: [{ name: name("amd64"), sha256: "ab" }] }],
    ["a tarball twice", { ...RELEASE, tarballs: [...RELEASE.tarballs, ...RELEASE.tarballs] }],
  ])("not with %s", (_, release) => {
    expect(() => fillInstallScript(TEMPLATE, release)).toThrow("the install script cannot be made");
  });

  test("not into another text", () => {
    expect(() => fillInstallScript("#!/bin/sh\n", RELEASE)).toThrow("no line `VERSION=");
  });
});
