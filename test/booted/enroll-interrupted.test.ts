import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type Cluster, enableFrom, startCluster } from "./support/cluster.ts";
import {
  added,
  bootUpdaterHost,
  LOCKED_NAMESPACE,
  outcomeOf,
  UPDATER,
  type UpdaterHost,
} from "./support/updater-host.ts";

const VERSION = "18.1.0";
const PID_FILE = "/run/updater.pid";
const REACHED = "/run/reached";

/** What the stand-in updater takes for `systemctl`, as ours looks in the system's own folders only. */
const STALLING_SYSTEMCTL = (word: string, before: string) => ({
  "/usr/local/sbin/systemctl": {
    content: `#!/bin/sh
if [ "$1" = ${word} ]; then
  ${before}
  echo reached >${REACHED}
  exec sleep infinity
fi
exec /usr/bin/systemctl "$@"
`,
    mode: 0o755,
  },
});

describe("SIGTERM", () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster([{ version: VERSION }]);
  }, 300_000);
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  /** Starts an enrolment; `reached` tells when to end it. */
  async function terminate(host: UpdaterHost, reached: Promise<unknown>) {
    const script = `echo $$ >${PID_FILE}; exec "$@"`;
    const run = host.exec(["sh", "-c", script, "sh", UPDATER, "--log-format=json", ...enableFrom(cluster)]);
    await Promise.race([reached, run.then(({ stderr }) => Promise.reject(new Error(`it ended early:\n${stderr}`)))]);
    await host.exec(["sh", "-c", `kill -TERM "$(cat ${PID_FILE})"`]);
    const { exitCode, code } = outcomeOf(await run);
    return { exitCode, code };
  }

  test("during the download leaves an empty namespace and nothing else", async () => {
    const release = cluster.made[VERSION];
    if (release === undefined) throw new Error("no release was made");
    await using host = await bootUpdaterHost(cluster.ca);
    const before = host.footprint();
    const half = readFileSync(release.archive).subarray(0, release.bytes / 2);
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    cluster.respond(release.urlPath, () => {
      resolve();
      const body = new ReadableStream({ start: (controller) => controller.enqueue(half) });
      return new Response(body, { headers: { "content-length": String(release.bytes) } });
    });
    const outcome = await terminate(host, reached);
    cluster.respond(release.urlPath, undefined);

    expect(outcome).toEqual({ exitCode: 1, code: "E_CANCELED" });
    expect(added(host.footprint(), before)).toEqual([]);
    expect(added(before, host.footprint())).toEqual(LOCKED_NAMESPACE);
  });

  test.each([
    // Units are written, and systemd has not read them.
    ["before systemd reads the units", STALLING_SYSTEMCTL("daemon-reload", ":")],
    ["before the timer is enabled", STALLING_SYSTEMCTL("enable", ":")],
    ["after the timer was enabled", STALLING_SYSTEMCTL("enable", '/usr/bin/systemctl "$@"')],
  ])("during the release's setup, %s, puts the host back", async (_, files) => {
    await using host = await bootUpdaterHost(cluster.ca, { files });
    const before = host.footprint();
    await host.exec(["mkfifo", REACHED]);
    const outcome = await terminate(host, host.exec(["cat", REACHED]));
    expect(outcome).toEqual({ exitCode: 1, code: "E_CANCELED" });
    expect(added(host.footprint(), before)).toEqual([]);
    expect(added(before, host.footprint())).toEqual(LOCKED_NAMESPACE);
    expect(await host.ask("systemctl", "show", "--value", "-p", "LoadState,ActiveState", "teleport-update.timer")).toBe(
      "not-found\ninactive",
    );
    // What the setup had started ended with it.
    expect(await host.ask("pgrep", "-x", "sleep")).toBe("");
  });
});
