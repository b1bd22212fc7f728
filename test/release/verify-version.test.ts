import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { parseFileList, verifyVersion } from "../../src/release/verify-version.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const VERSION = "/opt/teleport/default/versions/18.1.0";
const CONTENT: Record<string, string> = {
  "bin/teleport": "x".repeat(3 << 20),
  "bin/tctl": "",
  "share/README.md": "read me",
};
const never = new AbortController().signal;
const digest = (text: string) => createHash("sha256").update(text).digest("hex");

function installed() {
  const host = temporaryHost();
  for (const [path, content] of Object.entries(CONTENT)) host.write(`${VERSION}/${path}`, content);
  const lines = Object.entries(CONTENT).map(([path, content]) => `${digest(content)}  ${path}\n`);
  host.write(`${VERSION}/files.sha256`, lines.join(""));
  host.write(`${VERSION}/sha256`, "0".repeat(64));
  host.write(`${VERSION}/proof.json`, "{}");
  return { ...host, at: (path: string) => `${host.root}${VERSION}/${path}` };
}

test("a version as it was installed is whole", async () => {
  using host = installed();
  expect(await verifyVersion(host.files, VERSION, never)).toEqual({ state: "whole", files: 3 });
});

test("a version without a list says nothing, unless we installed it", async () => {
  using host = installed();
  rmSync(host.at("files.sha256"));
  expect(await verifyVersion(host.files, VERSION, never)).toEqual({
    state: "damaged",
    problems: ["`files.sha256` is missing"],
  });
  rmSync(host.at("proof.json"));
  expect(await verifyVersion(host.files, VERSION, never)).toEqual({ state: "unlisted" });
});

describe("every kind of damage is named", () => {
  test.each<[string, (at: (path: string) => string) => void, string]>([
    [
      "a changed byte",
      (at) => writeFileSync(at("bin/teleport"), `${"x".repeat(2 << 20)}y${"x".repeat((1 << 20) - 1)}`),
      "`bin/teleport` was changed: it has the SHA-256",
    ],
    ["a byte more", (at) => writeFileSync(at("bin/tctl"), "y"), "`bin/tctl` was changed"],
    ["a missing file", (at) => rmSync(at("share/README.md")), "`share/README.md` is missing"],
    ["a file more", (at) => writeFileSync(at("bin/evil"), ""), '"bin/evil" did not come with the release'],
    [
      "a folder more",
      (at) => {
        mkdirSync(at("lib/x"), { recursive: true });
        writeFileSync(at("lib/x/y"), "");
      },
      '"lib/x/y" did not come with',
    ],
    [
      "a link in a file's place",
      (at) => {
        rmSync(at("bin/tctl"));
        symlinkSync("teleport", at("bin/tctl"));
      },
      "`bin/tctl` is no regular file",
    ],
    ["a link more", (at) => symlinkSync("/etc/passwd", at("bin/x")), '"bin/x" did not come with the release'],
    ["a mode that lets others write", (at) => chmodSync(at("bin/tctl"), 0o777), "`bin/tctl` may be written by others"],
    ["a broken list", (at) => writeFileSync(at("files.sha256"), "no digests\n"), "is no list of digests"],
    ["an empty list", (at) => writeFileSync(at("files.sha256"), ""), "is no list of digests"],
    [
      "a list that leads outside",
      (at) => writeFileSync(at("files.sha256"), `${digest("")}  ../../x\n`),
      "is no list of digests",
    ],
  ])("%s", async (_, damage, problem) => {
    using host = installed();
    damage(host.at);
    const verdict = await verifyVersion(host.files, VERSION, never);
    expect(verdict).toEqual({ state: "damaged", problems: [expect.stringContaining(problem)] });
  });
});

test("an interrupt ends it", async () => {
  using host = installed();
  await expect(verifyVersion(host.files, VERSION, AbortSignal.abort())).rejects.toMatchObject({ code: "E_CANCELED" });
});

test("a list is what `sha256sum` writes", () => {
  expect(parseFileList(`${digest("a")}  bin/a b\n`)).toEqual(new Map([["bin/a b", digest("a")]]));
  for (const text of [
    "x\n",
    `${digest("a")} *a\n`,
    `${digest("a")}  /a\n`,
    `${digest("a")}  a`,
    `${digest("a")}  a/../../b\n`,
  ])
    expect(parseFileList(text)).toBeUndefined();
});
