import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type BootedHost, bootHost } from "../support/booted-host.ts";
import { executablePath } from "../support/executable.ts";
import { SELINUX_PACKAGES } from "./support/selinux-host.ts";

const UPDATER = "/srv/teleport-update";
const AGENT = "/opt/teleport/default/versions/18.1.0/bin/teleport";

/** The kernel here has no SELinux: the policy is built, checked and stored for real, but nothing enforces it. */
describe.each(["bookworm", "trixie"] as const)("the SELinux module on %s", (suite) => {
  let host: BootedHost;
  beforeAll(async () => {
    const executable = await executablePath();
    host = await bootHost({
      suite,
      packages: SELINUX_PACKAGES,
      beforeBoot(directory) {
        mkdirSync(join(directory, "srv"), { recursive: true });
        copyFileSync(executable, join(directory, UPDATER));
      },
      files: { [AGENT]: { content: "#!/bin/sh\n", mode: 0o755 } },
    });
  }, 600_000);
  afterAll(() => host?.[Symbol.asyncDispose]());

  /** As an updater calls its setup child; answers what it logged. */
  async function setup(selinuxSsh: boolean, flags: readonly string[] = []): Promise<string> {
    const env = { TELEPORT_UPDATE_SETUP_VERSION: "18.1.0", TELEPORT_UPDATE_SELINUX_SSH: String(selinuxSsh) };
    const { exitCode, stderr } = await host.exec([UPDATER, ...flags, "setup", "--path", "/usr/local/bin"], { env });
    expect(exitCode, stderr).toBe(0);
    return stderr;
  }

  const modules = async () => (await host.exec(["semodule", "-l"])).stdout.split("\n");
  /** The type that the host's policy gives a path. */
  const typeOf = async (path: string) => (await host.exec(["matchpathcon", "-n", path])).stdout.split(":")[2];

  test("is built and installed, and labels what the agent uses", async () => {
    const log = await setup(true, ["--debug"]);
    expect(log).toContain("The SELinux module is installed.");
    expect(log).toMatch(/DEBUG .*\[stdout\] Compiling default teleport_ssh module/);
    expect(log).not.toContain("not installed in full");
    expect(await modules()).toContain("teleport_ssh");
    expect(await typeOf(AGENT)).toBe("teleport_ssh_exec_t");
    expect(await typeOf("/opt/teleport/default/versions/18.1.0/bin/tsh")).toBe("bin_t");
    expect(await typeOf("/run/teleport.pid")).toBe("teleport_ssh_pid_t");
    expect(await typeOf("/run/.teleport.pid123")).toBe("teleport_ssh_pid_t");
    expect(await typeOf("/etc/teleport.yaml")).toBe("teleport_ssh_conf_t");
    expect(await typeOf("/var/lib/teleport/proc/sqlite.db")).toBe("teleport_ssh_data_t");
    expect(await typeOf("/etc/teleport-upgrade.d/schedule")).toBe("teleport_ssh_upgrade_data_t");
  });

  test("is where the agent looks for it, with a domain that is permissive", async () => {
    const script =
      "test -d /var/lib/selinux/default/active/modules/400/teleport_ssh && cd /tmp && $0 -c -E $1 && cat $1.cil";
    const { stdout } = await host.exec(["sh", "-c", script, "semodule", "teleport_ssh"]);
    expect(stdout).toContain("(typepermissive teleport_ssh_t)");
  });

  test("leaves the paths that the agent needs, and no staging", async () => {
    const { stdout } = await host.exec([
      ...["stat", "--format=%n %a %s", "/etc/teleport.yaml", "/etc/teleport-upgrade.d", "/var/lib/teleport"],
    ]);
    expect(stdout).toMatch(
      /^\/etc\/teleport\.yaml 640 0\n\/etc\/teleport-upgrade\.d 755 \d+\n\/var\/lib\/teleport 700 /,
    );
    expect((await host.exec(["ls", "-A", "/opt/teleport/default"])).stdout).toBe("versions\n");
  });

  test("is removed by a setup that has it off", async () => {
    expect(await setup(false)).toContain("The SELinux module is removed.");
    expect(await modules()).not.toContain("teleport_ssh");
    expect(await typeOf("/var/lib/teleport/proc")).toBe("var_lib_t");
    expect(await setup(false)).not.toContain("SELinux");
  });

  test("is left out with a warning where it cannot be built, and setup succeeds", async () => {
    await host.exec(["mv", "/usr/share/selinux/devel/Makefile", "/usr/share/selinux/devel/Makefile.away"]);
    const log = await setup(true);
    expect(log).toContain("selinux-policy-dev");
    expect(log).toContain("The SELinux module is not installed in full.");
    expect(await modules()).not.toContain("teleport_ssh");
  });
});
