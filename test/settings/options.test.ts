import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parse } from "yaml";
import { isUpdateError } from "../../src/platform/errors.ts";
import { formatYaml } from "../../src/settings/go-yaml.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import {
  formatOptions,
  mapPaths,
  readOptions,
  type UpdaterOptions,
  unknownOptions,
} from "../../src/settings/options.ts";
import { temporaryHost } from "../support/temporary-host.ts";

const namespace = namespaceFor("");
const HEAD = "version: v1\nkind: updater_options\n";
const format = (previous: string | undefined, caFile?: string) =>
  formatOptions(previous, { caFile }, namespace.options);

function read(content: string) {
  using host = temporaryHost();
  host.write(namespace.options, content);
  return readOptions(host.files, namespace);
}

describe("readOptions", () => {
  test("no file, no options", () => {
    using host = temporaryHost();
    expect(readOptions(host.files, namespace)).toEqual({});
  });

  test("reads what is there and passes over what it does not know", () => {
    expect(read(HEAD)).toEqual({});
    expect(read(`${HEAD}ca_file: /etc/ca.pem\nfuture: {a: [1, ~]}\n`)).toEqual({ caFile: "/etc/ca.pem" });
  });

  test("tells the keys that it passes over, and what they are like", () => {
    using host = temporaryHost();
    const keys = "ca_file: /ca.pem\ntrusted_key: [/a.pem]\nmax-version: 18\nMin_Version: 18\nfuture: {a: 1}\n";
    expect(unknownOptions(host.files, namespace)).toEqual([]);
    host.write(namespace.options, HEAD + keys);
    expect(unknownOptions(host.files, namespace)).toEqual([
      { key: "trusted_key", meant: "trusted_keys" },
      { key: "max-version", meant: "max_version" },
      { key: "Min_Version", meant: "min_version" },
      { key: "future", meant: undefined },
    ]);
  });

  test("what cannot be read is refused", () => {
    using host = temporaryHost();
    host.files.makeDirectory(namespace.options);
    expect(() => readOptions(host.files, namespace)).toThrow(expect.objectContaining({ code: "E_OPTIONS_READ" }));
  });

  test("one that others may write need not cost the host its limits and keys", () => {
    using host = temporaryHost();
    const path = `${host.root}${namespace.options}`;
    const hint = () => {
      try {
        return readOptions(host.files, namespace);
      } catch (error) {
        return isUpdateError(error, "E_OPTIONS_READ") ? error.hint : error;
      }
    };
    host.write(namespace.options, HEAD, 0o666);
    const away = `look at it, and move it away: \`mv ${path} ${path}.bad\`, and give its options again, like \`--trusted-key\``;
    expect(hint()).toBe(
      `${away}; or, when you know every line of it, run \`chown root:root ${path} && chmod go-w ${path}\``,
    );
    host.files.removeFile(namespace.options);
    host.link(namespace.options, "/etc/planted");
    expect(hint()).toBe(away);
  });

  test.each([
    ["empty", "", "is empty"],
    ["another kind", "version: v1\nkind: update_config\n", 'is of the kind "update_config"'],
    ["no kind", "version: v1\n", "is of the kind"],
    ["a newer version", "version: v2\nkind: updater_options\n", 'has the version "v2"'],
    ["a relative path", `${HEAD}ca_file: ca.pem\n`, "not an absolute path"],
    ["a path of another type", `${HEAD}ca_file: [/ca.pem]\n`, "not an absolute path"],
    ["broken", `${HEAD}ca_file: [\n`, "is not valid YAML"],
    ["a repeated key", `${HEAD}ca_file: /a\nca_file: /b\n`, 'repeats the key "ca_file" (line 4)'],
    ["an anchor", `${HEAD}ca_file: &a /a\n`, "uses an anchor (line 3)"],
  ])("%s is refused", (_name, content, problem) => {
    using host = temporaryHost();
    host.write(namespace.options, content);
    try {
      readOptions(host.files, namespace);
    } catch (error) {
      if (!isUpdateError(error, "E_OPTIONS_READ")) throw error;
      expect(error.message).toStartWith(`\`${host.root}/opt/teleport/default/updater.yaml\` `);
      expect(error.message).toContain(problem);
      expect(error.hint).toBeDefined();
      return;
    }
    throw new Error("was not refused");
  });
});

describe("formatOptions", () => {
  test("no file and no options: nothing to write", () => expect(format(undefined)).toBeUndefined());

  test("a first option makes the file", () => {
    expect(format(undefined, "/etc/ca.pem")).toBe(`${HEAD}ca_file: /etc/ca.pem\n`);
  });

  test("options as they are leave the text as it is, byte for byte", () => {
    const text = `# mine\nkind:   updater_options\nversion: "v1"\nca_file: '/a'\nother:   1\n`;
    expect(format(text, "/a")).toBe(text);
    expect(format(HEAD)).toBe(HEAD);
  });

  test("a changed option leaves everything else: unknown keys, values and comments", () => {
    const rest = `# keep me
future:
  - a: 0o17 # and me
    b: 1e3
  - { x: 1_000, y: ~ }
big: 12345678901234567890
empty:
quoted: 'it''s'
long: ${"word ".repeat(40)}end
block: |
  one
    two
`;
    expect(format(`${HEAD}${rest}`, "/etc/ca: x # y.pem")).toBe(`${HEAD}${rest}ca_file: "/etc/ca: x # y.pem"\n`);
    expect(format(`${HEAD}ca_file: /old\n${rest}`, "/new")).toBe(`${HEAD}ca_file: /new\n${rest}`);
    expect(format(`${HEAD}ca_file: /old\n${rest}`)).toBe(`${HEAD}${rest}`);
  });

  test("a file that is not ours to rewrite is refused", () => {
    expect(() => format("version: v2\nkind: updater_options\n", "/a")).toThrow('has the version "v2"');
    expect(() => format("a: b\n")).toThrow("is of the kind");
  });

  test("every path is read back, and what a newer release stored stays", () => {
    const path = fc.string({ unit: "binary" }).map((tail) => `/${tail}`);
    fc.assert(
      fc.property(path, path, fc.string({ unit: "binary" }), (first, second, other) => {
        const newer = formatYaml({ version: "v1", kind: "updater_options", future: { other } });
        const once = format(newer, first) ?? "";
        expect(read(once)).toEqual({ caFile: first });
        const twice = format(once, second) ?? "";
        expect(read(twice)).toEqual({ caFile: second });
        expect(parse(format(twice) ?? "", { schema: "failsafe" })).toMatchObject({ future: { other } });
      }),
      { numRuns: 60 },
    );
  });
});

test("a list of paths that all turn into nothing is left out, as no file may hold an empty one", () => {
  const options: UpdaterOptions = { caFile: "/ca.pem", trustedKeys: ["/a.pem", "/b.pem"] };
  expect(mapPaths(options, () => undefined)).toEqual({});
  expect(mapPaths(options, (path) => (path === "/a.pem" ? undefined : path)).trustedKeys).toEqual(["/b.pem"]);
});
