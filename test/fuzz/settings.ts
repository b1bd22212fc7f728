import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { UpdateError } from "../../src/platform/errors.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { formatOptions, readOptions } from "../../src/settings/options.ts";
import { readBotStorage } from "../../src/settings/tbot-config.ts";
import { readTeleportDefaults } from "../../src/settings/teleport-config.ts";
import { parseUpdateConfig, readUpdateConfig } from "../../src/settings/update-config-read.ts";
import { formatUpdateConfig } from "../../src/settings/update-config-write.ts";
import { recordingLog } from "../support/recording-log.ts";
import { temporaryHost } from "../support/temporary-host.ts";
import { answerOf, damaged, damages, type FuzzTarget, put } from "./target.ts";

const NAMESPACE = namespaceFor("");
const LOG = recordingLog();

const CONFIG = `version: v1
kind: update_config
spec:
    proxy: proxy.example.com:443
    path: /usr/local/bin
    group: canary
    enabled: true
    pinned: false
status:
    id_file: /tmp/systemd-private/teleport_update_id
    last_update: {success: true, time: 2025-01-01T00:00:00.5Z, target: {version: 18.1.0}}
    active:
        version: 18.1.0
        flags: [Enterprise, FIPS]
    backup:
        version: 18.0.0
`;
const OPTIONS = "version: v1\nkind: updater_options\nca_file: /etc/ca.pem # ours\nfuture:\n  - {a: 0o17, b: ~}\n";
const TELEPORT =
  "teleport:\n  data_dir: /var/lib/teleport\n  auth_servers: [&a one.test, two.test]\n  <<: {proxy_server: *a}\n";

/** A text with pieces of YAML put where they do not belong. */
function spoiled(text: string): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(
      "\n",
      " ",
      "\t",
      ": ",
      "- ",
      "? ",
      "[",
      "]",
      "{",
      "}",
      ",",
      "#",
      "&a ",
      "*a",
      "!t ",
      "|\n",
      ">-\n",
      "'",
    ),
    fc.constantFrom(
      '"',
      "<<: ",
      "---\n",
      "...\n",
      "%A\n",
      "__proto__: ",
      "constructor: ",
      "spec:\n",
      "~",
      "\r",
      "\ufeff",
    ),
    fc.string({ unit: "binary", maxLength: 4 }),
  );
  const splice = fc.record({ at: fc.nat(text.length), length: fc.nat(12), piece });
  return fc
    .array(splice, { minLength: 1, maxLength: 4 })
    .map((splices) =>
      splices.reduce(
        (spliced, { at, length, piece }) => (spliced.slice(0, at) + piece + spliced.slice(at + length)).toWellFormed(),
        text,
      ),
    );
}

const anyText = fc.string({ unit: fc.constantFrom(..."teleport:prxy_sv \n-[]{}&*!|>'\"#%\t0") });

const updateConfig: FuzzTarget = {
  name: "update.yaml",
  runs: 500,
  property: fc.property(fc.oneof(spoiled(CONFIG), anyText), (text) => {
    const config = answerOf(() => parseUpdateConfig(text, "/update.yaml"), "E_CONFIG_READ");
    if (config instanceof UpdateError) return;
    const written = formatUpdateConfig(config);
    expect(parseUpdateConfig(written, "/update.yaml")).toEqual(config);
    // Another reader of YAML makes the same of it.
    const { group } = config.spec;
    if (group !== "") expect(parse(text, { version: "1.1", schema: "failsafe" }).spec.group).toBe(group);
  }),
};

const configBytes: FuzzTarget = {
  name: "update.yaml as bytes",
  runs: 150,
  property: fc.property(damages(CONFIG.length), (all) => {
    using host = temporaryHost();
    const bytes = damaged(Buffer.from(CONFIG), all);
    put(host, NAMESPACE.config, bytes);
    answerOf(() => readUpdateConfig(host.files, NAMESPACE), "E_CONFIG_READ");
    expect(readFileSync(join(host.root, NAMESPACE.config)).equals(bytes)).toBe(true);
  }),
};

const options: FuzzTarget = {
  name: "updater.yaml",
  runs: 150,
  property: fc.property(spoiled(OPTIONS), (text) => {
    using host = temporaryHost();
    put(host, NAMESPACE.options, text);
    const before = answerOf(() => readOptions(host.files, NAMESPACE), "E_OPTIONS_READ");
    if (before instanceof UpdateError) return;
    const written = formatOptions(text, { ...before, caFile: "/etc/other.pem" }, NAMESPACE.options) ?? "";
    put(host, NAMESPACE.options, written);
    expect(readOptions(host.files, NAMESPACE)).toEqual({ ...before, caFile: "/etc/other.pem" });
    const { ca_file: _, ...kept } = parse(text, { schema: "failsafe" });
    expect(parse(written, { schema: "failsafe" })).toMatchObject(kept);
  }),
};

const teleport: FuzzTarget = {
  name: "teleport.yaml",
  runs: 200,
  property: fc.property(fc.oneof(spoiled(TELEPORT), anyText), (text) => {
    using host = temporaryHost();
    put(host, NAMESPACE.teleport.config, text);
    const { dataDirectory, proxy } = readTeleportDefaults(host.files, NAMESPACE, LOG);
    expect(dataDirectory).toMatch(/^\/\P{C}*$/u);
    if (proxy !== undefined) expect(new URL(`https://${proxy}`).pathname).toBe("/");
  }),
};

const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(\.[a-z]{2,5}){0,2}$/);
/** Merge keys are refused, as is told in `strict-yaml.ts`. */
const plainValue = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('"<<"'));
const oddKeys = fc.dictionary(fc.constantFrom("__proto__", "constructor", "toString", "log", "a b"), plainValue);

const teleportValues: FuzzTarget = {
  name: "teleport.yaml, values",
  runs: 100,
  property: fc.property(
    fc.record({ proxy: name, data: name, rest: oddKeys, more: oddKeys, flow: fc.boolean() }),
    ({ proxy, data, rest, more, flow }) => {
      using host = temporaryHost();
      const content = { ...more, teleport: { ...rest, proxy_server: proxy, data_dir: `/${data}` } };
      const text = stringify(content, { collectionStyle: flow ? "flow" : "block", aliasDuplicateObjects: false });
      put(host, NAMESPACE.teleport.config, text);
      expect(readTeleportDefaults(host.files, NAMESPACE, LOG)).toMatchObject({
        proxy: `${proxy}:3080`,
        dataDirectory: `/${data}`,
      });
    },
  ),
};

const tbot: FuzzTarget = {
  name: "tbot.yaml",
  runs: 150,
  property: fc.property(fc.oneof(spoiled("storage:\n  type: directory\n  path: /var/lib/bot\n"), anyText), (text) => {
    using host = temporaryHost();
    put(host, NAMESPACE.tbot.config, text);
    const storage = readBotStorage(host.files, NAMESPACE.tbot.config, LOG);
    if (storage !== undefined) expect(storage).toStartWith("/");
  }),
};

export const SETTINGS_TARGETS: readonly FuzzTarget[] = [
  updateConfig,
  configBytes,
  options,
  teleport,
  teleportValues,
  tbot,
];
