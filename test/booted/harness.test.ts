import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { type BootedHost, bootHost } from "../support/booted-host.ts";

const COUNTER_UNIT = `[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'echo started >>/var/lib/counter'

[Install]
WantedBy=multi-user.target
`;

describe("a booted host", () => {
  let host: BootedHost;
  beforeAll(async () => {
    host = await bootHost({
      suite: "bookworm",
      files: {
        "/etc/systemd/system/counter.service": COUNTER_UNIT,
        "/root/tool": { content: "#!/bin/sh\nid -u\n", mode: 0o755 },
      },
    });
  }, 300_000);
  afterAll(() => host[Symbol.asyncDispose]());

  test("runs a systemd of its own", async () => {
    const { stdout } = await host.exec(["systemctl", "is-system-running"]);
    expect(stdout).toBe("running\n");
    expect(await host.readFile("/etc/hostname")).not.toBe("");
  });

  test("runs programs as root, with their own environment, umask and stdin", async () => {
    expect(await host.exec(["/root/tool"])).toEqual({ exitCode: 0, stdout: "0\n", stderr: "" });
    const script = 'umask; echo "$COLOUR $HOME"; pwd; cat; echo oops >&2; exit 7';
    const options = { env: { COLOUR: "red" }, umask: "0077", stdin: "from the test" };
    const { exitCode, stdout, stderr } = await host.exec(["sh", "-c", script], options);
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 7,
      stdout: "0077\nred /root\n/root\nfrom the test",
      stderr: "oops\n",
    });
    expect((await host.exec(["sh", "-c", "kill -9 $$"])).exitCode).toBe(137);
  });

  test("reaches a server of the test", async () => {
    using server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("here") });
    const script = `exec 3<>/dev/tcp/127.0.0.1/${server.port}; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; tail -n1 <&3`;
    expect((await host.exec(["bash", "-c", script])).stdout).toBe("here");
  });

  test("restarts a unit, and starts it again after a reboot with the same disk and machine id", async () => {
    await host.exec(["systemctl", "enable", "--now", "counter.service"]);
    await host.exec(["systemctl", "restart", "counter.service"]);
    await host.writeFile("/srv/kept/file", "kept");
    const machineId = await host.readFile("/etc/machine-id");
    expect(await host.readFile("/var/lib/counter")).toBe("started\n".repeat(2));

    await host.reboot();
    expect(await host.readFile("/var/lib/counter")).toBe("started\n".repeat(3));
    expect(await host.readFile("/srv/kept/file")).toBe("kept");
    expect(await host.readFile("/etc/machine-id")).toBe(machineId);
  }, 60_000);

  test("leaves its neighbour alone, and nothing behind", async () => {
    const neighbour = await bootHost();
    await host.exec(["systemctl", "stop", "systemd-logind.service", "dbus.service"]);
    expect((await neighbour.exec(["systemctl", "is-active", "dbus.service"])).stdout).toBe("active\n");
    await neighbour[Symbol.asyncDispose]();
    expect(existsSync(neighbour.directory)).toBeFalse();
  }, 60_000);
});
