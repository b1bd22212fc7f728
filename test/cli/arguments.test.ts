import { describe, expect, test } from "bun:test";
import { parseArgs as readLoosely } from "citty";
import fc from "fast-check";
import { type HelpTopic, type Reading, readCommandLine } from "../../src/cli/arguments.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { ENROLL_FLAGS } from "../../src/cli/enroll-flags.ts";
import { GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import type { EnvironmentValues, Program } from "../../src/cli/program.ts";

const PROGRAM: Program = { name: "teleport-update", description: "A program.", commands: COMMANDS };

function nameOf(topic: HelpTopic): string | undefined {
  return typeof topic === "string" ? topic : topic?.meta.name;
}

function read(line: string | string[], environment: EnvironmentValues = {}): Reading {
  const words = typeof line === "string" ? line.split(" ").filter((word) => word !== "") : line;
  return readCommandLine(PROGRAM, words, environment);
}

function accepted(line: string | string[], environment: EnvironmentValues = {}) {
  const reading = read(line, environment);
  if (reading.kind !== "run") throw new Error(`not accepted: ${JSON.stringify(reading)}`);
  const values: Record<string, unknown> = reading.values;
  const sources: Record<string, unknown> = reading.sources;
  return { name: reading.command.meta.name, values, sources };
}

test.each(["constructor", "__proto__", "toString"])(
  "[threat plain-keys] `--%s`, which every object has, is no flag",
  (name) => {
    expect(read(`enable --${name} x`)).toMatchObject({ kind: "refused", reason: `unknown flag \`--${name}\`` });
    expect(read(`enable --no-${name}`)).toMatchObject({ kind: "refused", reason: `unknown flag \`--no-${name}\`` });
  },
);

describe("a bad command line is refused, with the reason and the command it is about", () => {
  test.each([
    // No or unknown command.
    ["", undefined, "no command given"],
    ["--debug", undefined, "no command given"],
    ["frobnicate", undefined, "unknown command `frobnicate`"],
    ["--insecure frobnicate", undefined, "unknown command `frobnicate`"],
    ["help frobnicate", undefined, "unknown command `frobnicate`"],
    ["mirror", "mirror", "`mirror` needs a second word"],
    ["mirror frobnicate", "mirror", "unknown command `mirror frobnicate`"],
    // Paths of a mirror are of this machine.
    [
      "--root /srv/image mirror verify --at m",
      "mirror verify",
      "flag `--root` is not for `mirror verify`, which takes paths of this machine",
    ],
    // Unknown flags.
    ["--frobnicate", undefined, "unknown flag `--frobnicate`"],
    ["--proxy example.com enable", undefined, "unknown flag `--proxy`"],
    ["enable --frobnicate", "enable", "unknown flag `--frobnicate`"],
    ["enable --frobnicate=value", "enable", "unknown flag `--frobnicate`"],
    ["disable --proxy example.com", "disable", "unknown flag `--proxy`"],
    ["status -p example.com", "status", "unknown flag `-p`"],
    ["status -dx", "status", "unknown flag `-x`"],
    ["enable --no-proxy", "enable", "unknown flag `--no-proxy`"],
    ["update --force", "update", "unknown flag `--force`"],
    ["uninstall --now", "uninstall", "unknown flag `--now`"],
    ["unpin --proxy example.com", "unpin", "unknown flag `--proxy`"],
    ["link-package --force", "link-package", "unknown flag `--force`"],
    ["enable ---debug", "enable", "unknown flag `---debug`; did you mean `--debug`?"],
    // Mistyped ones.
    ["enable --proxi x", "enable", "unknown flag `--proxi`; did you mean `--proxy`?"],
    ["enable -proxy foo", "enable", "unknown flag `-proxy`; did you mean `--proxy`?"],
    ["enable -proxy=foo", "enable", "unknown flag `-proxy`; did you mean `--proxy`?"],
    ["status -debgu", "status", "unknown flag `-e`; did you mean `--debug`?"],
    ["setup --self-setpu", "setup", "unknown flag `--self-setpu`"],
    ["enable --version 18.1.0", "enable", "unknown flag `--version`; did you mean `--force-version 18.1.0`?"],
    ["pin --version=18.1.0", "pin", "unknown flag `--version`; did you mean `--force-version 18.1.0`?"],
    ["pin --version", "pin", "unknown flag `--version`; did you mean `--force-version`?"],
    ["update --version 18.1.0", "update", "unknown flag `--version`"],
    ["--version", undefined, "unknown flag `--version`; did you mean `version`?"],
    ["enabel --proxy x", undefined, "unknown command `enabel`; did you mean `enable`?"],
    ["miror build", undefined, "unknown command `miror`; did you mean `mirror`?"],
    ["mirror bild", "mirror", "unknown command `mirror bild`; did you mean `mirror build`?"],
    // Unexpected words.
    ["enable example.com", "enable", "unexpected word `example.com`"],
    ["version now", "version", "unexpected word `now`"],
    ["status status", "status", "unexpected word `status`"],
    ["enable -- --debug", "enable", "unexpected word `--debug`"],
    ["enable -", "enable", "unexpected word `-`"],
    ["help enable disable", "enable", "unexpected word `disable`"],
    ["setup --path /p --reload true", "setup", "unexpected word `true`"],
    ["pin 18.1.0", "pin", "unexpected word `18.1.0`; did you mean `--force-version 18.1.0`?"],
    ["enable v18.1.0-rc.1", "enable", "unexpected word `v18.1.0-rc.1`; did you mean `--force-version v18.1.0-rc.1`?"],
    ["update 18.1.0", "update", "unexpected word `18.1.0`"],
    ["uninstall teleport", "uninstall", "unexpected word `teleport`"],
    ["link-package 1", "link-package", "unexpected word `1`"],
    // Missing values.
    ["enable --proxy", "enable", "flag `--proxy` needs a value"],
    ["enable --proxy --group g", "enable", "flag `--proxy` needs a value"],
    ["enable -p", "enable", "flag `-p` needs a value"],
    ["enable -op", "enable", "flag `-p` needs a value"],
    ["status -i", "status", "flag `-i` needs a value"],
    ["--install-suffix", undefined, "flag `--install-suffix` needs a value"],
    ["setup --reload", "setup", "flag `--path` is required"],
    // Repeated flags.
    ["enable --proxy a --proxy b", "enable", "flag `--proxy` is given more than once"],
    ["enable -p a --proxy=b", "enable", "flag `--proxy` is given more than once"],
    ["--debug status --debug", "status", "flag `--debug` is given more than once"],
    ["status --insecure --no-insecure", "status", "flag `--insecure` is given more than once"],
    ["setup --path /a --path /b", "setup", "flag `--path` is given more than once"],
    // Bad values.
    ["--log-format xml status", "status", "flag `--log-format` must be `text` or `json`, not `xml`"],
    ["version --log-format=", "version", "flag `--log-format` must be `text` or `json`, not ``"],
    ["enable --overwrite=yes", "enable", "flag `--overwrite` takes no value; say `--no-overwrite` to turn it off"],
  ])("%s", (line, command, reason) => {
    const reading = read(line);
    expect(reading).toMatchObject({ kind: "refused", reason });
    expect(reading.kind === "refused" && nameOf(reading.topic)).toBe(command);
  });

  test.each([
    ...["digest", "from", "min-version", "max-version", "min-age", "trusted-key", "ca-file"].map((flag) => [
      "enable",
      flag,
    ]),
    ...["netrc", "bearer-token-file", "client-cert", "client-key", "updater"].map((flag) => ["pin", flag]),
    ["mirror import --from b --to m", "digest"],
    ["mirror build --to m", "digest"],
    ["mirror verify --at m", "trusted-key"],
    ["mirror keygen", "to"],
  ])("`%s --%s` with an empty value, as of an unset variable", (command, flag) => {
    const reason = `flag \`--${flag}\` is given with an empty value; give it one, or leave the flag out`;
    const words = command?.split(" ") ?? [];
    for (const written of [[`--${flag}`, ""], [`--${flag}=`]])
      expect(read([...words, ...written])).toMatchObject({ kind: "refused", reason, fault: "values" });
  });

  test.each(["proxy", "group", "base-url", "path", "force-version", "force-flag", "install-suffix"])(
    "but not `--%s`, which upstream has too and takes as not given",
    (flag) => {
      expect(read(["enable", `--${flag}`, ""])).toMatchObject({ kind: "run" });
    },
  );

  test.each([
    ["status --frob", "words"],
    ["mirror", "words"],
    ["--log-format xml status", "values"],
    ["setup --reload", "values"],
  ] as const)("%s: at fault are its %s", (line, fault) => {
    expect(read(line)).toMatchObject({ kind: "refused", fault });
  });

  test("what a terminal would act on is escaped", () => {
    expect(read(["\u001b[2J"])).toMatchObject({ reason: "unknown command `\\u001b[2J`" });
  });

  test("a variable with a bad truth value", () => {
    const reason = "variable `TELEPORT_ALLOW_PROXY_CONFLICT` must be `true` or `false`, not `yes`";
    expect(read("enable", { TELEPORT_ALLOW_PROXY_CONFLICT: "yes" })).toMatchObject({ kind: "refused", reason });
  });
});

describe("help", () => {
  test.each([
    ["--help", undefined],
    ["-h", undefined],
    ["-dh", undefined],
    ["help", undefined],
    ["help help", undefined],
    ["enable --help", "enable"],
    ["--help enable", "enable"],
    ["help enable", "enable"],
    ["enable -h --proxy example.com", "enable"],
    // Other updaters probe the setup step this way, without the flag that it requires.
    ["setup --help", "setup"],
    ["help setup", "setup"],
    ["mirror --help", "mirror"],
    ["help mirror", "mirror"],
    ["help mirror build", "mirror build"],
    ["mirror build --help", "mirror build"],
  ])("%s", (line, command) => {
    const reading = read(line);
    expect(reading.kind === "help" && nameOf(reading.topic)).toBe(command);
  });
});

describe("values", () => {
  test.each(["-p example.com", "-pexample.com", "-p=example.com", "--proxy example.com", "--proxy=example.com"])(
    "%s",
    (flag) => {
      const { values, sources } = accepted(`enable ${flag}`);
      expect(values["proxy"]).toBe("example.com");
      expect(sources["proxy"]).toBe("command line");
    },
  );

  test("global flags stand before and after the command", () => {
    const before = accepted("-d --log-format json -i blue --insecure status");
    const after = accepted("status -d --log-format json -i blue --insecure");
    expect(before).toEqual(after);
    expect(before.values).toMatchObject({
      debug: true,
      "log-format": "json",
      "install-suffix": "blue",
      insecure: true,
    });
  });

  test("the value of a global flag may be the name of a command", () => {
    expect(accepted("-i enable disable")).toMatchObject({ name: "disable", values: { "install-suffix": "enable" } });
  });

  test("short flags group, and the last may take a value", () => {
    expect(accepted("enable -dogblue").values).toMatchObject({ debug: true, overwrite: true, group: "blue" });
  });

  test.each([
    ["pin --force-version 18.1.0", "force-version", "18.1.0"],
    ["pin -f18.1.0", "force-version", "18.1.0"],
    ["update --now", "now", true],
    ["update -n", "now", true],
    ["update", "now", false],
    ["update --self-setup", "self-setup", true],
    ["uninstall --force", "force", true],
    ["uninstall -f", "force", true],
    ["uninstall --no-force", "force", false],
    ["status --err-if-should-update-now", "err-if-should-update-now", true],
  ])("%s", (line, flag, value) => {
    expect(accepted(line).values[flag]).toBe(value);
  });

  test("a boolean is turned off by its negation", () => {
    expect(accepted("enable --no-selinux-ssh")).toMatchObject({
      values: { "selinux-ssh": false },
      sources: { "selinux-ssh": "command line" },
    });
  });

  test("a value may be empty, hold `=`, or begin with `-` after `=`", () => {
    expect(accepted(["enable", "--proxy", "", "--group=a=b", "--base-url=-x"]).values).toMatchObject({
      proxy: "",
      group: "a=b",
      "base-url": ["-x"],
    });
  });

  test("list flags repeat, in their order", () => {
    expect(accepted("enable --force-flag FIPS --force-flag=Enterprise").values["force-flag"]).toEqual([
      "FIPS",
      "Enterprise",
    ]);
    expect(accepted("setup --path /p --flag Enterprise --flag FIPS").values["flag"]).toEqual(["Enterprise", "FIPS"]);
  });

  test("the frozen line of the setup child is read whole", () => {
    const line = "--install-dir /opt/teleport --install-suffix blue --log-format json --debug setup --path /p --reload";
    expect(accepted(line)).toMatchObject({
      name: "setup",
      values: { "install-dir": "/opt/teleport", "install-suffix": "blue", debug: true, path: "/p", reload: true },
    });
  });

  test("an empty suffix, as the setup child is given in the default namespace", () => {
    expect(accepted(["--install-suffix", "", "setup", "--path", "/p"]).values["install-suffix"]).toBe("");
  });

  test("nothing given: the defaults of the contract", () => {
    const { values, sources } = accepted("enable");
    expect(values).toEqual({
      help: false,
      debug: false,
      "log-format": "text",
      "install-suffix": "",
      "install-dir": "",
      insecure: false,
      root: "",
      proxy: "",
      group: "",
      "base-url": [],
      digest: "",
      offline: false,
      updater: "",
      overwrite: false,
      "allow-proxy-conflict": false,
      arch: "",
      "ca-file": "",
      "trusted-key": [],
      "insecure-skip-signature": false,
      "min-version": "",
      "max-version": "",
      "min-age": "",
      downgrade: false,
      netrc: "",
      "bearer-token-file": "",
      "client-cert": "",
      "client-key": "",
      "hand-over": false,
      "proxy-env": false,
      "force-version": "",
      from: "",
      "force-flag": [],
      "self-setup": false,
      path: "",
      "selinux-ssh": false,
    });
    expect(new Set(Object.values(sources))).toEqual(new Set(["default"]));
  });
});

describe("variables", () => {
  test.each([
    ["enable", "TELEPORT_INSTALL_SUFFIX", "install-suffix", "blue", "blue"],
    ["status", "TELEPORT_INSTALL_DIR", "install-dir", "/srv/teleport", "/srv/teleport"],
    ["enable", "TELEPORT_PROXY", "proxy", "example.com", "example.com"],
    ["enable", "TELEPORT_UPDATE_GROUP", "group", "canary", "canary"],
    ["enable", "TELEPORT_CDN_BASE_URL", "base-url", "https://cdn.example", ["https://cdn.example"]],
    ["enable", "TELEPORT_ALLOW_PROXY_CONFLICT", "allow-proxy-conflict", "T", true],
    ["enable", "TELEPORT_ALLOW_PROXY_CONFLICT", "allow-proxy-conflict", "0", false],
    ["enable", "TELEPORT_UPDATE_VERSION", "force-version", "18.1.0", "18.1.0"],
    ["enable", "TELEPORT_UPDATE_FLAGS", "force-flag", "Enterprise\nFIPS\n", ["Enterprise", "FIPS"]],
    ["enable", "TELEPORT_PATH", "path", "/srv/bin", "/srv/bin"],
    ["enable", "TELEPORT_UPDATE_SELINUX_SSH", "selinux-ssh", "true", true],
    ["pin", "TELEPORT_UPDATE_VERSION", "force-version", "18.1.0", "18.1.0"],
    ["uninstall", "TELEPORT_INSTALL_SUFFIX", "install-suffix", "blue", "blue"],
    ["setup --path /p", "TELEPORT_UPDATE_SETUP_VERSION", "version", "18.1.0", "18.1.0"],
    ["setup --path /p", "TELEPORT_UPDATE_SETUP_FLAGS", "flag", "Enterprise\nFIPS", ["Enterprise", "FIPS"]],
    ["setup --path /p", "TELEPORT_UPDATE_SELINUX_SSH", "selinux-ssh", "false", false],
    ["setup --path /p", "TELEPORT_UPDATE_SETUP_TBOT", "tbot", "true", true],
  ])("%s with %s", (line, variable, flag, text, value) => {
    const { values, sources } = accepted(line, { [variable]: text });
    expect(values[flag]).toEqual(value);
    expect(sources[flag]).toBe("environment");
  });

  test("the command line wins, an empty value included", () => {
    const environment = { TELEPORT_PROXY: "from.variable", TELEPORT_UPDATE_FLAGS: "FIPS" };
    expect(accepted("enable --proxy from.flag", environment).values["proxy"]).toBe("from.flag");
    expect(accepted("enable --proxy=", environment).values["proxy"]).toBe("");
    expect(accepted("enable --force-flag Enterprise", environment).values["force-flag"]).toEqual(["Enterprise"]);
  });

  test("an empty variable counts as none", () => {
    const { values, sources } = accepted("enable", { TELEPORT_PROXY: "", TELEPORT_ALLOW_PROXY_CONFLICT: "" });
    expect([values["proxy"], sources["proxy"]]).toEqual(["", "default"]);
    expect(sources["allow-proxy-conflict"]).toBe("default");
  });

  test("a variable of another command is not read, nor is any for a command that has no such flag", () => {
    const environment = { TELEPORT_UPDATE_SETUP_TBOT: "neither", TELEPORT_ALLOW_PROXY_CONFLICT: "yes" };
    expect(accepted("disable", environment).name).toBe("disable");
  });
});

test("no command line makes the reader throw", () => {
  const names = [...Object.keys(GLOBAL_FLAGS), ...Object.keys(ENROLL_FLAGS)];
  const word = fc.oneof(
    fc.constantFrom(...COMMANDS.map(({ meta }) => meta.name), "help", "--", "-", "-h", "-dp", "text"),
    fc.constantFrom(...names).map((name) => `--${name}`),
    fc.tuple(fc.constantFrom(...names), fc.string()).map(([name, value]) => `--${name}=${value}`),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (words) => {
      expect(["run", "help", "refused"]).toContain(read(words).kind);
    }),
  );
});

test("the tables are citty's data: its own parser reads the same from a line without mistakes", () => {
  const text = fc.stringMatching(/^[a-z0-9.:/]{1,12}$/);
  const line = fc.record(
    {
      debug: fc.boolean(),
      overwrite: fc.boolean(),
      proxy: text,
      group: text,
      "log-format": fc.constantFrom("text", "json"),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(line, (given) => {
      const words = Object.entries(given).map(([name, value]) => {
        if (typeof value === "boolean") return value ? `--${name}` : `--no-${name}`;
        return `--${name}=${value}`;
      });
      const loosely: Record<string, unknown> = readLoosely(words, { ...GLOBAL_FLAGS, ...ENROLL_FLAGS });
      const { values } = accepted(["enable", ...words]);
      for (const name of Object.keys(given)) expect(values[name]).toEqual(loosely[name]);
    }),
  );
});
