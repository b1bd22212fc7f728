import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, startCluster } from "./support/cluster.ts";
import { bootUpdaterHost } from "./support/updater-host.ts";
import { installAsUpstream } from "./support/upstream.ts";

const OLD = "18.0.0";
const NEW = "18.1.0";
const NAMESPACE = "/opt/teleport/default";
const BOT_SOCKET = "/var/lib/teleport/bot/debug.sock";

describe("a host that upstream's updater enrolled, with agent and bot running", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster([{ version: NEW }, { version: OLD }]);
  }, 300_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  test("[core 7.7 config from file]: moves to the new release with its own settings, under new processes", async () => {
    const config = (active: string) => `version: v1
kind: update_config
spec:
    proxy: ${cluster.address}
    path: /usr/local/bin
    group: canary
    base_url: ${cluster.baseUrl}
    enabled: true
    pinned: false
status:
    id_file: /tmp/teleport-update.id
    active:
        version: ${active}
`;
    await using host = await bootUpdaterHost(cluster.ca, {
      files: { [`${NAMESPACE}/update.yaml`]: config(OLD) },
      beforeBoot: (directory) => installAsUpstream(directory, cluster.made[OLD]?.archive ?? "", OLD),
    });
    const setup = ["--install-dir", "/opt/teleport", "--install-suffix", "", "--log-format", "text", "setup"];
    await host.exec(["/usr/local/bin/teleport-update", ...setup, "--path", "/usr/local/bin"], {
      env: { TELEPORT_UPDATE_SETUP_VERSION: OLD, TELEPORT_UPDATE_SETUP_TBOT: "true" },
    });
    await host.exec(["systemctl", "enable", "--now", "teleport.service", "tbot.service"]);
    const [oldAgent, oldBot] = [await readiness(host), await readiness(host, BOT_SOCKET)];
    expect(await programOf(host, oldAgent.pid)).toBe(`${NAMESPACE}/versions/${OLD}/bin/teleport`);

    await host.succeed(["enable"]);
    expect(cluster.requests[0]?.query["group"]).toBe("canary");
    expect(await host.readFile(`${NAMESPACE}/update.yaml`)).toBe(
      `${config(NEW)}    backup:\n        version: ${OLD}\n`,
    );

    const [agent, bot] = [await readiness(host), await readiness(host, BOT_SOCKET)];
    expect(await programOf(host, agent.pid)).toBe(`${NAMESPACE}/versions/${NEW}/bin/teleport`);
    expect(await programOf(host, bot.pid)).toBe(`${NAMESPACE}/versions/${NEW}/bin/tbot`);
    expect(await host.ask("pgrep", "-x", "teleport|tbot")).toBe(
      [agent.pid, bot.pid].sort((one, other) => one - other).join("\n"),
    );
    expect(agent.pid).not.toBe(oldAgent.pid);
    expect(bot.pid).not.toBe(oldBot.pid);
    expect(await host.ask("systemctl", "show", "--value", "-p", "NRestarts", "teleport.service")).toBe("0");
  });
});
