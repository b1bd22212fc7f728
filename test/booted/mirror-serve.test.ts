import { afterAll, beforeAll, expect, test } from "bun:test";
import { type BootedHost, bootHost } from "../support/booted-host.ts";
import { makeAuthority } from "../support/certificates.ts";
import { executablePath } from "../support/executable.ts";
import { must } from "../support/must.ts";

const UNIT = "teleport-mirror.service";
const URL = "https://127.0.0.1:8443/teleport/a.txt";
const TEXT = "a file of the mirror\n";

let host: BootedHost;
beforeAll(async () => {
  const [, unit = ""] = /^```ini\n(.*?)^```$/ms.exec(await Bun.file("docs/mirrors.md").text()) ?? [];
  const { ca, cert, key } = await (await makeAuthority()).issue();
  host = await bootHost({
    files: {
      [`/etc/systemd/system/${UNIT}`]: unit,
      "/usr/local/bin/teleport-update": { content: Bun.file(await executablePath()), mode: 0o755 },
      "/etc/teleport-mirror/cert.pem": cert,
      "/etc/teleport-mirror/key.pem": { content: key, mode: 0o600 },
      "/srv/mirror/a.txt": TEXT,
      "/root/ca.pem": ca,
    },
  });
}, 300_000);
afterAll(() => host[Symbol.asyncDispose]());

test("the documented unit serves over TLS, without a right, and ends cleanly", async () => {
  const started = await host.exec(["systemctl", "enable", "--now", UNIT]);
  expect(started.exitCode).toBe(0);
  await serving();
  const ca = `${host.directory}/root/ca.pem`;
  expect(await must(["curl", "-sS", "--noproxy", "*", "--cacert", ca, URL])).toBe(TEXT);

  const shown = async (property: string) =>
    (await host.exec(["systemctl", "show", "--value", `--property=${property}`, UNIT])).stdout.trim();
  const status = await host.readFile(`/proc/${await shown("MainPID")}/status`);
  expect(/^Uid:\t(\d+)/m.exec(status)?.[1]).toMatch(/^6[1-5]\d{3}$/);
  expect(status).toMatch(/^CapEff:\t0{16}$/m);
  expect(status).toMatch(/^CapBnd:\t0{16}$/m);
  const { stdout } = await host.exec(["systemd-analyze", "security", "--no-pager", UNIT]);
  console.log(stdout.trim().split("\n").at(-1));

  await host.exec(["systemctl", "stop", UNIT]);
  expect([await shown("Result"), await shown("ExecMainStatus")]).toEqual(["success", "0"]);
  await host.exec(["journalctl", "--sync"]);
  const log = (await host.exec(["journalctl", "-o", "cat", "-u", UNIT])).stdout;
  expect(log).toContain(`"GET /teleport/a.txt HTTP/1.1" 200 ${TEXT.length}\n`);
}, 120_000);

/** It says so in the journal. */
async function serving(): Promise<void> {
  const script = `journalctl -f -n all -o cat -u ${UNIT} | grep -m1 -e Serving. -e 'command failed'`;
  const { stdout } = await host.exec(["timeout", "30", "sh", "-c", script]);
  expect(stdout).toContain("Serving.");
}
