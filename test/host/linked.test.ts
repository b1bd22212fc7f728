import { expect, test } from "bun:test";
import { isLinked } from "../../src/host/linked.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const VERSION = "/opt/teleport/default/versions/1.2.3";
const BIN = `${VERSION}/bin`;
const LINKS = "/usr/local/bin";

test.each([
  ["no link", undefined, false],
  ["a link into the version", `${BIN}/teleport`, true],
  ["a link that is not written cleanly", `${BIN}//./teleport`, true],
  ["a relative link", `../../..${BIN}/teleport`, true],
  ["a link to another name of it", `${BIN}/tbot`, false],
  ["a link into another version", "/opt/teleport/default/versions/1.2.4/bin/teleport", false],
])("%s", (_, target, expected) => {
  using host = temporaryHost();
  host.write(`${BIN}/teleport`, "");
  if (target !== undefined) host.link(`${LINKS}/teleport`, target);
  expect(isLinked(host.files, BIN, LINKS)).toBe(expected);
});

test("a missing version is not linked, whatever the link says", () => {
  using host = temporaryHost();
  host.link(`${LINKS}/teleport`, `${BIN}/teleport`);
  expect(isLinked(host.files, BIN, LINKS)).toBeFalse();
});

test("a link to a directory inside `bin` does not count", () => {
  using host = temporaryHost();
  host.write(`${BIN}/share/file`, "");
  host.link(`${LINKS}/share`, `${BIN}/share`);
  expect(isLinked(host.files, BIN, LINKS)).toBeFalse();
});

test("the link of the updater into our own copies counts for no version", () => {
  using host = temporaryHost();
  host.write(`${BIN}/teleport-update`, "");
  host.link(`${LINKS}/teleport-update`, "/opt/teleport/default/updater/1.0.0/teleport-update");
  expect(isLinked(host.files, BIN, LINKS)).toBeFalse();
});
