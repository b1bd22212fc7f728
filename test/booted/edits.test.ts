import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { runTimer, timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, type UpdaterHost } from "./support/updater-host.ts";
import { expectWhole } from "./support/whole.ts";

const UNIT = "/usr/lib/systemd/system/teleport.service";
const BAD = "18.3.0";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster([
    { version: "18.1.0" },
    { version: "18.2.0" },
    { version: BAD, bad: { agent: "never-ready" } },
  ]);
}, 300_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());

async function enrolledHost(flags: readonly string[], files: Record<string, string> = {}): Promise<UpdaterHost> {
  cluster.find = advertise("18.1.0");
  const executable = await testingExecutablePath();
  const host = await bootUpdaterHost(cluster.ca, { executable, files: { ...timerHeldBack(), ...files } });
  await host.succeed([...enableFrom(cluster), ...flags]);
  return host;
}

async function moveTo(host: UpdaterHost, version: string) {
  cluster.find = advertise(version);
  return await runTimer(host);
}

describe("a unit that an operator edited", () => {
  const EDITED_LINE =
    "ExecStart=/usr/local/bin/teleport start --config /etc/teleport.yaml --pid-file=/run/teleport.pid --debug";
  const NEW_LINE = EDITED_LINE.replace(" --debug", "");
  const copies = (host: UpdaterHost) => host.ask("sh", "-c", `ls ${UNIT}.edited-* 2>/dev/null`);

  test.each([
    ["the release's setup", []],
    ["our own setup", ["--self-setup"]],
  ])("is kept beside the new one, which the agent runs by: %s", async (_, flags) => {
    await using host = await enrolledHost(flags);
    await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
    await host.exec(["sed", "-i", `s|^ExecStart=.*|${EDITED_LINE}|`, UNIT]);
    const edited = await host.readFile(UNIT);
    expect(edited).toContain(`${EDITED_LINE}\n`);

    const { exitCode, log } = await moveTo(host, "18.2.0");
    expect(exitCode).toBe(0);
    const copy = await copies(host);
    expect(copy).toMatch(/\/teleport\.service\.edited-\d{8}T\d{6}Z$/);
    expect(await host.readFile(copy)).toBe(edited);
    expect(await host.readFile(UNIT)).toContain(`${NEW_LINE}\n`);
    const said = log.filter((line) => /^WARN (- |\+ |A unit|A change)/.test(line));
    expect(said).toEqual([
      expect.stringContaining(`kept:${copy.replace("/usr/lib", "/lib")}`),
      `WARN - ${EDITED_LINE}`,
      `WARN + ${NEW_LINE}`,
      expect.stringContaining('command:"systemctl edit teleport.service"'),
    ]);
    await expectWhole(host, cluster, { revision: "18.2.0" });
    expect(await host.ask("systemctl", "list-unit-files", "--no-legend", "teleport.service*")).toMatch(
      /^teleport\.service +enabled/,
    );
  });

  test("is left as it is by a release that does not live", async () => {
    await using host = await enrolledHost([]);
    await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
    await host.exec(["sed", "-i", `s|^ExecStart=.*|${EDITED_LINE}|`, UNIT]);
    const edited = await host.readFile(UNIT);
    expect(await moveTo(host, BAD)).toMatchObject({ code: "E_BROKEN_RELEASE" });
    expect(await host.readFile(UNIT)).toBe(edited);
    expect(await copies(host)).toBe("");
    await expectWhole(host, cluster, { revision: "18.1.0" });
  });
});

describe("an agent without root", () => {
  const DROP_IN = "/etc/systemd/system/teleport.service.d/10-agent.conf";
  const SCHEDULE = "/etc/teleport-upgrade.d/schedule";
  const FILES = {
    [DROP_IN]: `[Service]
User=agent
Group=agent
RuntimeDirectory=agent
Environment="FROM_A_DROP_IN=yes"
ExecStart=
ExecStart=/usr/local/bin/teleport start --config /etc/teleport.yaml --pid-file=/run/agent/teleport.pid
ExecReload=
ExecReload=/bin/sh -c "exec pkill -HUP -L -F /run/agent/teleport.pid"
PIDFile=/run/agent/teleport.pid
`,
    [SCHEDULE]: "nop",
  };
  /** What belongs to the operator and the agent must stay the same file, unwritten. */
  const FILES_AS_THEY_ARE = ["stat", "--format=%n %U %a %i %y", DROP_IN, SCHEDULE, "/var/lib/teleport/bot"];
  const DATA_AS_IT_IS = ["stat", "--format=%n %U %a %i", "/var/lib/teleport"];

  let host: UpdaterHost;
  let kept: string;
  beforeAll(async () => {
    cluster.find = advertise("18.1.0");
    const executable = await testingExecutablePath();
    host = await bootUpdaterHost(cluster.ca, { executable, files: { ...timerHeldBack(), ...FILES } });
    await run("useradd", "--system", "agent");
    await run("install", "--directory", "--owner=agent", "--group=agent", "--mode=0700", "/var/lib/teleport");
    await run("chown", "agent:agent", "/etc/teleport-upgrade.d", SCHEDULE);
    // What an agent may try, as its data directory is its own: each name leads to what only root may read or make.
    await plant("/etc/shadow", "host_uuid");
    await plant("/etc/planted-by-the-agent", "bot");
    await host.succeed(enableFrom(cluster));
    await run("systemctl", "enable", "--now", "teleport.service");
    await readiness(host);
    kept = await whatIsKept();
  }, 300_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  async function run(...argv: string[]): Promise<void> {
    expect(await host.exec(argv)).toMatchObject({ exitCode: 0 });
  }

  const whatIsKept = async () => `${await host.ask(...FILES_AS_THEY_ARE)}\n${await host.ask(...DATA_AS_IT_IS)}`;

  function plant(target: string, name: string): Promise<void> {
    return run(
      "setpriv",
      "--reuid=agent",
      "--regid=agent",
      "--clear-groups",
      "ln",
      "-s",
      target,
      `/var/lib/teleport/${name}`,
    );
  }

  async function expectAgentAt(revision: string): Promise<void> {
    await expectWhole(host, cluster, { revision });
    const { pid } = await readiness(host);
    expect(await host.ask("stat", "--format=%U", `/proc/${pid}`)).toBe("agent");
    expect(await host.ask("cat", `/proc/${pid}/environ`)).toContain("FROM_A_DROP_IN=yes");
    expect(await host.ask("cat", `/proc/${pid}/environ`)).toContain("TELEPORT_UPDATE_INSTALL_DIR=/opt/teleport");
    expect(await whatIsKept()).toBe(kept);
    expect(await host.readFile(DROP_IN)).toBe(FILES[DROP_IN]);
    expect(await host.readFile(SCHEDULE)).toBe("nop");
  }

  test("is enrolled as it is", async () => {
    await expectAgentAt("18.1.0");
  });

  test("is updated without a restart", async () => {
    expect(await moveTo(host, "18.2.0")).toMatchObject({ exitCode: 0 });
    await expectAgentAt("18.2.0");
    expect(await host.ask("systemctl", "show", "--value", "--property=NRestarts", "teleport.service")).toBe("0");
  });

  test("is put back when the new release does not live", async () => {
    expect(await moveTo(host, BAD)).toMatchObject({ code: "E_BROKEN_RELEASE" });
    await expectAgentAt("18.2.0");
  });

  test("leads the updater nowhere by its links", async () => {
    expect(await host.ask("readlink", "/var/lib/teleport/host_uuid", "/var/lib/teleport/bot")).toBe(
      "/etc/shadow\n/etc/planted-by-the-agent",
    );
    expect((await host.exec(["test", "-e", "/etc/planted-by-the-agent"])).exitCode).toBe(1);
    const { log } = await moveTo(host, "18.2.0");
    expect(log.filter((line) => line.includes("host_uuid"))).toHaveLength(1);
  });
});
