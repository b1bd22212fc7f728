import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { isUpdateError } from "../../src/platform/errors.ts";
import { adoptDefaults, mergeOverride, NO_OVERRIDE, type Override } from "../../src/settings/merge.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";
import { revision } from "../../src/settings/revision.ts";
import { emptyConfig, type UpdateConfig, type UpdateSpec } from "../../src/settings/update-config.ts";

const withSpec = (spec: Partial<UpdateSpec>): UpdateConfig => ({
  ...emptyConfig(),
  spec: { ...emptyConfig().spec, ...spec },
});
const KEPT: UpdateSpec = {
  proxy: "proxy.example.com",
  path: "/path",
  group: "group",
  baseUrl: "https://example.com",
  enabled: true,
  pinned: true,
  selinuxSsh: true,
  selinuxSshEnforcing: true,
};

function merged(spec: Partial<UpdateSpec>, override: Partial<Override>, command: "enable" | "pin" | "none" = "none") {
  return mergeOverride(withSpec(spec), { ...NO_OVERRIDE, ...override }, command).spec;
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isUpdateError(error)) return error.code;
    throw error;
  }
  return "none";
}

describe("mergeOverride", () => {
  test.each(["enable", "pin", "none"] as const)("%s without flags keeps every setting", (command) => {
    expect(merged(KEPT, {}, command)).toEqual(KEPT);
  });

  test("what is given replaces what is there", () => {
    const override = { proxy: "new.example.com", path: "/new", group: "new", baseUrl: "https://new.example.com" };
    expect(merged(KEPT, override)).toEqual({ ...KEPT, ...override });
  });

  test.each([
    ["enable", true, false],
    ["pin", false, true],
    ["none", false, false],
  ] as const)("%s sets enabled %p, pinned %p", (command, enabled, pinned) => {
    expect(merged({}, {}, command)).toMatchObject({ enabled, pinned });
  });

  test("`default` clears group and base URL, and is a name like any other elsewhere", () => {
    expect(merged(KEPT, { group: "default", baseUrl: "default" })).toMatchObject({ group: "", baseUrl: "" });
    expect(merged(KEPT, { proxy: "default" }).proxy).toBe("default");
  });

  test.each([
    [{ selinuxSsh: true }, { selinuxSsh: undefined }, { selinuxSsh: true }],
    [{ selinuxSsh: true }, { selinuxSsh: false }, { selinuxSsh: false }],
    [{ selinuxSsh: false }, { selinuxSsh: true }, { selinuxSsh: true }],
    [KEPT, { selinuxSsh: false }, { selinuxSshEnforcing: false }],
    [KEPT, { selinuxSsh: true }, { selinuxSshEnforcing: true }],
  ])("SELinux: %j with %j", (spec, override, expected) => expect(merged(spec, override)).toMatchObject(expected));

  test.each(["enable", "none"] as const)("%s refuses an http base URL in the file", (command) => {
    expect(() => merged({ baseUrl: "http://localhost" }, {}, command)).toThrow("does not begin with `https://`");
    expect(codeOf(() => merged({ baseUrl: "http://localhost" }, {}, command))).toBe("E_BASE_URL");
  });

  test("a good base URL replaces a bad one", () => {
    expect(merged({ baseUrl: "http://localhost" }, { baseUrl: "default" }).baseUrl).toBe("");
  });

  test("credentials stay in a base URL of the file, and are refused in a new one", () => {
    const baseUrl = "https://user:secret@example.com";
    expect(merged({ baseUrl }, {}).baseUrl).toBe(baseUrl);
    expect(codeOf(() => merged({}, { baseUrl }))).toBe("E_BASE_URL");
  });

  test.each([
    ["/usr/local/bin", "/usr/local/bin"],
    ["/opt//teleport/./bin/", "/opt/teleport/bin"],
    ["/opt/teleport/../bin", "/opt/bin"],
    ["/opt/with space", "/opt/with space"],
  ])("the path %p is stored as %p", (path, stored) => expect(merged({}, { path }).path).toBe(stored));

  test.each(['/opt/a"b', "/opt/it's", String.raw`/opt/a\b`])(
    "[threat unit-words] the path %p, at which systemd starts no program, is refused",
    (path) => expect(codeOf(() => merged({}, { path }))).toBe("E_PATH"),
  );

  test.each<[override: Partial<Override>, code: string]>([
    [{ path: "bin" }, "E_PATH"],
    [{ path: "./bin" }, "E_PATH"],
    [{ path: "/" }, "E_PATH"],
    [{ path: "/opt/.." }, "E_PATH"],
    [{ path: "/opt/a\nExecStart=/b" }, "E_PATH"],
    [{ path: "/opt/\u202e" }, "E_PATH"],
    [{ group: "a\u0000" }, "E_USAGE"],
    [{ group: "g".repeat(129) }, "E_USAGE"],
    [{ proxy: "ftp://example.com" }, "E_PROXY_ADDRESS"],
    [{ proxy: "exa mple" }, "E_PROXY_ADDRESS"],
  ])("%j is refused", (override, code) => expect(codeOf(() => merged(KEPT, override))).toBe(code));

  test("what an older updater stored is kept, even where it would be refused today", () => {
    const odd = { path: "bin/", group: "a\tb", proxy: "exa mple" };
    expect(merged(odd, {})).toMatchObject(odd);
  });

  test("merging twice is merging once, and the status is never touched", () => {
    const config = { ...withSpec(KEPT), status: { idFile: "/id", active: revision("1.2.3"), skip: revision("1.2.4") } };
    const word = fc.constantFrom("", "default", "canary");
    fc.assert(
      fc.property(word, word, fc.option(fc.boolean(), { nil: undefined }), (group, proxy, selinuxSsh) => {
        const override = { ...NO_OVERRIDE, group, proxy, selinuxSsh };
        const once = mergeOverride(config, override, "pin");
        expect(mergeOverride(once, override, "pin")).toEqual(once);
        expect(once.status).toEqual(config.status);
      }),
    );
  });
});

describe("adoptDefaults", () => {
  const namespace = namespaceFor("blue");
  const adopted = (spec: Partial<UpdateSpec>, teleportProxy: string | undefined, allowProxyConflict = false) =>
    adoptDefaults(withSpec(spec), { teleportProxy, namespace, allowProxyConflict, idFile: "/tmp/id" });

  test("an unset proxy and path come from teleport.yaml and the namespace, the id file always", () => {
    const { spec, status } = adopted({}, "example.com:3080");
    expect(spec).toMatchObject({ proxy: "example.com:3080", path: "/opt/teleport/blue/bin", enabled: false });
    expect(status.idFile).toBe("/tmp/id");
  });

  test("nothing known leaves the proxy empty [core 7.7 defaults]", () => {
    expect(
      adoptDefaults(withSpec({}), {
        teleportProxy: undefined,
        namespace: namespaceFor(""),
        allowProxyConflict: false,
        idFile: "",
      }).spec,
    ).toMatchObject({
      proxy: "",
      path: "/usr/local/bin",
    });
  });

  test.each([
    ["example.com", "example.com:443"],
    ["https://example.com:8080", "example.com:8080"],
    ["localhost", undefined],
  ])("%p does not conflict with %p", (proxy, teleportProxy) => {
    expect(adopted({ proxy, path: "/p" }, teleportProxy).spec).toMatchObject({ proxy, path: "/p" });
  });

  test("[threat no-secrets] a conflict with a kept proxy is told without its password", () => {
    const refusal = expect.objectContaining({ message: expect.not.stringContaining("C4nary") });
    expect(() => adopted({ proxy: "https://user:C4nary@example.com" }, "example.com:3080")).toThrow(refusal);
  });

  test("a conflict is refused, naming both and the way out, unless it is allowed", () => {
    const conflict = () => adopted({ proxy: "example.com" }, "example.com:3080");
    expect(codeOf(conflict)).toBe("E_PROXY_CONFLICT");
    expect(conflict).toThrow('"example.com" is asked for, but `/etc/teleport_blue.yaml` has "example.com:3080"');
    expect(adopted({ proxy: "example.com" }, "example.com:3080", true).spec.proxy).toBe("example.com");
  });

  test("the file that names the other proxy is the one in the message", () => {
    const defaults = { teleportProxy: "b:3080", proxySource: "/etc/tbot.yaml", namespace, allowProxyConflict: false };
    expect(() => adoptDefaults(withSpec({ proxy: "a" }), { ...defaults, idFile: "" })).toThrow("`/etc/tbot.yaml`");
  });
});
