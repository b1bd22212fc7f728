import { describe, expect, test } from "bun:test";
import { COMMANDS, SETUP_FLAGS } from "../../src/cli/commands.ts";
import { ENROLL_FLAGS } from "../../src/cli/enroll-flags.ts";
import { type FlagTable, GLOBAL_FLAGS } from "../../src/cli/flags.ts";
import { captureEnvironment, READ_VARIABLES, scrubEnvironment } from "../../src/settings/environment.ts";
import { REFUSED_VARIABLES } from "../../src/settings/refused-variables.ts";

describe("captureEnvironment", () => {
  test("takes what the tool reads and has a value, and nothing else", () => {
    const environment = { TELEPORT_PROXY: "p", TELEPORT_UPDATE_GROUP: "", no_proxy: "x", HOME: "/root", PATH: "/bin" };
    expect(captureEnvironment(environment)).toEqual({ values: { TELEPORT_PROXY: "p", no_proxy: "x" }, refused: [] });
  });

  test("takes a proxy variable that is empty, as it says that there is no proxy", () => {
    expect(captureEnvironment({ HTTPS_PROXY: "", TELEPORT_UPDATE_HTTPS_PROXY: "" }).values).toEqual({
      HTTPS_PROXY: "",
    });
  });

  test("[threat refused-variables] names the refused variables that have a value", () => {
    const environment = {
      NODE_OPTIONS: "--require x",
      BUN_CONFIG_VERBOSE_FETCH: "curl",
      BUN_INSPECT: "1",
      LD_PRELOAD: "",
      LD_DEBUG: "all",
      LDFLAGS: "-s",
    };
    expect(captureEnvironment(environment).refused).toEqual([
      "BUN_CONFIG_VERBOSE_FETCH",
      "BUN_INSPECT",
      "LD_DEBUG",
      "NODE_OPTIONS",
    ]);
  });

  test("leaves the environment as it is", () => {
    const environment = Object.freeze({ NODE_OPTIONS: "x", HTTPS_PROXY: "p" });
    expect(captureEnvironment(environment).values).toEqual({ HTTPS_PROXY: "p" });
  });
});

describe("scrubEnvironment", () => {
  test("[threat refused-variables] deletes every refused and every proxy variable, and keeps the rest", () => {
    const refused = Object.keys(REFUSED_VARIABLES).map((name) => name.replace("*", "X"));
    const proxies = ["HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"];
    const doomed = [...refused, ...proxies, ...proxies.map((name) => name.toLowerCase())];
    const environment = Object.fromEntries([...doomed, "PATH", "TELEPORT_PROXY"].map((name) => [name, "x"]));
    scrubEnvironment(environment);
    expect(environment).toEqual({ PATH: "x", TELEPORT_PROXY: "x" });
  });

  test("[threat refused-variables] acts on the environment of a real process", async () => {
    const child = Bun.spawn([process.execPath, "-e", SCRUB], {
      env: { NODE_TLS_REJECT_UNAUTHORIZED: "0", HTTPS_PROXY: "http://127.0.0.1:1", TMPDIR: "/tmp" },
      stdout: "pipe",
    });
    expect(JSON.parse(await child.stdout.text())).toEqual({
      before: ["HTTPS_PROXY", "NODE_TLS_REJECT_UNAUTHORIZED"],
      after: [],
    });
  });
});

const SCRUB = `
import { scrubEnvironment } from ${JSON.stringify(new URL("../../src/settings/environment.ts", import.meta.url).pathname)};
const left = () => Object.keys(process.env).filter((name) => /PROXY|NODE_/.test(name)).sort();
const before = left();
scrubEnvironment(process.env);
console.log(JSON.stringify({ before, after: left() }));
`;

describe("the table and the command line", () => {
  const flagsOf = (table: FlagTable, prefix: string) =>
    Object.entries(table).flatMap(([name, { env }]) => (env === undefined ? [] : [[env, `${prefix}--${name}`]]));
  const backed = [...flagsOf(GLOBAL_FLAGS, ""), ...flagsOf(ENROLL_FLAGS, "enable "), ...flagsOf(SETUP_FLAGS, "setup ")];

  test("every variable of every command is in the table", () => {
    const read = [GLOBAL_FLAGS, ...COMMANDS.map(({ args }) => args)].flatMap((table) => flagsOf(table, ""));
    expect(read.map(([variable]) => variable).filter((name) => !(String(name) in READ_VARIABLES))).toEqual([]);
  });

  test("every flag that the table names takes its value from that variable", () => {
    for (const [variable, row] of Object.entries(READ_VARIABLES)) {
      if ("flag" in row) expect(backed).toContainEqual([variable, row.flag]);
    }
  });
});
