import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Compiler, type StandIn, writeStandIn } from "./stand-ins.ts";
import { snapshot } from "./tree.ts";

const SETUP = [
  ...["--install-dir", "/opt/teleport", "--install-suffix", ""],
  ...["--log-format", "text", "setup", "--path", "/usr/local/bin"],
];
const VARIABLES = {
  TELEPORT_UPDATE_SETUP_VERSION: "18.1.0",
  TELEPORT_UPDATE_SETUP_FLAGS: "Enterprise\nFIPS",
  TELEPORT_UPDATE_SELINUX_SSH: "true",
  TELEPORT_UPDATE_SELINUX_SSH_ENFORCING: "false",
  TELEPORT_UPDATE_SETUP_TBOT: "true",
};

describe("the updater of a release", () => {
  test("writes the files of a default namespace and tells systemd", async () => {
    using host = await updaterHost();
    expect(host.run(SETUP)).toBe(0);

    const unit = host.read("/lib/systemd/system/teleport.service");
    expect(unit).toStartWith("# teleport-update 18.1.0_ent_fips\n# ");
    expect(unit.split("\n")[2]).toBe("");
    expect(unit).toContain(
      "ExecStart=/usr/local/bin/teleport start --fips --config /etc/teleport.yaml --pid-file=/run/teleport.pid --enable-selinux\n",
    );
    expect(host.read("/etc/systemd/system/tbot.service")).toContain(
      "--diag-socket-for-updater=/data/bot/debug.sock --pid-file=/run/tbot.pid\n",
    );
    expect(host.read("/etc/systemd/system/teleport-update.service")).toContain(
      'ExecStart=/usr/local/bin/teleport-update --install-suffix= "--install-dir=/opt/teleport" update\n',
    );
    expect(host.read("/etc/systemd/system/teleport-update.timer")).toContain("WantedBy=teleport.service\n");
    expect(host.read("/etc/systemd/system/teleport.service.d/teleport-update.conf")).toContain(
      'Environment="TELEPORT_UPDATE_CONFIG_FILE=/opt/teleport/default/update.yaml"\n',
    );
    expect(host.read("/etc/systemd/system/teleport-upgrade.service.d/teleport-update.conf")).toContain("ExecStart=\n");
    expect(host.read("/etc/needrestart/conf.d/teleport-update.conf").split("\n")).toEqual([
      "$nrconf{override_rc}{qr(^teleport\\.service)} = 0;",
      "$nrconf{override_rc}{qr(^tbot\\.service)} = 0;",
      "",
    ]);
    expect(host.systemctlCalls()).toEqual([
      "daemon-reload",
      "enable teleport-update.timer --now",
      "list-unit-files --quiet teleport-upgrade.timer",
      "disable teleport-upgrade.timer --now",
    ]);
  });

  test("writes the files of a suffixed namespace, escaped, and reloads when asked", async () => {
    using host = await updaterHost();
    const words = ["--install-dir", '/o"t', "--install-suffix", "blue", "--log-format", "json", "--debug"];
    expect(host.run([...words, "setup", "--path", "/p", "--reload"], { TELEPORT_UPDATE_SETUP_FLAGS: "" })).toBe(0);

    expect(host.read("/etc/systemd/system/teleport_blue.service")).toStartWith("# teleport-update 18.1.0\n");
    expect(host.read("/etc/systemd/system/teleport-update_blue.service")).toContain(
      'ExecStart=/p/teleport-update --install-suffix=blue "--install-dir=/o\\"t" update\n',
    );
    expect(host.systemctlCalls()).toEqual([
      "daemon-reload",
      "enable teleport-update_blue.timer --now",
      "is-active --quiet teleport_blue.service",
      "reload teleport_blue.service",
      "try-restart tbot_blue.service",
    ]);
  });

  test("notes argv, variables and the names of all variables of each call", async () => {
    using host = await updaterHost();
    host.run(SETUP);
    host.run([...SETUP, "--reload"]);
    const names = expect.arrayContaining(Object.keys(VARIABLES));
    expect(host.notedCalls()).toEqual([
      { argv: SETUP, environment: VARIABLES, names },
      { argv: [...SETUP, "--reload"], environment: VARIABLES, names },
    ]);
  });

  const refused: [string, string[]][] = [
    ["nothing", []],
    ["a new flag", [...SETUP, "--force"]],
    ["another order", ["--install-suffix", "", "--install-dir", "/opt/teleport", ...SETUP.slice(4)]],
    ["no path", SETUP.slice(0, -2)],
    ["another command", ["--install-dir", "/opt/teleport", "--install-suffix", "", "--log-format", "text", "update"]],
  ];
  test.each(refused)("refuses %s with 1 and writes nothing", async (_, words) => {
    using host = await updaterHost();
    const before = snapshot(host.root);
    expect(host.run(words)).toBe(1);
    expect(snapshot(host.root)).toEqual(before);
  });

  test("answers the probe `setup --help`, unless it is an old one", async () => {
    using obeying = await updaterHost();
    expect(obeying.run(["setup", "--help"])).toBe(0);
    using old = await updaterHost({ behaviour: "no-setup" });
    expect(old.run(["setup", "--help"])).toBe(1);
    expect(old.run(SETUP)).toBe(1);
    expect(old.run(["version"])).toBe(0);
  });

  test("setup-fails writes the service units and ends with 1", async () => {
    using host = await updaterHost({ behaviour: "setup-fails" });
    expect(host.run(SETUP)).toBe(1);
    expect(snapshot(host.root, (path) => path.endsWith(".service")).map((line) => line.split(" ")[0])).toEqual([
      "/etc/systemd/system/tbot.service",
      "/lib/systemd/system/teleport.service",
    ]);
    expect(host.notedCalls()).toHaveLength(1);
  });

  test("writes no more than the service units where systemd does not run", async () => {
    using host = await updaterHost();
    rmSync(join(host.root, "run"), { recursive: true });
    expect(host.run(SETUP)).toBe(0);
    expect(snapshot(host.root, (path) => path.startsWith("/etc/systemd/system/teleport"))).toEqual([]);
    expect(host.systemctlCalls()).toEqual([]);
  });
});

const sameCalls: [string, StandIn["behaviour"], string[]][] = [
  ["setup and reload", "good", [...SETUP, "--reload"]],
  ["a setup that fails", "setup-fails", SETUP],
  ["a setup that it does not know", "no-setup", SETUP],
  ["a flag out of order", "good", ["--debug", ...SETUP]],
];
test.each(sameCalls)("made by Bun, it does the same: %s", async (_, behaviour, words) => {
  const outcome = async (compiler?: Compiler) => {
    using host = await updaterHost({ behaviour, compiler });
    return { exitCode: host.run(words), tree: snapshot(host.root, (path) => path !== "/teleport-update") };
  };
  expect(await outcome("bun")).toEqual(await outcome());
});

/** A root with systemd, needrestart and a data folder of its own, and a `systemctl` that says yes and notes its words. */
async function updaterHost(standIn: Pick<StandIn, "compiler" | "behaviour"> = {}) {
  const root = mkdtempSync(join(tmpdir(), "stand-in-updater-"));
  for (const folder of ["run/systemd/system", "etc/needrestart/conf.d", "bin"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  writeFileSync(join(root, "etc/teleport.yaml"), "teleport:\n  data_dir: /data\n");
  const log = join(root, "systemctl.log");
  writeFileSync(log, "");
  writeFileSync(join(root, "bin/systemctl"), '#!/bin/sh\necho "$*" >>"$STAND_IN_ROOT/systemctl.log"\n');
  chmodSync(join(root, "bin/systemctl"), 0o755);
  const updater = join(root, "teleport-update");
  await writeStandIn(updater, { source: "updater", version: "18.1.0", ...standIn });

  const read = (path: string) => readFileSync(join(root, path), "utf8");
  const readLines = (path: string) => read(path).split("\n").slice(0, -1);
  return {
    root,
    read,
    run(words: string[], variables: Partial<typeof VARIABLES> = {}): number {
      const env = { PATH: `${root}/bin:/usr/bin:/bin`, STAND_IN_ROOT: root, ...VARIABLES, ...variables };
      return Bun.spawnSync([updater, ...words], { env, stdio: ["ignore", "ignore", "ignore"] }).exitCode;
    },
    systemctlCalls: () => readLines("/systemctl.log"),
    notedCalls: () => readLines("/opt/teleport/default/setup-calls.jsonl").map((line) => JSON.parse(line)),
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}
