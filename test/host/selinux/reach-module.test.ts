import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { planModule } from "../../../src/host/selinux/plan-module.ts";
import { makeModuleChange, undoModuleChange } from "../../../src/host/selinux/reach-module.ts";
import type { SelinuxModuleChange } from "../../../src/platform/change.ts";
import { hostProcesses } from "../../../src/platform/host-processes.ts";
import type { Processes, RunResult } from "../../../src/platform/processes.ts";
import { namespaceFor } from "../../../src/settings/namespace.ts";
import { type TemporaryHost, temporaryHost } from "../../support/temporary-host.ts";
import { testWorld } from "../../support/test-world.ts";
import { snapshot } from "../../support/tree.ts";

const namespace = namespaceFor("");
const BUILD = "/usr/bin/make -f /usr/share/selinux/devel/Makefile teleport_ssh.pp";
const LABEL = "/usr/sbin/restorecon -rv /opt/teleport /var/lib/teleport /etc/teleport-upgrade.d /etc";
const STORE = "/var/lib/selinux/default/active/modules/400/teleport_ssh";
const PATHS: Record<string, string> = {
  make: "/usr/bin/make",
  semodule: "/usr/sbin/semodule",
  restorecon: "/usr/sbin/restorecon",
};
const SUCCESS: RunResult = { exitCode: 0, failure: undefined, timedOut: false, stdout: "", stderr: "" };

interface Behaviour {
  missing?: readonly string[];
  /** The stderr with which a program fails, by its name. */
  failing?: Record<string, string>;
}

/** A host with everything that a module needs, whose programs only keep the store and note that they were called. */
function selinuxHost({ missing = [], failing = {} }: Behaviour = {}) {
  const host = temporaryHost();
  host.write("/etc/selinux/config", "SELINUXTYPE=default\n");
  host.write("/usr/share/selinux/devel/Makefile", "");
  host.files.makeDirectory("/opt/teleport/default");
  host.files.makeDirectory("/var/lib");
  const calls: string[] = [];
  const sources: string[][] = [];
  const processes: Processes = {
    ...hostProcesses,
    find: (name) => (missing.includes(name) ? undefined : PATHS[name]),
    async run(argv, { directory } = {}) {
      calls.push(argv.join(" "));
      const name = Object.keys(failing).find((program) => argv[0].endsWith(`/${program}`));
      if (name !== undefined) return { ...SUCCESS, exitCode: 2, stderr: `${failing[name]}` };
      if (argv[0] === PATHS["make"]) sources.push(snapshot(`${directory}`).map((line) => line.slice(0, 24)));
      if (argv.includes("-i")) host.write(`${STORE}/cil`, "");
      if (argv.includes("-r")) host.files.removeTree(STORE);
      return SUCCESS;
    },
  };
  const world = testWorld(host.root, { files: { ...host.files, root: "/" }, processes });
  const said = () => world.log.lines.filter((line) => /^(WARN|ERROR) /.test(line));
  return { ...host, world, calls, sources, said, tree: () => snapshot(host.root) };
}

function planned({ world }: { world: Pick<TemporaryHost, "files"> }, isWanted: boolean): SelinuxModuleChange {
  const [change] = planModule(world.files, namespace, namespace.defaultDataDirectory, isWanted).changes;
  if (change?.kind !== "selinux-module") throw new Error("no change of the module is planned");
  return change;
}

describe("installing the module", () => {
  test("builds it from our sources, puts it into the store, and labels what it is about", async () => {
    using host = selinuxHost();
    await makeModuleChange(host.world, planned(host, true));
    expect(host.calls).toEqual([BUILD, "/usr/sbin/semodule -n -i teleport_ssh.pp", LABEL]);
    expect(host.sources).toEqual([['/teleport_ssh.fc 440 "`/', '/teleport_ssh.te 440 "po']]);
    expect(host.files.list("/opt/teleport/default")).toEqual([]);
  });

  test("loads it where the kernel takes a policy", async () => {
    using host = selinuxHost();
    host.write("/sys/fs/selinux/enforce", "1");
    await makeModuleChange(host.world, planned(host, true));
    expect(host.calls[1]).toBe("/usr/sbin/semodule -i teleport_ssh.pp");
    await makeModuleChange(host.world, planned(host, false));
    expect(host.calls[3]).toBe("/usr/sbin/semodule -r teleport_ssh");
  });

  test("makes what the agent would make without the label, and warns about the empty configuration", async () => {
    using host = selinuxHost();
    await makeModuleChange(host.world, planned(host, true));
    expect(host.tree()).toContain('/etc/teleport.yaml 640 ""');
    expect(host.tree()).toContain("/etc/teleport-upgrade.d/ 755");
    expect(host.tree()).toContain("/var/lib/teleport/ 700");
    expect(host.said()).toEqual([
      "WARN An empty configuration was made, so that it has its SELinux label. path:/etc/teleport.yaml",
      expect.stringContaining("run `teleport-update enable` again"),
    ]);
  });

  test("leaves a configuration alone that is there, or comes meanwhile", async () => {
    using host = selinuxHost();
    const change = planned(host, true);
    host.write("/etc/teleport.yaml", "teleport: {}\n", 0o600);
    await makeModuleChange(host.world, change);
    expect(host.tree()).toContain('/etc/teleport.yaml 600 "teleport: {}\\n"');
    expect(host.said()).toEqual([]);
  });

  test.each<[string, Behaviour, string[]]>([
    ["make", { missing: ["make"] }, ["make package:make"]],
    [
      "semodule and restorecon",
      { missing: ["semodule", "restorecon"] },
      ["semodule package:policycoreutils", "restorecon package:policycoreutils"],
    ],
    ["all programs", { missing: Object.keys(PATHS) }, ["make", "semodule", "restorecon"]],
  ])("without %s nothing is run, and the packages are named", async (_, behaviour, missing) => {
    using host = selinuxHost(behaviour);
    const before = host.tree();
    await makeModuleChange(host.world, planned(host, true));
    expect(host.calls).toEqual([]);
    expect(host.tree()).toEqual(before);
    expect(host.said()).toEqual([
      ...missing.map((words) => expect.stringMatching(new RegExp(`^ERROR .* missing:${words}`))),
      expect.stringMatching(/^WARN The SELinux module is not installed in full/),
    ]);
  });

  test("without the rules of the host's policy their package is named by both of its names", async () => {
    using host = selinuxHost();
    host.files.removeTree("/usr/share/selinux");
    await makeModuleChange(host.world, planned(host, true));
    expect(host.calls).toEqual([]);
    expect(host.said()[0]).toContain("package:selinux-policy-devel (selinux-policy-dev on Debian)");
  });

  test.each([
    ["make", 1],
    ["semodule", 2],
    ["restorecon", 3],
  ])("a failing %s is a warning, with what it said", async (program, count) => {
    using host = selinuxHost({ failing: { [program]: "it is broken" } });
    await makeModuleChange(host.world, planned(host, true));
    expect(host.calls).toHaveLength(count);
    expect(host.said().at(-1)).toMatch(
      new RegExp(`^WARN .* not installed in full.*${program}.*exit code 2, it is broken`),
    );
    expect(existsSync(join(host.root, "/etc/teleport.yaml"))).toBe(program === "restorecon");
    expect(host.files.list("/opt/teleport/default")).toEqual([]);
  });

  test("an interrupted run does not go on to change the policy", async () => {
    const abort = new AbortController();
    using host = selinuxHost();
    const { run } = host.world.processes;
    host.world.processes.run = (argv, options) => {
      abort.abort();
      return run(argv, options);
    };
    await makeModuleChange({ ...host.world, signal: abort.signal }, planned(host, true));
    expect(host.calls).toEqual([BUILD]);
    expect(host.files.list("/opt/teleport/default")).toEqual([]);
  });
});

describe("removing the module", () => {
  test("takes it out of the store, and labels again", async () => {
    using host = selinuxHost();
    host.write(`${STORE}/cil`, "");
    host.write("/etc/teleport.yaml", "");
    await makeModuleChange(host.world, planned(host, false));
    expect(host.calls).toEqual([
      "/usr/sbin/semodule -n -r teleport_ssh",
      "/usr/sbin/restorecon -rv /opt/teleport /etc",
    ]);
    expect(host.files.stat(STORE)).toBeUndefined();
    expect(host.said()).toEqual([]);
  });

  test("a module that goes meanwhile is as good as removed", async () => {
    const gone = "Unable to remove module teleport_ssh at priority 400. (No such file or directory).";
    using host = selinuxHost({ failing: { semodule: gone } });
    host.write(`${STORE}/cil`, "");
    await makeModuleChange(host.world, planned(host, false));
    expect(host.calls).toHaveLength(2);
    expect(host.said()).toEqual([]);
  });

  test("what goes wrong is a warning", async () => {
    using host = selinuxHost({ failing: { semodule: "out of memory" } });
    host.write(`${STORE}/cil`, "");
    await makeModuleChange(host.world, planned(host, false));
    expect(host.said()).toEqual([
      expect.stringMatching(/^WARN The SELinux module is not removed in full.*out of memory/),
    ]);
  });
});

describe("a change of the module is undone", () => {
  test("an install, with all that it made", async () => {
    using host = selinuxHost();
    const before = host.tree();
    const change = planned(host, true);
    await makeModuleChange(host.world, change);
    expect(host.tree()).not.toEqual(before);
    await undoModuleChange(host.world, change);
    // The store's own folders are semodule's.
    host.files.removeTree("/var/lib/selinux");
    expect(host.tree()).toEqual(before);
  });

  test("but a configuration that was written meanwhile stays", async () => {
    using host = selinuxHost();
    const change = planned(host, true);
    await makeModuleChange(host.world, change);
    host.write("/etc/teleport.yaml", "teleport: {}\n");
    await undoModuleChange(host.world, change);
    expect(host.tree()).toContain('/etc/teleport.yaml 640 "teleport: {}\\n"');
  });

  test("an install that was never begun, without running anything", async () => {
    using host = selinuxHost();
    await undoModuleChange(host.world, planned(host, true));
    expect(host.calls).toEqual([]);
  });

  test("a build over a module that was there leaves it installed", async () => {
    using host = selinuxHost();
    host.write(`${STORE}/cil`, "");
    const change = planned(host, true);
    await makeModuleChange(host.world, change);
    await undoModuleChange(host.world, change);
    expect(host.calls).toHaveLength(3);
    expect(host.files.stat(STORE)).toBeDefined();
  });

  test("a removal", async () => {
    using host = selinuxHost();
    host.write(`${STORE}/cil`, "");
    const change = planned(host, false);
    await makeModuleChange(host.world, change);
    await undoModuleChange(host.world, change);
    expect(host.calls.slice(2, 4)).toEqual([BUILD, "/usr/sbin/semodule -n -i teleport_ssh.pp"]);
    expect(host.files.stat(STORE)).toBeDefined();
  });
});
