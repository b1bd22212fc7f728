import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dirname } from "node:path";
import { revision } from "../../src/settings/revision.ts";
import { type SetupRequest, setup } from "../../src/update/setup.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, offlineHost, runningHost, type UpdateHost } from "../support/update-host.ts";

let site: Site;
beforeAll(async () => {
  site = await startSite();
});
afterAll(() => site[Symbol.asyncDispose]());

const REQUEST: Omit<SetupRequest, "selinuxSsh"> = {
  namespace: NAMESPACE,
  revision: revision("18.1.0"),
  path: "/usr/local/bin",
  reload: false,
  tbot: true,
};
const STORE = "/var/lib/selinux/default/active/modules/400/teleport_ssh";

/** A host whose `semodule` keeps a store of empty files. What the true programs do is for the booted tests. */
function selinuxHost(): UpdateHost {
  const host = runningHost(site);
  host.write("/etc/selinux/config", "SELINUXTYPE=default\n");
  host.write("/usr/share/selinux/devel/Makefile", "");
  host.files.makeDirectory(dirname(STORE));
  const store = `${host.root}${STORE}`;
  const programs: Record<string, string> = {
    make: ": >teleport_ssh.pp",
    semodule: `case "$2" in -i) test -e "$3" && mkdir '${store}' ;; -r) rmdir '${store}' ;; esac`,
    restorecon: ":",
  };
  for (const [name, action] of Object.entries(programs)) {
    host.write(
      `/usr/sbin/${name}`,
      `#!/bin/sh\necho "${name} $*" >>'${host.root}/run/selinux.log'\n${action}\n`,
      0o755,
    );
  }
  const { find } = host.world.processes;
  host.world.processes.find = (name) => (name in programs ? `/usr/sbin/${name}` : find(name));
  return host;
}

const calls = (host: UpdateHost) =>
  host.files
    .readText("/run/selinux.log", 1 << 16)
    ?.trimEnd()
    .split("\n") ?? [];

describe("setup", () => {
  test("[core 7.9 SELinux on and off] installs the module after the services' units, and removes it when it is off", async () => {
    using host = selinuxHost();
    await setup(host.world, { ...REQUEST, selinuxSsh: true });
    expect(host.files.stat(STORE)).toBeDefined();
    expect(calls(host).map((line) => line.split(" ")[0])).toEqual(["make", "semodule", "restorecon"]);
    const changes = host.world.log.lines.filter((line) => line.startsWith("DEBUG Change: "));
    const [at, ...around] = ["install the SELinux module", "tbot.service", "teleport-update.service"].map((words) =>
      changes.findIndex((line) => line.includes(words)),
    );
    expect(around.map((other) => other < Number(at))).toEqual([true, false]);

    await setup(host.world, { ...REQUEST, selinuxSsh: false });
    expect(host.files.stat(STORE)).toBeUndefined();
    expect(calls(host)).toContain("semodule -n -r teleport_ssh");
  });

  test("that fails later takes the module away again", async () => {
    using host = selinuxHost();
    host.write("/run/failing-verbs", "daemon-reload\n");
    const before = host.tree();
    await expect(setup(host.world, { ...REQUEST, selinuxSsh: true })).rejects.toMatchObject({ code: "E_ROLLBACK" });
    host.files.removeFile("/run/selinux.log");
    expect(host.tree()).toEqual(before);
  });

  test("does not fail with the module", async () => {
    using host = selinuxHost();
    host.write("/usr/sbin/semodule", "#!/bin/sh\nexit 1\n");
    await setup(host.world, { ...REQUEST, selinuxSsh: true });
    expect(host.systemctl()).toContain("enable teleport-update.timer --now");
  });

  test("leaves the module out under `--root`, with one warning", async () => {
    using host = offlineHost(site);
    await setup(host.world, { ...REQUEST, selinuxSsh: true });
    expect(host.world.log.lines.filter((line) => line.startsWith("WARN "))).toEqual([
      "WARN The SELinux module is left out, as nothing is run under `--root`.",
    ]);
    expect(host.files.stat("/etc/teleport.yaml")).toBeUndefined();
  });
});
