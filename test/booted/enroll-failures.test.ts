import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { advertise } from "../support/proxy-and-cdn.ts";
import { programOf, readiness } from "./support/agent.ts";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import { added, bootUpdaterHost, LOCKED_NAMESPACE, type UpdaterHost } from "./support/updater-host.ts";

const GOOD = "18.1.0";
const FAILING = "18.2.0";
const WRONG_ARCHITECTURE = "18.3.0";
const NEWER_GLIBC = "18.4.0";
const CRASHING = "18.5.0";

/** What the stand-in updater takes for `systemctl`, as ours looks in the system's own folders only. */
const FAILING_SYSTEMCTL = (word: string) => `#!/bin/sh
if [ "$1" = "${word}" ]; then exit 1; fi
exec /usr/bin/systemctl "$@"
`;

describe("an enrolment that fails", () => {
  let cluster: Cluster;
  let host: UpdaterHost;
  /** What the host has before each test. */
  let before: string[];

  beforeAll(async () => {
    cluster = await startCluster([
      { version: GOOD },
      { version: FAILING, updater: "failing" },
      { version: WRONG_ARCHITECTURE, bad: { agent: "wrong-architecture" } },
      { version: NEWER_GLIBC, bad: { bot: "needs-newer-glibc" } },
      { version: CRASHING, bad: { agent: "crash-loops" } },
    ]);
    host = await bootUpdaterHost(cluster.ca, { files: { "/etc/needrestart/conf.d/README": "" } });
    before = host.footprint();
  }, 300_000);
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]();
    await cluster?.[Symbol.asyncDispose]();
  });

  const refusal = async (...flags: string[]) => {
    const { exitCode, code } = await host.updater([...enableFrom(cluster), ...flags]);
    return { exitCode, code };
  };
  const timerState = () =>
    host.ask("systemctl", "show", "-p", "LoadState,ActiveState,UnitFileState", "teleport-update.timer");

  describe("on a fresh host", () => {
    test("leaves an empty namespace and nothing else", async () => {
      const state = await timerState();
      expect(await refusal("--force-version", FAILING)).toEqual({ exitCode: 1, code: "E_BROKEN_RELEASE" });
      expect(added(host.footprint(), before)).toEqual([]);
      expect(added(before, host.footprint())).toEqual(LOCKED_NAMESPACE);
      expect(await timerState()).toBe(state);
      before = host.footprint();
    });

    test.each([
      ["another architecture", WRONG_ARCHITECTURE],
      ["a newer glibc", NEWER_GLIBC],
    ])("refuses programs for %s before any link", async (_, version) => {
      expect(await refusal("--force-version", version)).toEqual({ exitCode: 1, code: "E_PROGRAM" });
      expect(host.footprint()).toEqual(before);
    });

    test("[core 7.7 insecure URL]: asks nobody", async () => {
      cluster.requests.length = 0;
      const { exitCode, code } = await host.updater(["enable", "--proxy", cluster.address, "--base-url", "http://x"]);
      expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_BASE_URL" });
      expect(cluster.requests).toEqual([]);
      expect(host.footprint()).toEqual(before);
    });

    test("[core 7.7 agpl without base URL]: asks the proxy only", async () => {
      cluster.requests.length = 0;
      cluster.find = advertise(GOOD, { edition: "oss" });
      const { exitCode, code } = await host.updater(["enable", "--proxy", cluster.address]);
      cluster.find = advertise(GOOD);
      expect({ exitCode, code }).toEqual({ exitCode: 1, code: "E_BASE_URL" });
      expect(cluster.requests.map(({ path }) => path)).toEqual(["/webapi/find"]);
      expect(host.footprint()).toEqual(before);
    });

    test("[inst 8.6 link regular file]: a program of somebody else's stays, until `--overwrite` replaces it", async () => {
      await host.writeFile("/usr/local/bin/teleport", { content: "#!/bin/sh\n", mode: 0o755 });
      const withFile = host.footprint();
      expect(await refusal()).toEqual({ exitCode: 1, code: "E_FILE_PRESENT" });
      expect(host.footprint()).toEqual(withFile);

      await host.succeed([...enableFrom(cluster), "--overwrite"]);
      expect(await host.ask("readlink", "/usr/local/bin/teleport")).toBe(
        `/opt/teleport/default/versions/${GOOD}/bin/teleport`,
      );
      expect(await host.ask("find", "/usr/local/bin", "-not", "-type", "l")).toBe("/usr/local/bin");
    });
  });

  describe("on an enrolled host", () => {
    beforeAll(async () => {
      await host.succeed(enableFrom(cluster));
      await host.exec(["systemctl", "enable", "--now", "teleport.service"]);
      await readiness(host);
      before = host.footprint();
    }, 60_000);

    test.each([
      ["[core 7.7 setup fails]: a setup", FAILING, FAILING_SYSTEMCTL("none of its words")],
      ["[core 7.7 setup fails, already installed]: a repair", GOOD, FAILING_SYSTEMCTL("enable")],
    ])("%s that fails is undone, and the agent never notices", async (_, version, systemctl) => {
      const { pid } = await readiness(host);
      const state = await timerState();
      await host.writeFile("/usr/local/sbin/systemctl", { content: systemctl, mode: 0o755 });
      const outcome = await refusal("--force-version", version, "--group", "canary");
      await host.exec(["rm", "/usr/local/sbin/systemctl"]);
      expect(outcome).toEqual({ exitCode: 1, code: "E_BROKEN_RELEASE" });
      expect(host.footprint()).toEqual(before);
      expect(await timerState()).toBe(state);
      expect((await readiness(host)).pid).toBe(pid);
    });

    test("[core 7.7 setup fails]: an agent that does not live is put back onto its old release", async () => {
      const old = await readiness(host);
      expect(await refusal("--force-version", CRASHING)).toEqual({ exitCode: 1, code: "E_BROKEN_RELEASE" });
      expect(host.footprint()).toEqual(before);
      const { status, pid } = await readiness(host);
      expect(status).toBe("ok");
      expect(pid).not.toBe(old.pid);
      expect(await programOf(host, pid)).toBe(`/opt/teleport/default/versions/${GOOD}/bin/teleport`);
      expect(await host.ask("pidof", "teleport")).toBe(String(pid));
    });
  });
});
