import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tbotUnit, teleportUnit } from "../../src/host/service-units.ts";
import { type Namespace, namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";

const golden = (name: string) => readFileSync(join(import.meta.dir, "golden", name), "utf8");
const plain = revision("version");

/** A namespace with paths that no suffix yields. */
function custom(): Namespace {
  const base = namespaceFor("");
  return {
    ...base,
    teleport: { ...base.teleport, config: "/some/teleport.yaml", pidFile: "/var/run/some.pid" },
    tbot: { ...base.tbot, config: "/some/tbot.yaml" },
  };
}

test.each([
  ["default", { namespace: namespaceFor(""), revision: plain, path: "" }, "teleport.service"],
  ["custom pid, config, path", { namespace: custom(), revision: plain, path: "/some/path" }, "teleport-custom.service"],
  [
    "FIPS",
    { namespace: namespaceFor(""), revision: revision("version", ["Enterprise", "FIPS"]), path: "" },
    "teleport-fips.service",
  ],
  ["suffix", { namespace: namespaceFor("test"), revision: plain, path: "" }, "teleport_test.service"],
])("[inst 8.5] the agent's unit: %s", (_, inputs, name) => {
  expect(teleportUnit(inputs)).toBe(golden(name));
});

test.each([
  ["default", namespaceFor(""), "", "/var/lib/teleport", "tbot.service"],
  ["custom path, config, data", custom(), "/some/path", "/some/data", "tbot-custom.service"],
  ["suffix", namespaceFor("test"), "", "/var/lib/teleport_test", "tbot_test.service"],
])("[inst 8.5] the bot's unit: %s", (_, namespace, path, dataDirectory, name) => {
  expect(tbotUnit({ namespace, revision: plain, path, dataDirectory })).toBe(golden(name));
});

test("a data directory with a newline is refused", () => {
  const inputs = { namespace: namespaceFor(""), revision: plain, path: "", dataDirectory: "/data\nUser=nobody" };
  expect(() => tbotUnit(inputs)).toThrow(expect.objectContaining({ code: "E_UNIT" }));
});
