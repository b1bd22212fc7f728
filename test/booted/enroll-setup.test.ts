import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { added, bootUpdaterHost, UPDATER, type UpdaterHost } from "./support/updater-host.ts";
import { installAsUpstream } from "./support/upstream.ts";

const RELEASES = { obeying: "18.1.0", old: "18.2.0", none: "18.3.0" } as const;
const STAND_IN = "# Stand-in updater";
const OURS = "# Written again at every update";

describe("the setup step", () => {
  let cluster: Cluster;
  let host: UpdaterHost;
  beforeAll(async () => {
    cluster = await startCluster([
      { version: RELEASES.obeying },
      { version: RELEASES.old, updater: "old" },
      { version: RELEASES.none, updater: "none" },
    ]);
    host = await bootUpdaterHost(cluster.ca);
  }, 300_000);
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  /** Enrolls an installation of its own; answers the calls that the release's updater noted. */
  async function enroll(suffix: string, release: keyof typeof RELEASES, flags: readonly string[]): Promise<unknown[]> {
    const version = RELEASES[release];
    await host.succeed([...enableFrom(cluster), "--install-suffix", suffix, "--force-version", version, ...flags]);
    return calls(suffix);
  }

  async function calls(suffix: string): Promise<unknown[]> {
    const text = await host.ask("cat", `/opt/teleport/${suffix}/setup-calls.jsonl`);
    return text === "" ? [] : text.split("\n").map((line) => JSON.parse(line));
  }

  const unit = (suffix: string) => host.readFile(`/etc/systemd/system/teleport-update_${suffix}.service`);
  const link = (suffix: string) => host.ask("readlink", `/opt/teleport/${suffix}/bin/teleport-update`);

  test("calls the release's own updater with the frozen words and the five variables, and without reload", async () => {
    expect(await enroll("plain", "obeying", [])).toEqual([
      {
        argv: [
          ...["--install-dir", "/opt/teleport", "--install-suffix", "plain", "--log-format", "json"],
          ...["setup", "--path", "/opt/teleport/plain/bin"],
        ],
        environment: {
          TELEPORT_UPDATE_SETUP_VERSION: RELEASES.obeying,
          TELEPORT_UPDATE_SETUP_FLAGS: "",
          TELEPORT_UPDATE_SELINUX_SSH: "false",
          TELEPORT_UPDATE_SELINUX_SSH_ENFORCING: "false",
          TELEPORT_UPDATE_SETUP_TBOT: "true",
        },
        names: expect.any(Array),
      },
    ]);
    expect(await unit("plain")).toContain(STAND_IN);
    expect(await link("plain")).toStartWith("/opt/teleport/plain/updater/");
  });

  test("passes on where to install, what to link, and how to log", async () => {
    const flags = ["--install-dir", "/srv/install", "--path", "/srv/links", "--log-format", "text", "--debug"];
    const { exitCode } = await host.exec([UPDATER, ...enableFrom(cluster), "-i", "moved", ...flags]);
    expect(exitCode).toBe(0);
    const [call] = (await host.readFile("/srv/install/moved/setup-calls.jsonl")).split("\n");
    expect(JSON.parse(call ?? "").argv).toEqual([
      ...["--install-dir", "/srv/install", "--install-suffix", "moved", "--log-format", "text", "--debug"],
      ...["setup", "--path", "/srv/links"],
    ]);
    expect(await host.ask("readlink", "/srv/links/tsh")).toBe("/srv/install/moved/versions/18.1.0/bin/tsh");
  });

  test("[core 7.7 SELinux from user] [core 7.7 SELinux from file]: SELinux is asked for, and stays so", async () => {
    const selinux = (call: unknown) => expect(call).toHaveProperty("environment.TELEPORT_UPDATE_SELINUX_SSH", "true");
    selinux((await enroll("selinux", "obeying", ["--selinux-ssh"])).at(-1));
    expect(await host.readFile("/opt/teleport/selinux/update.yaml")).toContain("    selinux_ssh: true\n");
    selinux((await enroll("selinux", "obeying", [])).at(-1));
    expect(await calls("selinux")).toHaveLength(2);
  });

  test.each([
    ["a release whose updater knows no setup", "old", []],
    ["a release without an updater", "none", []],
    ["`--self-setup`", "obeying", ["--self-setup"]],
  ] as const)("uses our templates for %s", async (_, release, flags) => {
    const suffix = `own-${release}`;
    expect(await enroll(suffix, release, flags)).toEqual([]);
    const text = await unit(suffix);
    expect(text).toStartWith(`# teleport-update ${RELEASES[release]}\n${OURS}`);
    expect(await host.ask("systemctl", "is-active", `teleport-update_${suffix}.timer`)).toBe("active");
    expect(await link(suffix)).toStartWith(`/opt/teleport/${suffix}/updater/`);
  });

  test("`--hand-over` links the release's updater, which is told to reload", async () => {
    const made = await enroll("upstream", "obeying", ["--hand-over"]);
    expect(made).toHaveLength(1);
    expect(made[0]).toMatchObject({
      argv: expect.arrayContaining(["--path", "/opt/teleport/upstream/bin", "--reload"]),
    });
    expect(await link("upstream")).toBe("/opt/teleport/upstream/versions/18.1.0/bin/teleport-update");
    expect((await host.exec(["test", "-e", "/opt/teleport/upstream/updater"])).exitCode).toBe(1);

    const refused = await host.updater([...enableFrom(cluster), "-i", "nobody", "-f", RELEASES.none, "--hand-over"]);
    expect(refused).toMatchObject({ exitCode: 1, code: "E_NO_PROGRAMS" });
  });

  test("a host that was handed over comes back by enrolling it again", async () => {
    await enroll("back", "obeying", ["--hand-over"]);
    await enroll("back", "obeying", []);
    expect(await link("back")).toStartWith("/opt/teleport/back/updater/");
  });
});

describe("ours as the setup step of another updater", () => {
  const VERSION = "18.1.0";
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster([{ version: VERSION }]);
  }, 300_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  test("[core 7.9 no restart] [core 7.9 restart]: writes the units, starts the timer, reloads, under the parent's lock", async () => {
    const archive = cluster.made[VERSION]?.archive ?? "";
    await using host = await bootUpdaterHost(cluster.ca, {
      async beforeBoot(directory) {
        await installAsUpstream(directory, archive, VERSION);
        // A release of ours: its own updater is this program.
        const place = join(directory, `opt/teleport/default/versions/${VERSION}/bin/teleport-update`);
        cpSync(join(directory, UPDATER), place);
      },
    });
    const before = host.footprint();
    const setup = (...flags: string[]) =>
      host.exec(
        [
          // Its parent holds the lock all the while.
          ...["flock", "--exclusive", "--nonblock", "/opt/teleport/default/update.lock"],
          ...["/usr/local/bin/teleport-update", "--install-dir", "/opt/teleport", "--install-suffix", ""],
          ...["--log-format", "text", "setup", "--path", "/usr/local/bin", ...flags],
        ],
        {
          env: {
            TELEPORT_UPDATE_SETUP_VERSION: VERSION,
            TELEPORT_UPDATE_SETUP_FLAGS: "Enterprise",
            TELEPORT_UPDATE_SELINUX_SSH: "false",
            TELEPORT_UPDATE_SELINUX_SSH_ENFORCING: "false",
            TELEPORT_UPDATE_SETUP_TBOT: "true",
          },
        },
      );

    expect((await setup()).exitCode).toBe(0);
    const made = added(before, host.footprint());
    expect(made.map((line) => line.split(" ")[0] ?? "")).toEqual([
      "/etc/systemd/system/tbot.service",
      "/etc/systemd/system/tbot.service.wants/",
      "/etc/systemd/system/tbot.service.wants/teleport-update.timer",
      "/etc/systemd/system/teleport-update.service",
      "/etc/systemd/system/teleport-update.timer",
      "/etc/systemd/system/teleport-upgrade.service.d/",
      "/etc/systemd/system/teleport-upgrade.service.d/teleport-update.conf",
      "/etc/systemd/system/teleport.service.d/",
      "/etc/systemd/system/teleport.service.d/teleport-update.conf",
      "/etc/systemd/system/teleport.service.wants/",
      "/etc/systemd/system/teleport.service.wants/teleport-update.timer",
      "/usr/lib/systemd/system/teleport.service",
    ]);
    const units = made.filter((line) => line.includes(" 644 "));
    expect(units.filter((line) => !line.includes(`"# teleport-update ${VERSION}_ent\\n`))).toEqual([]);
    expect(await host.ask("systemctl", "is-active", "teleport-update.timer")).toBe("active");

    await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
    const { pid } = await readiness(host);
    expect((await setup("--reload")).exitCode).toBe(0);
    expect((await readiness(host)).pid).not.toBe(pid);
  });
});
