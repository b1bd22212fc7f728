import { expect, test } from "bun:test";
import { decideTbot } from "../../src/host/tbot.ts";
import { isCustomTbot } from "../../src/settings/custom-tbot.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");
const UNIT = namespace.tbot.unitFile;

test.each([
  ["no file", undefined, false],
  ["a file with other text", "[Unit]\n", true],
  ["a file with the marker's prefix", "# teleport-update 18.1.0\n", false],
  ["an empty file", "", true],
  ["the marker without a revision, as 17.0 wrote it", "# teleport-update\n", true],
])("[inst 8.3] [core 7.13] custom tbot: %s", (_, content, expected) => {
  using host = temporaryHost();
  if (content !== undefined) host.write(UNIT, content);
  expect(isCustomTbot(host.files, namespace)).toBe(expected);
});

test.each([
  ["of an updater", "# teleport-update 18.1.0\n", false, true, []],
  ["of an updater", "# teleport-update 18.1.0\n", true, true, []],
  ["of somebody else", "[Unit]\n", true, true, ["warn"]],
  ["of somebody else", "[Unit]\n", false, false, ["warn", "warn", "warn"]],
])("a unit %s: %j, overwrite %p", (_, content, overwrite, isManaged, levels) => {
  using host = temporaryHost();
  host.write(UNIT, content);
  const decision = decideTbot(host.files, namespace, overwrite);
  expect(decision.isManaged).toBe(isManaged);
  expect(decision.notices.map(({ level }) => level as string)).toEqual(levels);
});

test.each([true, false])("a unit that cannot be read is left alone, overwrite %p", (overwrite) => {
  using host = temporaryHost();
  host.files.makeDirectory(UNIT);
  const { isManaged, notices } = decideTbot(host.files, namespace, overwrite);
  expect(isManaged).toBeFalse();
  expect(notices.map(({ level }) => level)).toEqual(["error", "error"]);
});
