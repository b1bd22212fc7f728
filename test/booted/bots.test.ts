import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { testingExecutablePath } from "../support/executable.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { runTimer, timerHeldBack } from "./support/timer-run.ts";
import { bootUpdaterHost, messages, type Outcome, type UpdaterHost } from "./support/updater-host.ts";
import { expectWhole } from "./support/whole.ts";

const TIMER = "teleport-update.timer";
const BAD = "18.3.0";

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster([
    { version: "18.1.0" },
    { version: "18.2.0" },
    { version: BAD, bad: { bot: "never-ready" } },
  ]);
}, 300_000);
afterAll(() => cluster?.[Symbol.asyncDispose]());

async function bootHost(files: Record<string, string> = {}): Promise<UpdaterHost> {
  cluster.find = advertise("18.1.0");
  const executable = await testingExecutablePath();
  return await bootUpdaterHost(cluster.ca, { executable, files: { ...timerHeldBack(), ...files } });
}

async function moveTo(host: UpdaterHost, version: string) {
  cluster.find = advertise(version);
  return await runTimer(host);
}

const tbotYaml = () => ({ "/etc/tbot.yaml": `version: v2\nproxy_server: ${cluster.address}\n` });
const isActive = (host: UpdaterHost, unit: string) => host.ask("systemctl", "is-active", unit);

describe("a host with nothing but a bot", () => {
  test.each([
    ["the release's setup", []],
    ["our own setup", ["--self-setup"]],
  ])("finds its proxy in `tbot.yaml`, and is kept up to date, also after a reboot: %s", async (_, flags) => {
    await using host = await bootHost(tbotYaml());
    await host.succeed(["enable", "--base-url", cluster.baseUrl, ...flags]);
    expect(await host.readFile("/opt/teleport/default/update.yaml")).toContain(`proxy: ${cluster.address}\n`);
    await host.exec(["systemctl", "enable", "--now", "tbot.service"]);
    expect(await isActive(host, TIMER)).toBe("active");

    await host.reboot();
    expect(await isActive(host, "tbot.service")).toBe("active");
    expect(await isActive(host, TIMER)).toBe("active");
    expect(await host.ask("systemctl", "show", "--value", "-p", "Wants", "tbot.service")).toContain(TIMER);

    expect(await moveTo(host, "18.2.0")).toMatchObject({ exitCode: 0 });
    await expectWhole(host, cluster, { revision: "18.2.0", running: ["tbot"] });
    expect(await isActive(host, TIMER)).toBe("active");

    await host.exec(["systemctl", "disable", "--now", TIMER]);
    expect(await host.ask("find", "/etc/systemd/system", "-name", TIMER, "-type", "l")).toBe("");
  });

  test("has its timer as soon as the bot starts, without another word to systemd", async () => {
    await using host = await bootHost(tbotYaml());
    await host.succeed(["enable", "--base-url", cluster.baseUrl]);
    await host.exec(["systemctl", "stop", TIMER]);
    await host.exec(["systemctl", "start", "tbot.service"]);
    expect(await isActive(host, TIMER)).toBe("active");
  });

  test("keeps its link when a release fails while the timer is stopped", async () => {
    for (const flags of [[], ["--self-setup"]]) {
      await using host = await bootHost(tbotYaml());
      await host.succeed(["enable", "--base-url", cluster.baseUrl, ...flags]);
      await host.exec(["systemctl", "enable", "--now", "tbot.service"]);
      await host.exec(["systemctl", "stop", TIMER]);
      const before = host.footprint();
      cluster.find = advertise(BAD);
      expect(await host.updater(["enable", ...flags])).toMatchObject({ code: "E_BROKEN_RELEASE" });
      expect(host.footprint()).toEqual(before);
      await expectWhole(host, cluster, { revision: "18.1.0", running: ["tbot"] });
    }
  });
});

test("agent and bot go to a release together, and back together", async () => {
  await using host = await bootHost();
  const running = ["teleport", "tbot"] as const;
  await host.succeed(enableFrom(cluster));
  await host.exec(["systemctl", "enable", "--now", "teleport.service", "tbot.service"]);
  await expectWhole(host, cluster, { revision: "18.1.0", running });
  expect(await moveTo(host, "18.2.0")).toMatchObject({ exitCode: 0 });
  await expectWhole(host, cluster, { revision: "18.2.0", running });
  expect(await moveTo(host, BAD)).toMatchObject({ code: "E_BROKEN_RELEASE" });
  await expectWhole(host, cluster, { revision: "18.2.0", running });
  expect(await isActive(host, TIMER)).toBe("active");
});

test("a bot under another name on the same files is named, until the command in that warning was run", async () => {
  const machineId = `[Service]
ExecStart=/usr/local/bin/tbot start -c /etc/tbot.yaml --diag-socket-for-updater=/run/machineid.sock --pid-file=/run/machineid.pid

[Install]
WantedBy=multi-user.target
`;
  await using host = await bootHost({ ...tbotYaml(), "/etc/systemd/system/machineid.service": machineId });
  const named = ({ log }: Outcome) => log.filter(({ message }) => message.startsWith("Another unit runs a bot"));
  await host.exec(["systemctl", "enable", "machineid.service"]);

  const warned = await host.succeed(["enable", "--base-url", cluster.baseUrl]);
  expect(named(warned)).toMatchObject([
    {
      level: "warn",
      unit: "machineid.service",
      path: "/etc/tbot.yaml",
      command: "systemctl disable --now machineid.service",
    },
  ]);
  expect((await host.exec(String(named(warned)[0]?.["command"]).split(" "))).exitCode).toBe(0);
  const silent = await host.succeed(["enable"]);
  expect(named(silent)).toEqual([]);
  expect(messages(silent, "warn")).toEqual(["Teleport is installed, but neither enabled nor running."]);
});
