import { expect, test } from "bun:test";
import { directoryName, readBotStorage } from "../../src/settings/tbot-config.ts";
import { temporaryHost } from "../support/temporary-host.ts";
import { keptLog } from "../support/test-world.ts";

const DEFAULT = "/var/lib/teleport/bot";

test.each<[string | undefined, string | undefined]>([
  [undefined, undefined],
  ["", DEFAULT],
  ["version: v2\nproxy_server: p\n", DEFAULT],
  ["storage:\n  type: directory\n  path: /srv/bot\n", "/srv/bot"],
  ["storage: {path: /srv//bot/}\n", "/srv/bot"],
  ["storage: {type: memory}\n", undefined],
  ["storage: {type: directory}\n", undefined],
  ["storage: {path: relative}\n", undefined],
  ["storage: {path: [1]}\n", undefined],
  ["storage:\n", DEFAULT],
  ["storage: text\n", undefined],
  ["- a list\n", undefined],
  ["{", undefined],
])("the storage of a bot with the configuration %j", (text, storage) => {
  using host = temporaryHost();
  if (text !== undefined) host.write("/etc/tbot.yaml", text);
  expect(readBotStorage(host.files, "/etc/tbot.yaml", keptLog())).toBe(storage);
});

test.each([
  ["/", "/"],
  ["/a/", "/a"],
  ["/a/../b//c/.", "/b/c"],
])("directoryName(%j) is %j", (path, name) => {
  expect(directoryName(path)).toBe(name);
});
