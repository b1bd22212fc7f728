import { describe, expect, test } from "bun:test";
import { isCustomTbot } from "../../src/settings/custom-tbot.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");

describe("isCustomTbot [inst 8.3] [core 7.13]", () => {
  test("no file: no", () => {
    using host = temporaryHost();
    expect(isCustomTbot(host.files, namespace)).toBe(false);
  });

  test.each([
    ["other text", "[Unit]\n", true],
    ["an empty file", "", true],
    ["the marker without its space", "# teleport-update\n", true],
    ["the marker further down", "\n# teleport-update 1.2.3\n", true],
    ["the marker", "# teleport-update 1.2.3_ent\n", false],
    ["the marker of the first releases", "# teleport-update \n", false],
  ])("%s", (_name, content, expected) => {
    using host = temporaryHost();
    host.write(namespace.tbot.unitFile, content);
    expect(isCustomTbot(host.files, namespace)).toBe(expected);
  });

  test("what cannot be read is an error", () => {
    using host = temporaryHost();
    host.files.makeDirectory(namespace.tbot.unitFile);
    expect(() => isCustomTbot(host.files, namespace)).toThrow("/etc/systemd/system/tbot.service");
  });
});
