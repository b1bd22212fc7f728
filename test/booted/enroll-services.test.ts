import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { added, bootUpdaterHost, messages, type Outcome, UPDATER } from "./support/updater-host.ts";

const OLD_UPDATER = "18.2.0";
const TBOT_UNIT = "/etc/systemd/system/tbot.service";
const NEEDRESTART = "/etc/needrestart/conf.d/teleport-update.conf";

describe("services that are there already", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster([{ version: "18.1.0" }, { version: OLD_UPDATER, updater: "old" }]);
  }, 300_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  describe("the v1 updater", () => {
    const FILES = {
      "/usr/lib/systemd/system/teleport-upgrade.timer":
        "[Timer]\nOnCalendar=*-*-* 00:00:00\n\n[Install]\nWantedBy=teleport.service timers.target\n",
      "/usr/lib/systemd/system/teleport-upgrade.service":
        "[Service]\nType=oneshot\nExecStart=/usr/bin/touch /run/v1-has-run\n",
    };
    const V1_WARNINGS = [
      "The package teleport-ent-updater, a deprecated updater, is installed.",
      "Its timer is disabled now.",
      "Its service will not update Teleport any more.",
      "Please remove the package teleport-ent-updater.",
    ];

    test.each([
      ["our own setup", ["--self-setup"], V1_WARNINGS],
      // What the setup of a release has to say is its own affair.
      ["the setup of the release", [], []],
    ])("%s takes its timer and its work, and leaves its files", async (_, flags, warnings) => {
      await using host = await bootUpdaterHost(cluster.ca, { files: FILES });
      await host.exec(["systemctl", "enable", "--now", "teleport-upgrade.timer"]);
      const outcome = await host.succeed([...enableFrom(cluster), ...flags]);
      expect(messages(outcome, "warn")).toEqual([
        ...warnings,
        // Of the agent, and of the bot.
        ...Array(2).fill("The service is not running, so it is not reloaded."),
        "Teleport is installed, but neither enabled nor running.",
      ]);

      expect(await host.ask("systemctl", "is-enabled", "teleport-upgrade.timer")).toBe("disabled");
      expect(await host.ask("systemctl", "is-active", "teleport-upgrade.timer")).toBe("inactive");
      for (const [path, text] of Object.entries(FILES)) expect(await host.readFile(path)).toBe(text);
      expect((await host.exec(["systemctl", "start", "teleport-upgrade.service"])).exitCode).toBe(0);
      expect((await host.exec(["test", "-e", "/run/v1-has-run"])).exitCode).toBe(1);
    });
  });

  describe("tbot", () => {
    const CUSTOM = "[Service]\nExecStart=/bin/sleep infinity\n\n[Install]\nWantedBy=multi-user.target\n";
    const HAS_NEEDRESTART = { "/etc/needrestart/conf.d/README": "" };
    const aboutTbot = (outcome: Outcome) => outcome.log.filter((line) => line["unit"] === "tbot.service");

    test("is written but left off where nobody uses it", async () => {
      await using host = await bootUpdaterHost(cluster.ca, { files: HAS_NEEDRESTART });
      await host.succeed([...enableFrom(cluster), "--self-setup"]);
      expect(await host.readFile(TBOT_UNIT)).toStartWith("# teleport-update 18.1.0\n");
      expect(await host.ask("systemctl", "is-enabled", "tbot.service")).toBe("disabled");
      expect(await host.ask("systemctl", "is-active", "tbot.service")).toBe("inactive");
      expect(await host.ask("stat", "-c", "%a", "/var/lib/teleport/bot")).toBe("700");
      expect(await host.readFile(NEEDRESTART)).toContain("tbot");
    });

    test("[inst 8.2 custom tbot unit]: a unit of somebody else's is left alone, until `--overwrite` takes it", async () => {
      await using host = await bootUpdaterHost(cluster.ca, { files: { ...HAS_NEEDRESTART, [TBOT_UNIT]: CUSTOM } });
      await host.exec(["systemctl", "enable", "--now", "tbot.service"]);
      const pid = await host.ask("systemctl", "show", "--value", "-p", "MainPID", "tbot.service");

      const kept = await host.succeed([...enableFrom(cluster), "--self-setup"]);
      expect(await host.readFile(TBOT_UNIT)).toBe(CUSTOM);
      expect(await host.readFile(NEEDRESTART)).not.toContain("tbot");
      expect(await host.ask("systemctl", "show", "--value", "-p", "MainPID", "tbot.service")).toBe(pid);
      expect(messages(kept, "warn")).toEqual([
        "The service of tbot was not made by the updater, which cannot manage it.",
        "Pass --overwrite to replace it.",
        "Drop-ins can still be used to change a replaced service.",
        "The service is not running, so it is not reloaded.",
        "Teleport is installed, but neither enabled nor running.",
      ]);
      // The only word about a bot that is not ours.
      expect(aboutTbot(kept)).toHaveLength(1);

      const taken = await host.succeed(["enable", "--overwrite", "--self-setup"]);
      expect(await host.readFile(TBOT_UNIT)).toStartWith("# teleport-update 18.1.0\n");
      expect(await host.readFile(NEEDRESTART)).toContain("tbot");
      expect(aboutTbot(taken).map(({ message }) => message)).toEqual([
        "The custom service of tbot will be overwritten.",
      ]);
    });
  });

  test.each([
    ["our own setup", ["--self-setup"]],
    ["the setup of the release", []],
  ])("without systemd, %s writes the units of the services and nothing else", async (_, flags) => {
    await using host = await bootUpdaterHost(cluster.ca);
    const before = host.footprint();
    const { exitCode, stderr } = await host.exec([
      // Without `/run` there is neither the mark of a running systemd nor a way to talk to it.
      ...["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"],
      ...[UPDATER, "--log-format=json", ...enableFrom(cluster), ...flags],
    ]);
    expect({ exitCode, said: stderr.includes("systemd was not found on this host") }).toEqual({
      exitCode: 0,
      said: true,
    });
    const made = added(before, host.footprint()).map((line) => line.split(" ")[0] ?? "");
    expect(made.filter((path) => !path.startsWith("/opt/") && !path.startsWith("/usr/local/bin/"))).toEqual([
      TBOT_UNIT,
      "/usr/lib/systemd/system/teleport.service",
    ]);
    expect(await host.ask("readlink", "/usr/local/bin/tsh")).toBe("/opt/teleport/default/versions/18.1.0/bin/tsh");
  });

  test("[inst 8.2 suffix]: a second installation has everything of its own", async () => {
    await using host = await bootUpdaterHost(cluster.ca, {
      files: {
        "/etc/needrestart/conf.d/README": "",
        "/etc/teleport_blue.yaml": "teleport:\n  data_dir: /srv/blue\n",
      },
    });
    await host.succeed([...enableFrom(cluster), "--self-setup"]);
    const before = host.footprint();

    const outcome = await host.succeed([...enableFrom(cluster), "--self-setup", "--install-suffix", "blue"]);
    expect(messages(outcome, "warn").slice(-4)).toEqual([
      "Custom install suffix detected.",
      "The data directory must be set in the configuration file of Teleport.",
      "The data directory must be set in the configuration file of tbot.",
      "Teleport is installed, but neither enabled nor running.",
    ]);
    const after = host.footprint();
    expect(added(after, before)).toEqual([]);
    const made = added(before, after).map((line) => line.split(" ")[0] ?? "");
    expect(made.filter((path) => !path.startsWith("/opt/teleport/blue/"))).toEqual([
      "/etc/systemd/system/tbot_blue.service",
      "/etc/systemd/system/tbot_blue.service.wants/",
      "/etc/systemd/system/tbot_blue.service.wants/teleport-update_blue.timer",
      "/etc/systemd/system/teleport-update_blue.service",
      "/etc/systemd/system/teleport-update_blue.timer",
      "/etc/systemd/system/teleport_blue.service",
      "/etc/systemd/system/teleport_blue.service.d/",
      "/etc/systemd/system/teleport_blue.service.d/teleport-update_blue.conf",
      "/etc/systemd/system/teleport_blue.service.wants/",
      "/etc/systemd/system/teleport_blue.service.wants/teleport-update_blue.timer",
      "/etc/needrestart/conf.d/teleport-update_blue.conf",
    ]);
    expect(made).toContain("/opt/teleport/blue/bin/teleport-update");
    expect(await host.ask("stat", "-c", "%a %n", "/srv/blue", "/srv/blue/bot")).toBe(
      "700 /srv/blue\n700 /srv/blue/bot",
    );
    expect(await host.ask("systemctl", "is-active", "teleport-update.timer", "teleport-update_blue.timer")).toBe(
      "active\nactive",
    );
    const status = await host.updater(["status", "-i", "blue"]);
    expect(status.stdout).toContain("path: /opt/teleport/blue/bin\n");
  });
});
