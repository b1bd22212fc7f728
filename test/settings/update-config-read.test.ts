import { describe, expect, test } from "bun:test";
import { UpdateError } from "../../src/platform/errors.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import type { RevisionFlag } from "../../src/settings/revision.ts";
import { emptyConfig } from "../../src/settings/update-config.ts";
import { parseUpdateConfig, readUpdateConfig } from "../../src/settings/update-config-read.ts";
import { formatUpdateConfig } from "../../src/settings/update-config-write.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const HEAD = "version: v1\nkind: update_config\n";
const parse = (text: string) => parseUpdateConfig(text, "/update.yaml");

function refusal(action: () => unknown): UpdateError {
  try {
    action();
  } catch (error) {
    if (error instanceof UpdateError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

describe("readUpdateConfig", () => {
  test("a missing file is the default [core 7.4 config missing] [core 7.7 config does not exist]", () => {
    using host = temporaryHost();
    expect(readUpdateConfig(host.files, namespaceFor(""))).toEqual(emptyConfig());
    expect(host.snapshot()).toEqual({});
  });

  test("reads the file of the namespace", () => {
    using host = temporaryHost();
    const namespace = namespaceFor("blue");
    host.write(namespace.config, `${HEAD}spec:\n    group: canary\n`);
    expect(readUpdateConfig(host.files, namespace).spec.group).toBe("canary");
    expect(readUpdateConfig(host.files, namespaceFor("")).spec.group).toBe("");
  });

  test("a file that is no good is named where this machine has it, with what makes it anew", () => {
    using host = temporaryHost();
    const namespace = namespaceFor("blue");
    host.write(namespace.config, "version: v1\nspec: [\n");
    const { message, hint } = refusal(() => readUpdateConfig(host.files, namespace));
    expect(message).toContain(`\`${host.root}/opt/teleport/blue/update.yaml\``);
    expect(hint).toContain("`teleport-update enable -i blue --proxy ADDRESS` again");
  });

  test("an unreadable file names path and reason", () => {
    using host = temporaryHost();
    const namespace = namespaceFor("");
    host.files.makeDirectory(namespace.config);
    const { code, message, hint } = refusal(() => readUpdateConfig(host.files, namespace));
    expect(code).toBe("E_CONFIG_READ");
    expect(message).toContain("/opt/teleport/default/update.yaml");
    expect(hint).toBeDefined();
  });

  test("1 MiB is too large", () => {
    using host = temporaryHost();
    const namespace = namespaceFor("");
    host.write(namespace.config, `${HEAD}${"#".repeat(1 << 20)}`);
    expect(refusal(() => readUpdateConfig(host.files, namespace)).code).toBe("E_CONFIG_READ");
  });
});

describe("parseUpdateConfig", () => {
  test("a zero configuration is invalid [core 7.2 zero] [core 7.3 zero] [core 7.4 invalid metadata] [core 7.7 invalid metadata]", () => {
    const zero = formatUpdateConfig({ ...emptyConfig(), version: "", kind: "" });
    expect(refusal(() => parse(zero)).message).toContain("invalid kind");
  });

  test("the kind is checked before the version", () => {
    expect(refusal(() => parse("version: v9\nkind: other\n")).message).toContain('invalid kind "other"');
    expect(refusal(() => parse("version: v9\nkind: update_config\n")).message).toContain('invalid version "v9"');
  });

  test("unknown keys are ignored, old keys too", () => {
    const text = `${HEAD}spec:\n  url_template: https://x\n  proxy: a\n  more: [1, {b: 2}]\nstatus:\n  active_version: 1\n`;
    expect(parse(text)).toEqual({ ...emptyConfig(), spec: { ...emptyConfig().spec, proxy: "a" } });
  });

  test.each([
    ["no sections", ""],
    ["null sections", "spec:\nstatus: ~\n"],
    ["null values", "spec: {proxy: , path: null, enabled: ~}\nstatus: {id_file: Null, active: {version: , flags: }}\n"],
  ])("%s read as the default", (_name, text) => expect(parse(HEAD + text)).toEqual(emptyConfig()));

  test.each([
    ["group: 5", "5"],
    ["group: true", "true"],
    ["group: 0o17", "0o17"],
    ["group: 18.10", "18.10"],
    ["group: 2024-01-01", "2024-01-01"],
    ['group: "~"', "~"],
    ["group: 'it''s'", "it's"],
    ["group: >-\n    two\n    words", "two words"],
  ])("%j is text", (line, group) => expect(parse(`${HEAD}spec:\n  ${line}\n`).spec.group).toBe(group));

  test.each([
    ["true", true],
    ["True", true],
    ["yes", true],
    ["on", true],
    ['"yes"', true],
    ["FALSE", false],
    ["no", false],
    ["off", false],
  ])("`enabled: %s` is %p", (word, enabled) => {
    expect(parse(`${HEAD}spec:\n  enabled: ${word}\n`).spec.enabled).toBe(enabled);
  });

  test.each<[written: string, flags: RevisionFlag[]]>([
    ["[Enterprise, FIPS]", ["Enterprise", "FIPS"]],
    ["[FIPS, Enterprise]", ["Enterprise", "FIPS"]],
    ["[unknown, FIPS, 5]", ["FIPS"]],
    ["[Enterprise]", ["Enterprise"]],
    ["[]", []],
    ["", []],
  ])("flags %s [core 7.11]", (written, flags) => {
    const text = `${HEAD}status:\n  active:\n    version: 1.2.3\n    flags: ${written}\n`;
    expect(parse(text).status.active).toEqual({ version: "1.2.3", flags });
  });

  test("a revision without a version has no flags", () => {
    const { status } = parse(`${HEAD}status: {active: {flags: [FIPS]}, backup: {}}\n`);
    expect(status.active).toEqual({ version: "", flags: [] });
    expect(status.backup).toEqual({ version: "", flags: [] });
  });

  test("a last update without a time has the zero time", () => {
    const { status } = parse(`${HEAD}status: {last_update: {target: {version: 1.2.3}}}\n`);
    expect(status.lastUpdate?.success).toBe(false);
    expect(status.lastUpdate?.time.toISOString()).toBe("0001-01-01T00:00:00.000Z");
  });

  test.each<[text: string, line: number, reason: string]>([
    [`${HEAD}spec: 5\n`, 3, "no mapping as `spec`"],
    [`${HEAD}spec:\n  proxy: [a]\n`, 4, "no text as `spec.proxy`"],
    [`${HEAD}spec:\n  enabled: "true"\n`, 4, "`spec.enabled`"],
    [`${HEAD}spec:\n  pinned: 1\n`, 4, "`spec.pinned`"],
    [`${HEAD}status:\n  active:\n    flags: FIPS\n`, 5, "no list of names as `status.active.flags`"],
    [`${HEAD}status:\n  active:\n    flags: [[FIPS]]\n`, 5, "no list of names as `status.active.flags`"],
    [`${HEAD}status:\n  last_update:\n    time: soon\n`, 5, "no timestamp as `status.last_update.time`"],
    [`${HEAD}spec:\n  proxy: a\n  proxy: b\n`, 5, 'repeats the key "proxy"'],
    ["- a\n", 1, "not a mapping"],
    ["# nothing\n", 1, "not a mapping"],
    ["\tversion: v1\n", 1, "not valid YAML"],
  ])("refuses %j", (text, line, reason) => {
    const { code, message, hint } = refusal(() => parse(text));
    expect(code).toBe("E_CONFIG_READ");
    expect(message).toContain(`line ${line} of \`/update.yaml\``);
    expect(message).toContain(reason);
    expect(hint).toContain("`teleport-update enable --proxy ADDRESS` again, with the `--group`, `--base-url`");
  });

  test.each(["", " \n"])("refuses the empty file %p", (text) => {
    expect(refusal(() => parse(text)).message).toBe("`/update.yaml` is empty");
  });
});
